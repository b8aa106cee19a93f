"""`marquee report`: what the champion saw when it was trained against what it sees now, as pages a person can read.

HOME/reports/ is replaced as a whole: index.html with the verdicts, and one Evidently page for each comparison.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from feature_repo.home import Home, HomeError, atomic_directory, write_atomic
from feature_repo.progress import SILENT, Progress
from models.artifact import load_champion
from monitoring.drift import feature_drift
from monitoring.embedding_drift import EmbeddingDrift, embedding_drift
from monitoring.feed_quality import Interactions, feed_quality
from monitoring.index_page import ALARM, QUIET, UNMEASURED, Card, index_html
from monitoring.subject import ReportConfig, Subject, day
from training.dataset import ranking_rows

Array = np.ndarray[Any, Any]
CALENDAR = ("hour_sin", "hour_cos", "is_weekend")  # windows of a few days always differ in these
Made = tuple[Card, dict[str, Any]]  # what a person reads, and the headline numbers


def write_reports(home: Home, progress: Progress = SILENT, config: ReportConfig = ReportConfig()) -> dict[str, Any]:
    """Write every page and the index; return their paths and headline numbers. Raises HomeError without a champion."""
    started = perf_counter()
    release, _ = load_champion(home)
    makers: dict[str, tuple[str, Callable[[Subject, str, Path], Made]]] = {
        "feed_quality": ("Recommendation quality and diversity", _feed_quality),
        "feature_drift": ("Feature and prediction drift", _feature_drift),
        "user_vectors": ("Viewer embedding drift", _user_vectors),
        "video_vectors": ("Video embedding drift", _video_vectors),
    }
    cards: list[Card] = []
    headlines: dict[str, dict[str, Any]] = {}
    with progress.task("reports", total=len(makers) + 1) as advance:
        subject = Subject.open(home, release, config)
        advance(1)
        with atomic_directory(home.reports) as folder:
            for name, (title, make) in makers.items():
                try:
                    card, headlines[name] = make(subject, title, folder / f"{name}.html")
                except (ValueError, HomeError) as error:  # too little data to compare: say so, and make the others
                    card, headlines[name] = Card(title, UNMEASURED, f"{error}."), {"not_measured": str(error)}
                cards.append(card)
                advance(1)
            written = datetime.fromtimestamp(subject.world.now_us() / 1e6, UTC).strftime("%-d %B %Y, %H:%M UTC")
            write_atomic(folder / "index.html", index_html(subject.world.name, release.release_id, written, cards))
    return {
        "index": str(home.reports / "index.html"),
        "pages": [str(home.reports / file) for card in cards for _, file in card.pages],
        "alarms": [card.title for card in cards if card.verdict == ALARM],
        **headlines,
        "seconds": perf_counter() - started,
    }


def _feature_drift(subject: Subject, title: str, path: Path) -> Made:
    """The ranker's inputs and its scores: the window it was trained on against the days after."""
    cuts, retrieval, ranker = subject.cuts, subject.release.retrieval, subject.release.ranker
    windows: list[Mapping[str, Array]] = []
    for start_us, end_us in ((cuts.t1_us, cuts.t2_us), (cuts.t2_us, cuts.end_us + 1)):
        columns = ranking_rows(subject.home, start_us, end_us, retrieval, subject.config.exposures).columns
        read = {name: column for name, column in columns.items() if name not in CALENDAR}
        windows.append({**read, **{f"prediction:{name}": score for name, score in ranker.score(columns).items()}})
    found = feature_drift(windows[0], windows[1], path)
    sizes = [len(window["two_tower_score"]) for window in windows]
    shown = list(found.distances.items())[: subject.config.columns_shown]
    return Card(
        title=title,
        verdict=ALARM if found.alarm else QUIET,
        sentence=f"{len(found.drifted)} of the {len(found.distances)} numbers the ranker reads and gives have moved.",
        compared=f"{sizes[0]:,} exposures from {day(cuts.t1_us)} on, against {sizes[1]:,} from {day(cuts.t2_us)} on",
        header=("column", "distance in standard deviations"),
        rows=[(name, f"{distance:.2f}") for name, distance in shown],
        pages=[("Distributions", path.name)],
    ), {"share": found.share, "drifted": list(found.drifted), "distances": dict(shown), "alarm": found.alarm}


