"""What five picks are worth: the first page of a new viewer who made them, beside what is popular.

    python tests/benchmarks/onboarding.py --home HOME [--viewers 500]

HOME has a champion. Asked are viewers of its test window whose first watch lies in it, or, where those are few, all of
that window as if nothing were known of them but their profile. The first five watches are their picks, sent through
normalization and the fold; the page is the home page of the release as it was when the window began, and the targets
are what they watch next in the window. `popular` is the rung of that name, asked for the same viewers.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

sys.path[:0] = [str(Path(__file__).resolve().parents[2]), str(Path(__file__).resolve().parents[1])]

from bento_services.feed.build import build_feed  # noqa: E402
from bento_services.feed.config import FEED  # noqa: E402
from bento_services.feed.feed import Feed  # noqa: E402
from bento_services.feed.surfaces.home import recipe  # noqa: E402
from feature_repo.compute.facts import VideoFacts  # noqa: E402
from feature_repo.compute.fold_batch import fold_batch  # noqa: E402
from feature_repo.core.home import Home  # noqa: E402
from feature_repo.core.settings import read  # noqa: E402
from feature_repo.events import normalize  # noqa: E402
from feature_repo.jobs.replay import slots  # noqa: E402
from feature_repo.limits import Clock  # noqa: E402
from feature_repo.registry import VIEWS  # noqa: E402
from feature_repo.store.memory import MemoryReader  # noqa: E402
from models.release.artifact import champion_or_previous  # noqa: E402
from monitoring.measures.ladder import K, accuracy, page_on  # noqa: E402
from training.release.held_out import HeldOut, held_out  # noqa: E402

Array = np.ndarray[Any, Any]

PICKS, LEAST_NEW, EVERYBODY = 5, 100, 1_000_000
PATIENCE_MS = 60_000
BAR = 1.3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--viewers", type=int, default=500)
    sent = parser.parse_args()
    home = Home(sent.home)
    asked = held_out(home, champion_or_previous(home), EVERYBODY)
    viewers, kind = newcomers(asked, sent.viewers)
    figures = measured(home, asked, viewers)
    ratio = figures["full_funnel"] / max(figures["popular"], 1e-9)
    print(f"{len(viewers)} {kind}, {len(asked.videos)} videos, release {asked.release.release_id}")
    for rung, ndcg in figures.items():
        print(f"  {rung:24} NDCG@10 {ndcg:.4f}")
    print(f"  {PICKS} picks are {ratio:.2f} x popular (bar {BAR}): {'kept' if ratio >= BAR else 'missed'}")


def newcomers(asked: HeldOut, most: int) -> tuple[list[int], str]:
    """Places in `asked`, drawn by a fixed seed, of viewers with something to watch after their picks."""
    enough = [row for row, wanted in enumerate(asked.asked.targets) if len(wanted) > PICKS]
    new = [row for row in enough if not asked.asked.histories[row]]
    rows, kind = (new, "new viewers") if len(new) >= LEAST_NEW else (enough, "viewers, asked as if they were new")
    drawn = np.random.default_rng(0).permutation(len(rows))[:most]
    return [rows[at] for at in sorted(drawn.tolist())], kind


def measured(home: Home, asked: HeldOut, viewers: Sequence[int]) -> dict[str, float]:
    """Rung -> mean NDCG@10 of its first ten recommendations."""
    ids = [asked.asked.user_ids[row] for row in viewers]
    picks = {asked.asked.user_ids[row]: asked.asked.targets[row][:PICKS] for row in viewers}
    config = read(
        FEED, home.root, deadline_ms=PATIENCE_MS, list_share=1.0, segment_share=1.0, base_first=False, explore=False
    )
    found: dict[str, float] = {}
    for known, wanted in (("", picks), ("without picks: ", dict.fromkeys(ids, ()))):
        reader = MemoryReader(asked.release.world, after_picks(asked, wanted), asked.videos)
        reader.taken_down |= asked.taken_down
        reader.refresh()
        feed = build_feed(asked.release, reader, None, config, now_us=lambda: asked.as_of_us)
        row_of = {str(video_id): row for row, video_id in enumerate(reader.snapshot().video_ids)}
        targets = [[row_of[one] for one in asked.asked.targets[row][PICKS:]] for row in viewers]
        for rung in ("full_funnel", "popular"):
            names = [one.name for one in recipe(config).ladder]
            at = names.index(rung)
            pages = pages_of(feed, names, at, ids, row_of)
            found[known + rung] = float(accuracy(pages, targets)["ndcg_at_10"].mean())
        feed.close()
    return found


def pages_of(feed: Feed, rungs: Sequence[str], at: int, ids: Sequence[str], row_of: Mapping[str, int]) -> Array:
    """(B, K) rows of the catalog that this rung recommends; -1: nothing there."""
    lists_BK = np.full((len(ids), K), -1, dtype=np.int64)
    for number, user_id in enumerate(ids):
        shown = [row_of[item.video_id] for item in page_on(feed, rungs, at, user_id).recommendations]
        lists_BK[number, : len(shown)] = shown
    return lists_BK


def after_picks(asked: HeldOut, picks: Mapping[str, Sequence[str]]) -> dict[str, dict[str, Any]]:
    """The features of viewers of whom nothing was known but their profile, after these picks."""
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
    profiles = {user_id: {name: asked.users[user_id][name] for name in VIEWS["user_profile"]} for user_id in picks}
    folded = fold_batch({}, {}, events, facts, slot_of=slot_of, history_length=world.history_length)
    return {user_id: {**profile, **folded.users.get(user_id, {})} for user_id, profile in profiles.items()}


if __name__ == "__main__":
    main()
