"""`marquee report`: HTML pages that compare the champion's training data with later data.

HOME/reports/ is replaced as a whole, except the pages of releases: index.html with the verdicts, and one Evidently page
per comparison.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import Any
from zlib import crc32

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from feature_repo.compute.past import PAST_COLUMNS
from feature_repo.core.errors import HomeError
from feature_repo.core.files import atomic_directory, write_atomic
from feature_repo.core.home import Home
from feature_repo.core.progress import SILENT, Progress
from feature_repo.core.settings import read
from models.release.artifact import champion_or_previous
from monitoring.measures.drift import feature_drift
from monitoring.measures.drift_bars import DRIFT
from monitoring.measures.embedding_drift import EmbeddingDrift, TooFew, embedding_drift
from monitoring.measures.feed_quality import Interactions, feed_quality
from monitoring.pages.index import ALARM, QUIET, UNMEASURED, Card, index_html
from monitoring.reports.subject import REPORT, ReportConfig, Subject, day
from training.data.dataset import ranking_rows
from training.data.splits import next_watches, sequences

Array = np.ndarray[Any, Any]
CALENDAR = ("hour_sin", "hour_cos", "is_weekend")  # these always differ between windows of a few days
Made = tuple[Card, dict[str, Any]]  # the card, and the headline numbers


def write_reports(home: Home, progress: Progress = SILENT, config: ReportConfig | None = None) -> dict[str, Any]:
    """Write every page and the index; return their paths and headline numbers. Raises HomeError without a champion."""
    started = perf_counter()
    release = champion_or_previous(home)
    makers: dict[str, tuple[str, Callable[[Subject, str, Path], Made]]] = {
        "feed_quality": ("Recommendation quality and diversity", _feed_quality),
        "feature_drift": ("Feature and prediction drift", _feature_drift),
        "user_vectors": ("Viewer embedding drift", _user_vectors),
        "video_vectors": ("Video embedding drift", _video_vectors),
    }
    cards: list[Card] = []
    headlines: dict[str, dict[str, Any]] = {}
    with progress.task("reports", total=len(makers) + 1) as advance:
        subject = Subject.open(home, release, config or read(REPORT, home.root))
        advance(1)
        with atomic_directory(home.reports) as folder:
            for name, (title, make) in makers.items():
                try:
                    card, headlines[name] = make(subject, title, folder / f"{name}.html")
                except (
                    HomeError
                ) as error:  # too little data, or features older than the lake: report that, and write the other pages
                    card, headlines[name] = Card(title, UNMEASURED, f"{error}."), {"not_measured": str(error)}
                cards.append(card)
                advance(1)
            _keep_release_pages(home, folder)
            written = datetime.fromtimestamp(subject.world.now_us() / 1e6, UTC).strftime("%-d %B %Y, %H:%M UTC")
            made = f"release/{release.release_id}/index.html"
            page = made if (folder / made).exists() else ""
            write_atomic(
                folder / "index.html", index_html(subject.world.name, release.release_id, written, cards, page)
            )
    return {
        "index": str(home.reports / "index.html"),
        "pages": [str(home.reports / file) for card in cards for _, file in card.pages],
        "alarms": [card.title for card in cards if card.verdict == ALARM],
        **headlines,
        "seconds": perf_counter() - started,
    }


def _keep_release_pages(home: Home, folder: Path) -> None:
    """Keep the pages of releases (monitoring/reports/release_report.py), which are written once."""
    if (home.reports / "release").is_dir():
        shutil.copytree(home.reports / "release", folder / "release")


def _feature_drift(subject: Subject, title: str, path: Path) -> Made:
    """The ranker's inputs and scores: its training window against the days after."""
    cuts, retrieval, ranker = subject.cuts, subject.release.retrieval, subject.release.ranker
    windows: list[Mapping[str, Array]] = []
    for start_us, end_us in ((cuts.t1_us, cuts.t2_us), (cuts.t2_us, cuts.end_us)):
        columns = ranking_rows(subject.home, start_us, end_us, retrieval, subject.config.exposures).columns
        inputs = {name: column for name, column in columns.items() if name not in (*CALENDAR, *PAST_COLUMNS)}
        windows.append({**inputs, **{f"prediction:{name}": score for name, score in ranker.score(columns).items()}})
    found = feature_drift(windows[0], windows[1], path, read(DRIFT, subject.home.root))
    sizes = [len(window["two_tower_score"]) for window in windows]
    shown = list(found.distances.items())[: subject.config.columns_shown]
    return Card(
        title=title,
        verdict=ALARM if found.alarm else QUIET,
        sentence=f"{len(found.drifted)} of the {len(found.distances)} inputs and outputs of the ranker have drifted.",
        compared=f"{sizes[0]:,} exposures from {day(cuts.t1_us)} on, against {sizes[1]:,} from {day(cuts.t2_us)} on",
        header=("column", "distance in standard deviations"),
        rows=[(name, f"{distance:.2f}") for name, distance in shown],
        pages=[("Distributions", path.name)],
    ), {"share": found.share, "drifted": list(found.drifted), "distances": dict(shown), "alarm": found.alarm}


