"""Pages of random catalogs, few or many of everything and of nothing evenly, each checked from its own fields."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import msgspec
import numpy as np
from worlds import arithmetic as feed_world
from worlds.arithmetic import BIG, DAY_US, NOW_US

from bento_services.feed.build import build_feed
from bento_services.feed.certificate import OF_PAGE, verify
from bento_services.feed.config import FeedConfig
from bento_services.feed.page import Item, Page, Query
from feature_repo.store.memory import MemoryReader

PATIENT = FeedConfig(deadline_ms=60_000)


def catalog(rng: np.random.Generator) -> dict[str, dict[str, Any]]:
    """Of 5 to 250 videos; creators and categories are few or many, and taken evenly or not at all so."""
    count = int(rng.integers(5, 250))
    videos = feed_world.big_videos(count)
    creators, genres = int(rng.integers(1, count + 1)), int(rng.integers(1, 13))
    skew = float(rng.choice([0.0, 1.0, 2.0]))

    def weights(n: int) -> np.ndarray[Any, Any]:
        weight: np.ndarray[Any, Any] = (1.0 + np.arange(n)) ** -skew
        weight /= weight.sum()
        return weight

    old_days = int(rng.choice([1, 30, 2_000]))
    for video in videos.values():
        creator = int(rng.choice(creators, p=weights(creators)))
        named = rng.choice(genres, size=min(genres, int(rng.integers(1, 4))), replace=False, p=weights(genres))
        names = [BIG.genres[one] for one in named]
        video |= {"creator_id": f"c{creator}", "creator_name": f"Creator {creator}", "genres": names}
        video |= {"category": str(rng.choice(names)), "title": f"T{int(rng.integers(0, 2 * count))}"}
        video |= {"published_timestamp_us": NOW_US - int(rng.integers(0, old_days * DAY_US))}
        if rng.random() < 0.05:
            video |= {"creator_id": "", "creator_name": "", "genres": [], "category": ""}
    return videos


def pages(seed: int) -> Iterator[Page]:
    """Two pages of one random catalog: a known viewer's, and a stranger's."""
    rng = np.random.default_rng(seed)
    videos = catalog(rng)
    users = feed_world.big_users(count=2, videos=len(videos), length=min(20, len(videos) // 2))
    histories = [user["history_video_ids"] for user in users.values()]
    feed = build_feed(
        feed_world.release_of(BIG, videos, histories), MemoryReader(BIG, users, videos), None, PATIENT, lambda: NOW_US
    )
    try:
        for viewer in ("u001", "stranger"):
            yield feed.page(Query(user_id=viewer, limit=int(rng.integers(1, 41)), request_id=str(seed)))
    finally:
        feed.close()


def faults(page: Page) -> list[str]:
    """Of one page: what `verify` finds; caps of the page that rows beside the recommendations have broken."""
    sent = msgspec.to_builtins(page)
    found = verify(sent)
    alone = msgspec.structs.replace(page, rows=tuple(row for row in page.rows if row.items is page.recommendations))
    for rule in OF_PAGE:
        if rule in page.certificate["relaxed"] and not _breaks(alone, rule):
            found.append(f"{rule}: rows beside the recommendations break it")
    return found


def _breaks(page: Page, rule: str) -> bool:
    """Whether the recommendations alone are more than the whole page may hold."""
    names: dict[str, Callable[[Item], Iterable[str]]] = {
        "max_per_creator_on_page": lambda item: [item.channel],
        "max_category_share_on_page": lambda item: [item.category],
        "max_genre_share_on_page": lambda item: set(item.genres),
    }
    if rule not in names:
        return True  # it is about the recommendations alone
    (bar,) = (one["bar"] for one in page.certificate["rules"] if one["rule"] == rule)
    values = [name for item in page.recommendations for name in names[rule](item) if name]
    return bool(values) and max(map(values.count, values)) > bar


def main(count: int) -> None:
    """Print what was checked; exits with 1 at the first page that is not as it says."""
    checked = relaxed = 0
    for seed in range(count):
        for page in pages(seed):
            if found := faults(page):
                raise SystemExit(f"catalog {seed}: {'; '.join(found)}")
            checked += 1
            relaxed += bool(page.certificate["relaxed"])
    print(f"{count} random catalogs, {checked} pages: every one is as its certificate says, {relaxed} relax a rule")


if __name__ == "__main__":
    main(int(sys.argv[1]))
