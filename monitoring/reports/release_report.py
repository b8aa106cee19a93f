"""The release report: HOME/reports/release/<release_id>/index.html, one self-contained page.

Example pages and compared recommendations come from the feed, run in this process.
"""

from __future__ import annotations

import difflib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from bento_services.feed.build import build_feed
from bento_services.feed.config import FEED
from bento_services.feed.page import Query
from bento_services.precompute.batch import Ranked, rank_everyone
from feature_repo.core.errors import HomeError
from feature_repo.core.files import write_atomic
from feature_repo.core.home import Home
from feature_repo.core.progress import SILENT, Progress
from feature_repo.core.settings import read
from feature_repo.lake.cut import cut_of
from feature_repo.store.config import STORE
from feature_repo.store.reader import FeatureReader, OnlineReader
from feature_repo.store.valkey_server import online_store
from models.release.artifact import Release, load_release
from models.release.manifest import ArtifactError
from monitoring.pages.release import release_html
from monitoring.pages.release_facts import Changes, Example, Recommendations, ReleaseReport
from monitoring.reports.ladder_file import ladder_of, read_ladder
from training.record.training_facts import TRAINING_FILE, TRAININGS, Training
from training.release.evaluation import Evaluation

ROWS, ITEMS = 5, 6  # of an example page
LAST_WATCHED = 5
SAMPLE = 60  # viewers whose recommendations are compared
LIST_LENGTH = 10
MOVED = 8  # videos to list among gainers, and among losers
PATIENCE_MS = 60_000


def page_of(home: Home, release_id: str) -> Path:
    return home.reports / "release" / release_id / "index.html"


def write_release_report(home: Home, promotion: Mapping[str, Any], progress: Progress = SILENT) -> dict[str, Any]:
    """Write the page for the result of `training.release.promote.promote`. Raises HomeError if the online store is
    empty."""
    release = load_release(home.releases / promotion["release_id"])
    champion = _champion(home, promotion["against"])
    with online_store(home) as url, progress.task("writing the release report", total=4) as advance:
        reader = OnlineReader(url, release.world, read(STORE, home.root), background=False)
        try:
            if not len(reader.snapshot()):
                raise HomeError("the online store holds no videos: run `marquee features` first")
            examples = _examples(home, release, reader)
            advance(1)
            compared = _recommendations(home, release, champion, reader) if champion else None
            advance(2)
        finally:
            reader.close()
        report = _report(home, release, champion, promotion, examples, compared)
        page = page_of(home, release.release_id)
        write_atomic(page, release_html(report))
        advance(1)
    overlap = compared.overlap if compared else None
    return {"page": str(page), "examples": len(examples), "overlap_at_10": overlap}


def _champion(home: Home, release_id: str | None) -> Release | None:
    try:
        return load_release(home.releases / release_id) if release_id else None
    except ArtifactError:
        return None


def _report(
    home: Home,
    release: Release,
    champion: Release | None,
    promotion: Mapping[str, Any],
    examples: Sequence[Example],
    compared: Recommendations | None,
) -> ReleaseReport:
    evaluation = Evaluation.read(release.path)
    training = {name: _training(release, name) for name in TRAININGS}
    return ReleaseReport(
        world=release.world.name,
        release_id=release.release_id,
        created=release.manifest.created,
        promoted=promotion["promoted"],
        forced=promotion["forced"],
        gates=promotion["gates"],
        tables=evaluation.tables,
        ladder=read_ladder(ladder_of(home, release.release_id)),
        counts=cut_of(home).counts(),
        windows=_windows(release),
        curves={name: facts.curve if facts else [] for name, facts in training.items()},
        chosen={name: facts.kept_epoch if facts else 0 for name, facts in training.items()},
        settings={name: _settings(facts) for name, facts in training.items()},
        examples=examples,
        changes=_changes(release, champion, promotion, compared) if champion else None,
        measured=promotion["measured"],
    )


def _training(release: Release, model: str) -> Training | None:
    """None if a release has no record of its model's training."""
    directory = release.path / model
    return TRAININGS[model].read(directory) if (directory / TRAINING_FILE).exists() else None


def _settings(training: Training | None) -> dict[str, str]:
    """Every setting of a model's training, and facts about its data."""
    if training is None:
        return {}
    data = {name: getattr(training, name, None) for name in ("data_hash", "rows", "watches")}
    config = {**training.config, **{name: value for name, value in data.items() if value is not None}}
    return {name: json.dumps(value) if isinstance(value, dict) else str(value) for name, value in config.items()}


def _windows(release: Release) -> list[tuple[str, str]]:
    cuts = release.manifest.cuts
    return [
        ("two-tower model is trained on watches before", _day(cuts.t1_us)),
        ("ranker is trained on exposures from then until", _day(cuts.t2_us)),
        ("both are evaluated on data from then until", _day(cuts.end_us)),
    ]


