"""What five picks are worth: the first page of a new viewer who made them, beside what is popular.

    python tests/benchmarks/onboarding.py --home HOME [--viewers 500] [--record]

HOME has a champion. In a simulated world, newcomers arrive whom it has never seen (simulated_newcomers.py): they are
offered the titles of the onboarding page, pick the five that they like best of these, and get a page; what a video is
worth to them is their own hidden taste. In a world of which only a log is known, asked are viewers of the test window,
those whose first watch lies in it or, where those are few, all of that window as if nothing were known of them but
their profile: their first five watches are the picks, and the targets are what they watch next. What they had watched
before is on no page, as it is among no targets.

Picks are sent through normalization and the fold. `popular` is the rung of that name, asked for the same viewers.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc

BESIDE = Path(__file__).resolve().parent
sys.path[:0] = [str(BESIDE.parents[1]), str(BESIDE.parent), str(BESIDE)]

from bench_record import record_onboarding  # noqa: E402
from simulated_newcomers import newcomers  # noqa: E402

from bento_services.feed.attempt import Attempt  # noqa: E402
from bento_services.feed.build import build_feed  # noqa: E402
from bento_services.feed.config import FEED, FeedConfig  # noqa: E402
from bento_services.feed.feed import Feed  # noqa: E402
from bento_services.feed.page import Page, Query  # noqa: E402
from bento_services.feed.surfaces.home import recipe  # noqa: E402
from bento_services.feed.surfaces.onboarding import ONBOARDING, TITLES  # noqa: E402
from feature_repo.compute.facts import VideoFacts  # noqa: E402
from feature_repo.compute.fold_batch import fold_batch  # noqa: E402
from feature_repo.core.home import Home  # noqa: E402
from feature_repo.core.settings import read  # noqa: E402
from feature_repo.events import normalize  # noqa: E402
from feature_repo.ingest.simulator.world import SOURCE  # noqa: E402
from feature_repo.jobs.replay import slots  # noqa: E402
from feature_repo.lake.cut import cut_of  # noqa: E402
from feature_repo.limits import Clock  # noqa: E402
from feature_repo.registry import VIEWS  # noqa: E402
from feature_repo.store.memory import MemoryReader  # noqa: E402
from models.release.artifact import Release, champion_or_previous  # noqa: E402
from training.release.held_out import Features, features_then, held_out  # noqa: E402

Array = np.ndarray[Any, Any]

PICKS, LEAST_NEW, EVERYBODY = 5, 100, 1_000_000
PATIENCE_MS = 60_000
BAR, TOP = 1.3, 10
RUNGS = ("full_funnel", "popular")
# Without limits of time, and without what is drawn at random: a page is the same every time.
QUIET = {"deadline_ms": PATIENCE_MS, "list_share": 1.0, "segment_share": 1.0, "base_first": False, "explore": False}


@dataclass(frozen=True)
class Asked:
    """B newcomers and what the V videos of the catalog, in order of their ids, are worth to them.

    `picks` None: they choose of what the onboarding page offers them.
    """

    about: str
    release: Release
    videos: Features
    taken_down: frozenset[str]
    as_of_us: int
    known: Mapping[str, Mapping[str, Any]]  # of each newcomer: their profile, and what they must not be shown
    devices: Sequence[str]
    picks: Mapping[str, Sequence[str]] | None
    worth_BV: Array


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--viewers", type=int, default=500)
    parser.add_argument("--record", action="store_true", help="put the figures into docs/quality.md")
    sent = parser.parse_args()
    home = Home.open(sent.home)
    asked = simulated(home, sent.viewers) if home.world().source == SOURCE else logged(home, sent.viewers)
    lines = report(asked, measured(home, asked))
    print("\n".join(lines))
    if sent.record:
        record_onboarding(home.world().name, asked.release.release_id, lines)


def report(asked: Asked, found: Mapping[tuple[str, str], Array]) -> list[str]:
    """A table of Markdown, and the sentence on the bar: the ratio of the means with its standard error over viewers."""
    lines = [f"{asked.about}, {len(asked.videos)} videos.", "", "| page | after | NDCG@10 |", "| --- | --- | --- |"]
    for (rung, after), ndcg_B in found.items():
        lines.append(f"| {rung} | {after} | {ndcg_B.mean():.4f} |")
    page_B, popular_B = (found[rung, f"{PICKS} picks"] for rung in RUNGS)
    ratio = page_B.mean() / max(popular_B.mean(), 1e-9)
    error = (page_B - ratio * popular_B).std() / np.sqrt(len(page_B)) / max(popular_B.mean(), 1e-9)
    kept = "kept" if ratio >= BAR else "missed"
    return [*lines, "", f"{PICKS} picks are {ratio:.2f} ± {error:.2f} × popular (bar {BAR}): {kept}."]


def measured(home: Home, asked: Asked) -> dict[tuple[str, str], Array]:
    """Rung and what is known -> (B,) NDCG@10. What was picked is on no page, also of those of whom nothing is known."""
    picks = asked.picks if asked.picks is not None else chosen(home, asked)
    row_of = {video_id: row for row, video_id in enumerate(asked.videos)}
    worth_BV = asked.worth_BV.copy()
    for at, user_id in enumerate(asked.known):
        worth_BV[at, [row_of[one] for one in picks[user_id]]] = 0.0
    unpicked = {
        user_id: {**known, "seen_video_ids": [*known.get("seen_video_ids", ()), *picks[user_id]]}
        for user_id, known in asked.known.items()
    }
    found: dict[tuple[str, str], Array] = {}
    for after, users in ((f"{PICKS} picks", after_picks(asked, picks)), ("none", unpicked)):
        feed, config = opened(home, asked, users)
        names = [one.name for one in recipe(config).ladder]
        for rung in RUNGS:
            at = names.index(rung)
            attempt = Attempt(below=names[at - 1] if at else "")
            pages = [feed.page(query_of(asked, one), attempt=attempt) for one in range(len(users))]
            if other := {page.served_by for page in pages} - {rung}:
                raise RuntimeError(f"expected {rung} to answer, found {', '.join(sorted(other))}")
            found[rung, after] = ndcg(rows_of(pages, row_of), worth_BV)
        feed.close()
    return found


def chosen(home: Home, asked: Asked) -> dict[str, list[str]]:
    """The titles of the onboarding page that each newcomer likes best, in the order in which they stand there."""
    feed, _ = opened(home, asked, asked.known)
    row_of = {video_id: row for row, video_id in enumerate(asked.videos)}
    picks = {}
    for at, user_id in enumerate(asked.known):
        page = feed.page(query_of(asked, at, limit=TITLES, rows=False), ONBOARDING)
        offered = [item.video_id for item in page.recommendations]
        worth = asked.worth_BV[at, [row_of[video_id] for video_id in offered]]
        picks[user_id] = [offered[place] for place in sorted(np.argsort(-worth, kind="stable")[:PICKS])]
    feed.close()
    return picks


def query_of(asked: Asked, at: int, **options: Any) -> Query:
    user_id = list(asked.known)[at]
    return Query(user_id=user_id, device=asked.devices[at], request_id=f"first page {user_id}", log=False, **options)


def opened(home: Home, asked: Asked, users: Features) -> tuple[Feed, FeedConfig]:
    reader = MemoryReader(asked.release.world, users, asked.videos)
    reader.taken_down |= asked.taken_down
    reader.refresh()
    config = read(FEED, home.root, **QUIET)
    return build_feed(asked.release, reader, None, config, now_us=lambda: asked.as_of_us), config


def rows_of(pages: Sequence[Page], row_of: Mapping[str, int]) -> Array:
    """(B, TOP) rows of the catalog that are recommended; -1: nothing there."""
    lists_BK = np.full((len(pages), TOP), -1, dtype=np.int64)
    for number, page in enumerate(pages):
        shown = [row_of[item.video_id] for item in page.recommendations[:TOP]]
        lists_BK[number, : len(shown)] = shown
    return lists_BK


def ndcg(lists_BK: Array, worth_BV: Array) -> Array:
    """(B,) the discounted worth of each list over that of the best list there could be (Järvelin & Kekäläinen)."""
    discount_K = 1.0 / np.log2(np.arange(2, TOP + 2))
    worth_BK = np.where(lists_BK >= 0, np.take_along_axis(worth_BV, np.maximum(lists_BK, 0), axis=1), 0.0)
    best_BK = -np.sort(-worth_BV, axis=1)[:, :TOP]
    ideal_B = best_BK @ discount_K[: best_BK.shape[1]]
    result: Array = np.divide(worth_BK @ discount_K, ideal_B, out=np.zeros(len(ideal_B)), where=ideal_B > 0)
    return result


def simulated(home: Home, viewers: int) -> Asked:
    """Newcomers who arrive when the simulation has ended, before the release as it is."""
    arrived = newcomers(home, viewers)
    release = champion_or_previous(home)
    table = cut_of(home).videos().sort_by("video_id")
    ids = table.filter(pc.less_equal(table["published_timestamp_us"], arrived.as_of_us))["video_id"].to_pylist()
    _, videos = features_then(home, [""], ids, arrived.as_of_us)
    return Asked(
        about=f"{viewers} newcomers who pick {PICKS} of the {TITLES} titles offered, by their hidden taste",
        release=release,
        videos=videos,
        taken_down=frozenset(one for one, row in videos.items() if 0 < row["taken_down_us"] <= arrived.as_of_us),
        as_of_us=arrived.as_of_us,
        known=arrived.profiles,
        devices=arrived.devices,
        picks=None,
        worth_BV=arrived.worth_BV[:, [int(video_id[1:]) for video_id in ids]],
    )


def logged(home: Home, viewers: int) -> Asked:
    """Viewers of the test window, before the release as it was when that began."""
    held = held_out(home, champion_or_previous(home), EVERYBODY)
    asked = held.asked
    enough = [row for row, wanted in enumerate(asked.targets) if len(wanted) > PICKS]
    new = [row for row in enough if not asked.histories[row]]
    rows, kind = (new, "new viewers") if len(new) >= LEAST_NEW else (enough, "viewers, asked as if they were new")
    drawn = np.random.default_rng(0).permutation(len(rows))[:viewers]
    rows = [rows[at] for at in sorted(drawn.tolist())]
    row_of = {video_id: row for row, video_id in enumerate(held.videos)}
    worth_BV = np.zeros((len(rows), len(row_of)))
    for at, row in enumerate(rows):
        worth_BV[at, [row_of[one] for one in asked.targets[row][PICKS:]]] = 1.0
    return Asked(
        about=f"{len(rows)} {kind}, whose first {PICKS} watches are their picks",
        release=held.release,
        videos=held.videos,
        taken_down=frozenset(held.taken_down),
        as_of_us=held.as_of_us,
        known={
            asked.user_ids[row]: {
                **{name: held.users[asked.user_ids[row]][name] for name in VIEWS["user_profile"]},
                "seen_video_ids": asked.histories[row],
            }
            for row in rows
        },
        devices=[""] * len(rows),
        picks={asked.user_ids[row]: asked.targets[row][:PICKS] for row in rows},
        worth_BV=worth_BV,
    )


def after_picks(asked: Asked, picks: Mapping[str, Sequence[str]]) -> dict[str, dict[str, Any]]:
    """The features of newcomers after these picks."""
    world = asked.release.world
    slot_of = slots(world)
    facts = {
        video_id: VideoFacts(
            tuple(slot_of[name] for name in one["genres"] if name in slot_of),
            one["creator_id"],
            one["duration_seconds"],
        )
        for video_id, one in asked.videos.items()
    }
    clock = Clock(asked.as_of_us)
    events = [
        normalize(
            {"user_id": user_id, "event": "pick", "item_id": one, "timestamp_us": asked.as_of_us - 60}, clock=clock
        )
        for user_id, ids in picks.items()
        for one in ids
    ]
    folded = fold_batch({}, {}, events, facts, slot_of=slot_of, history_length=world.history_length)
    return {user_id: {**folded.users.get(user_id, {}), **known} for user_id, known in asked.known.items()}


if __name__ == "__main__":
    main()