def _user_vectors(subject: Subject, title: str, path: Path) -> Made:
    """Viewers as the two-tower model saw them at the end of training, and others as it sees them now."""
    cuts = subject.cuts
    users = _sample(np.unique(subject.watches.users.astype(str)).astype(object), 2 * subject.config.users)
    _, reference_ND = subject.user_vectors(users[::2], cuts.t2_us)  # no viewer on both sides: independent samples
    _, current_MD = subject.user_vectors(users[1::2], cuts.end_us + 1)
    found = embedding_drift("user", reference_ND, current_MD, path)
    compared = f"{len(reference_ND):,} viewers on {day(cuts.t2_us)} against {len(current_MD):,} on {day(cuts.end_us)}"
    return _embedding_card(title, "How well can viewers of now be told from those of training?", compared, found, path)


def _video_vectors(subject: Subject, title: str, path: Path) -> Made:
    """Videos published after the two-tower model's training data ended, against those it learned from."""
    is_new = subject.published_us >= subject.cuts.t1_us
    old, new = (_sample(np.flatnonzero(which), 2 * subject.config.users) for which in (~is_new, is_new))
    found = embedding_drift("video", subject.video_VD[old], subject.video_VD[new], path)
    compared = f"{len(old):,} videos published before {day(subject.cuts.t1_us)} against {len(new):,} since"
    sentence = "How well can new videos, known by their content alone, be told from those that the model has learned?"
    return _embedding_card(title, sentence, compared, found, path)


def _feed_quality(subject: Subject, title: str, path: Path) -> Made:
    """The two-tower model's best unseen videos, and popularity's, judged on what was watched after training."""
    cuts, config = subject.cuts, subject.config
    before = subject.watches.take(subject.watches.times_us < cuts.t2_us)
    earlier, later = before.by_user(), subject.watches.take(subject.watches.times_us >= cuts.t2_us).by_user()
    first_watched = {user: np.setdiff1d(videos, earlier[user]) for user, videos in later.items() if user in earlier}
    judged = [user for user, videos in first_watched.items() if len(videos)]
    if not judged:
        raise ValueError(f"no viewer with a history watched a new video from {day(cuts.t2_us)} on")
    users, user_UD = subject.user_vectors(_sample(np.array(judged, dtype=object), config.judged_users), cuts.t2_us)
    open_UV = np.tile(subject.published_us < cuts.t2_us, (len(users), 1))
    for row, user in enumerate(users):
        open_UV[row, earlier[user]] = False
    recent = before.take(slice(-config.watches, None))
    recent = recent.take(recent.videos >= 0)
    train = Interactions(np.unique(recent.users.astype(str), return_inverse=True)[1], recent.videos)
    popularity_V = np.bincount(recent.videos, minlength=len(subject.video_VD)).astype(np.float32)
    diversity_path = path.with_name("feed_diversity.html")
    found = feed_quality(
        _top(user_UD @ subject.video_VD.T, open_UV, config.list_length),
        _top(popularity_V, open_UV, config.list_length),
        [first_watched[user] for user in users],
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
        compared=f"{len(users):,} viewers' lists of {day(cuts.t2_us)}, judged on what they watched after",
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
        rows=[("AUC of a classifier (.5 = cannot be told)", f"{found.auc:.3f}"), ("alarms from", f"{found.bar:.3f}")],
        pages=[("Where the vectors lie", path.name)],
    ), {**asdict(found), "alarm": found.alarm}


def _top(score_UV: Array, open_UV: Array, k: int) -> Array:
    """(U, k) rows of the best open videos, best first; -1 where fewer are open."""
    masked_UV = np.where(open_UV, score_UV, -np.inf)
    best_UK = np.argsort(-masked_UV, axis=1, kind="stable")[:, :k]
    return np.where(np.isfinite(np.take_along_axis(masked_UV, best_UK, axis=1)), best_UK, -1)


def _sample(values: Array, limit: int) -> Array:
    return np.random.default_rng(0).permutation(values)[:limit]