def _changes(
    release: Release, champion: Release, promotion: Mapping[str, Any], compared: Recommendations | None
) -> Changes:
    comparison = promotion["measured"]["comparison"] or {"figures": [], "viewers": 0, "why_not": "not measured"}
    settings = []
    for model in TRAININGS:
        old, new = (_settings(_training(one, model)) for one in (champion, release))
        settings += [
            (f"{model}.{name}", old.get(name, "—"), new.get(name, "—"))
            for name in sorted({*old, *new})
            if old.get(name) != new.get(name)
        ]
    before, now = (one.policy_path.read_text().splitlines() for one in (champion, release))
    titles = ("the champion's policy", "this release's")
    pairs = zip(_windows(champion), _windows(release), strict=True)
    return Changes(
        champion=champion.release_id,
        settings=settings,
        policy=list(difflib.unified_diff(before, now, *titles, lineterm="", n=1)),
        windows=[(name, ended, ends) for (name, ended), (_, ends) in pairs],
        figures=comparison["figures"],
        viewers=comparison["viewers"],
        why_not=comparison["why_not"],
        recommendations=compared,
    )


def _examples(home: Home, release: Release, reader: FeatureReader) -> list[Example]:
    """A new viewer, viewers with few, medium and many watches, and the world's example viewer if it has one."""
    users = sorted(cut_of(home).users()["user_id"].to_pylist())
    sample = [users[at] for at in np.random.default_rng(0).permutation(len(users))[:SAMPLE]]
    found = [one for one in reader.users(sample) if one.values["history_video_ids"]]
    found.sort(key=lambda one: len(one.values["history_video_ids"]))
    asked = [("someone new", "")]
    if found:
        places = (("a light viewer", 0.1), ("a middling viewer", 0.5), ("a heavy viewer", 1.0))
        asked += [(who, found[int((len(found) - 1) * share)].user_id) for who, share in places]
    if example := home.world().example_user:
        asked.append(("the example viewer of this world", example))
    feed = build_feed(release, reader, None, read(FEED, home.root, deadline_ms=PATIENCE_MS))
    catalog = reader.snapshot()
    titles = catalog.columns["title"]
    examples = []
    try:
        for who, user_id in dict.fromkeys(asked):
            query = Query(
                user_id=user_id, session_id="" if user_id else "release-report", request_id=f"report {user_id}"
            )
            page = feed.page(query)
            history = list(reader.user(user_id).values["history_video_ids"]) if user_id else []
            newest = [catalog.row_of[one] for one in reversed(history) if one in catalog.row_of][:LAST_WATCHED]
            rows = [
                (row.title, row.reason, [(item.title, item.reason) for item in row.items[:ITEMS]])
                for row in page.rows[:ROWS]
            ]
            watched = [str(titles[row]) for row in newest]
            examples.append(Example(who, bool(user_id), len(history), watched, page.served_by, rows))
    finally:
        feed.close()
    return examples


def _recommendations(home: Home, release: Release, champion: Release, reader: FeatureReader) -> Recommendations:
    """Compare the first ten videos of both releases for the same viewers now, without exploration."""
    users = sorted(cut_of(home).users()["user_id"].to_pylist())
    sample = [users[at] for at in np.sort(np.random.default_rng(1).permutation(len(users))[:SAMPLE])]
    config = read(FEED, home.root)
    before, now = (list(rank_everyone(one, reader, sample, LIST_LENGTH, "full", config)) for one in (champion, release))
    catalog = reader.snapshot()
    shown = [Counter(video for one in lists for video in one.video_ids) for lists in (before, now)]
    moved = sorted(
        ((shown[1][video] - shown[0][video], video) for video in {*shown[0], *shown[1]}),
        key=lambda pair: (-pair[0], pair[1]),
    )

    def movements(videos: Sequence[str]) -> list[tuple[str, int, int]]:
        return [(str(catalog.columns["title"][catalog.row_of[one]]), shown[0][one], shown[1][one]) for one in videos]

    pairs = list(zip(before, now, strict=True))
    return Recommendations(
        viewers=len(sample),
        overlap=float(np.mean([_overlap(*pair) for pair in pairs])),
        same_first=float(np.mean([list(a.video_ids[:1]) == list(b.video_ids[:1]) for a, b in pairs])),
        identical=float(np.mean([list(a.video_ids) == list(b.video_ids) for a, b in pairs])),
        gained=movements([video for change, video in moved if change > 0][:MOVED]),
        lost=movements([video for change, video in reversed(moved) if change < 0][:MOVED]),
    )


def _overlap(one: Ranked, other: Ranked) -> float:
    longest = max(len(one.video_ids), len(other.video_ids), 1)
    return len({*one.video_ids} & {*other.video_ids}) / longest


def _day(moment_us: int) -> str:
    return datetime.fromtimestamp(moment_us / 1e6, UTC).strftime("%-d %B %Y, %H:%M UTC")