def _user_vectors(subject: Subject, title: str, path: Path) -> Made:
    """Vectors of viewers at the end of training against those of other viewers now."""
    cuts, vectors = subject.cuts, []
    for half, at_us in enumerate((cuts.t2_us, cuts.end_us)):
        seen = sequences(subject.watched, at_us)
        histories, times = seen.histories(), seen.times()
        # No viewer is on both sides: the two samples must be independent.
        own = [user for user, user_id in enumerate(seen.user_ids) if crc32(user_id.encode()) % 2 == half]
        chosen = _sample(np.array(own, dtype=np.int64), subject.config.users)
        if not len(chosen):
            raise TooFew(f"too few viewers had watched anything by {day(at_us)}")
        vectors.append(
            subject.user_vectors(
                seen.user_ids[chosen], [histories[u] for u in chosen], [times[u] for u in chosen], at_us
            )
        )
    found = embedding_drift("user", vectors[0], vectors[1], path)
    compared = f"{len(vectors[0]):,} viewers on {day(cuts.t2_us)} against {len(vectors[1]):,} on {day(cuts.end_us)}"
    return _embedding_card(
        title, "How well can a classifier tell current viewers from those in training?", compared, found, path
    )


def _video_vectors(subject: Subject, title: str, path: Path) -> Made:
    """Videos published after the two-tower model's training data against those it was trained on."""
    is_new = subject.published_us >= subject.cuts.t1_us
    old, new = (_sample(np.flatnonzero(which), 2 * subject.config.users) for which in (~is_new, is_new))
    found = embedding_drift("video", subject.video_VD[old], subject.video_VD[new], path)
    compared = f"{len(old):,} videos published before {day(subject.cuts.t1_us)} against {len(new):,} since"
    sentence = "How well can a classifier tell new videos, embedded by content alone, from trained ones?"
    return _embedding_card(title, sentence, compared, found, path)


def _feed_quality(subject: Subject, title: str, path: Path) -> Made:
    """The two-tower model's best unseen videos and popularity's, evaluated on watches after training."""
    cuts, config = subject.cuts, subject.config
    asked = next_watches(subject.watched, cuts.t2_us, cuts.end_us)
    asked = asked.take(_sample(np.arange(len(asked)), config.judged_users))
    if not len(asked):
        raise TooFew(f"no viewer watched a new video from {day(cuts.t2_us)} on")
    open_UV = np.tile(subject.published_us < cuts.t2_us, (len(asked), 1))
    for row, history in enumerate(asked.histories):
        open_UV[row, subject.rows(history)] = False
    before = subject.watched.filter(pc.less(subject.watched["timestamp_us"], cuts.t2_us))
    recent = before.slice(max(before.num_rows - config.watches, 0))
    recent = recent.filter(pc.is_in(recent["video_id"], pa.array(list(subject.row_of))))
    users = recent["user_id"].combine_chunks().dictionary_encode().indices.to_numpy()
    train = Interactions(users, subject.rows(recent["video_id"].to_pylist()))
    popularity_V = np.bincount(train.videos, minlength=len(subject.video_VD)).astype(np.float32)
    user_UD = subject.user_vectors(asked.user_ids, asked.histories, asked.times_us, cuts.t2_us)
    diversity_path = path.with_name("feed_diversity.html")
    found = feed_quality(
        _top(user_UD @ subject.video_VD.T, open_UV, config.list_length),
        _top(popularity_V, open_UV, config.list_length),
        [subject.rows(targets) for targets in asked.targets],
        train,
        subject.genres_VG,
        path,
        diversity_path,
    )
    good = f"The two-tower model's {config.list_length} best unseen videos, beside the most popular unseen ones."
    return Card(
        title=title,
        verdict=ALARM if found.alarms else QUIET,
        sentence="Alarm: " + "; ".join(found.alarms) + "." if found.alarms else good,
        compared=f"{len(asked):,} viewers' lists of {day(cuts.t2_us)}, evaluated on later watches",
        header=("measure", "champion", "popularity"),
        rows=[(n.replace("_", " "), f"{value:.3f}", f"{found.baseline[n]:.3f}") for n, value in found.current.items()],
        pages=[("Quality", path.name), ("Diversity, novelty and popularity", diversity_path.name)],
    ), {"champion": dict(found.current), "popularity": dict(found.baseline), "alarms": list(found.alarms)}


def _embedding_card(title: str, sentence: str, compared: str, found: EmbeddingDrift, path: Path) -> Made:
    return Card(
        title=title,
        verdict=ALARM if found.alarm else QUIET,
        sentence=sentence,
        compared=compared,
        header=("measure", "value"),
        rows=[
            ("AUC of the classifier (.5 = indistinguishable)", f"{found.auc:.3f}"),
            ("alarms from", f"{found.bar:.3f}"),
        ],
        pages=[("Map of the vectors", path.name)],
    ), {**asdict(found), "alarm": found.alarm}


def _top(score_UV: Array, open_UV: Array, k: int) -> Array:
    """(U, k) rows of the best open videos, best first; -1 where fewer are open."""
    masked_UV = np.where(open_UV, score_UV, -np.inf)
    best_UK = np.argsort(-masked_UV, axis=1, kind="stable")[:, :k]
    return np.where(np.isfinite(np.take_along_axis(masked_UV, best_UK, axis=1)), best_UK, -1)


def _sample(values: Array, limit: int) -> Array:
    return np.random.default_rng(0).permutation(values)[:limit]
