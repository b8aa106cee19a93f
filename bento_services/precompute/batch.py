"""Recommendations outside a request: one viewer's page for the command line, or a list per user into a file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from bento_services.errors import FeedError
from bento_services.feed.build import build_feed
from bento_services.feed.config import FEED, FeedConfig
from bento_services.feed.feed import Feed
from bento_services.feed.page import Query
from bento_services.feed.parts import Parts
from bento_services.feed.preview import Preview, previewed
from bento_services.feed.query_hydrators import user_vectors, viewer_context
from bento_services.feed.stages import Request
from bento_services.feed.surfaces.pipelines import FULL_FUNNEL
from bento_services.feed.viewer import Knowledge, Known, viewer_of
from bento_services.precompute.reading import opened_reader, rules_of
from feature_repo.catalog.rule import Rule
from feature_repo.core.home import Home, World
from feature_repo.core.progress import SILENT, Progress
from feature_repo.core.settings import read
from feature_repo.lake.cut import cut_of
from feature_repo.lake.tables import write_result
from feature_repo.store.reader import FeatureReader
from feature_repo.store.snapshot import Prepare, UserFeatures, VideoSnapshot
from models.candidates.sources import popular
from models.page import filters
from models.page.rulebook import NO_RULES, RuleBook
from models.release.artifact import Release, champion_or_previous

Array = np.ndarray[Any, Any]
Stage = Literal["retrieval", "full"]

VIEWERS = 256  # read and encoded together
PATIENCE_MS = 60_000


@dataclass(frozen=True)
class Ranked:
    """One viewer's list, best first."""

    user_id: str
    video_ids: Sequence[str]
    scores: Sequence[float]


def recommend_one(
    home: Home, url: str, user_id: str, n: int | None = None, viewers: Sequence[str] = ()
) -> dict[str, Any]:
    """The page that this viewer would get now, with traces, as JSON fields; with `n`, a flat list of that length.

    `viewers`: who watch with them.
    """
    with _feed_of(home, url) as feed:
        asked = Query(user_id=user_id, viewers=tuple(viewers), explain=True)
        return feed.page(asked if n is None else replace(asked, limit=n, rows=False)).to_json()


def preview_one(home: Home, url: str, rule: Rule, query: Query) -> Preview:
    """What a rule changes on this viewer's page. Raises QueryError."""
    with _feed_of(home, url) as feed:
        return previewed(feed.page_with, feed.rules, rule, query, query.surface)


@contextmanager
def _feed_of(home: Home, url: str) -> Iterator[Feed]:
    release, rules = champion_or_previous(home), rules_of(home)
    reader = opened_reader(home, url, release.world)
    feed = build_feed(release, reader, None, read(FEED, home.root, deadline_ms=PATIENCE_MS))
    try:
        feed.use_rules(rules)
        yield feed
    finally:
        feed.close()
        reader.close()


def recommend_all(
    home: Home, url: str, n: int, out: Path, stage: Stage = "full", progress: Progress = SILENT
) -> dict[str, Any]:
    """Write user_id, item_id, rank (1 = best), score for every user of the lake; ids as in the source data.

    `retrieval`: the two-tower model's order; `full`: the whole funnel without exploration. Both apply the hard filters,
    so seen videos are excluded. Users without a history get popular videos. A list is shorter than `n` only if nothing
    more may be shown.
    """
    started = perf_counter()
    release, rules = champion_or_previous(home), rules_of(home)
    reader = opened_reader(home, url, release.world)
    user_ids = cut_of(home).users()["user_id"].to_pylist()
    try:
        with progress.task(f"recommendations for {len(user_ids):,} users", total=len(user_ids)) as advance:
            ranked = []
            for one in rank_everyone(release, reader, user_ids, n, stage, read(FEED, home.root), rules):
                ranked.append(one)
                advance(1)
    finally:
        reader.close()
    rows = write(ranked, release.world, out)
    return {
        "out": str(out),
        "stage": stage,
        "release_id": release.release_id,
        "users": len(ranked),
        "rows": rows,
        "seconds": round(perf_counter() - started, 2),
    }


def rank_everyone(
    release: Release,
    reader: FeatureReader,
    user_ids: Sequence[str],
    n: int,
    stage: Stage,
    config: FeedConfig = FeedConfig(),
    rules: RuleBook = NO_RULES,
) -> Iterator[Ranked]:
    """The lists of `recommend_all`, in the order of `user_ids`."""
    return (_by_retrieval if stage == "retrieval" else _by_the_funnel)(release, reader, user_ids, n, config, rules)


def _by_retrieval(
    release: Release, reader: FeatureReader, user_ids: Sequence[str], n: int, config: FeedConfig, rules: RuleBook
) -> Iterator[Ranked]:
    catalog, world = reader.snapshot(), release.world
    parts = Parts(release)
    video_VD = parts.video_vectors.of(catalog)
    now_us = world.now_us()
    for chunk in _chunks(reader, user_ids):
        requests = []
        for features in chunk:
            query = Query(user_id=features.user_id, limit=n)
            viewer = viewer_of([Known(features, Knowledge.CURRENT)], query, now_us, config)
            requests.append(Request(query, now_us, viewer, catalog, world, seed=0, rules=rules))
        no_day_part = np.full(len(requests), "", dtype=object)  # the lists are for all times of day
        context = {**viewer_context(requests), "day_part": no_day_part}
        user_BD = user_vectors(release.retrieval, requests, context)
        for request, score_V in zip(requests, user_BD @ video_VD.T, strict=True):
            allowed = filters.allowed(request)
            if request.viewer.history_ids:
                rows = allowed.rows()
                rows = rows[np.argsort(-score_V[rows], kind="stable")[:n]]
                scores = score_V[rows]
            else:
                found = popular.Popular().find(request, allowed, n)
                rows, scores = found.rows[:n], found.scores[:n].astype(np.float32)
            yield Ranked(request.query.user_id, catalog.video_ids[rows].tolist(), scores.tolist())


def _by_the_funnel(
    release: Release, reader: FeatureReader, user_ids: Sequence[str], n: int, config: FeedConfig, rules: RuleBook
) -> Iterator[Ranked]:
    prefetched = _Prefetched(reader)
    feed = build_feed(release, prefetched, None, replace(config, deadline_ms=PATIENCE_MS, explore=False))
    feed.use_rules(rules)
    for chunk in _chunks(reader, user_ids):
        prefetched.hold(chunk)
        for features in chunk:
            page = feed.page(Query(user_id=features.user_id, limit=n, rows=False, log=False))
            if page.served_by != FULL_FUNNEL:
                raise FeedError(f"answered by {page.served_by} and not by the full funnel: {'; '.join(page.warnings)}")
            items = page.recommendations
            yield Ranked(features.user_id, [item.video_id for item in items], [item.score for item in items])


class _Prefetched:
    """A reader that serves viewers from a prefetched chunk: one round trip for many."""

    def __init__(self, reader: FeatureReader) -> None:
        self.lists = reader.lists
        self._reader = reader
        self._held: dict[str, UserFeatures] = {}

    def hold(self, viewers: Sequence[UserFeatures]) -> None:
        self._held = {features.user_id: features for features in viewers}

    def user(self, user_id: str) -> UserFeatures:
        return self._held[user_id]

    def together(self, user_ids: Sequence[str]) -> list[UserFeatures]:
        return [self.user(user_id) for user_id in user_ids]

    def users(self, user_ids: Sequence[str]) -> list[UserFeatures]:
        return [self.user(user_id) for user_id in user_ids]

    def forget(self, is_erased: Callable[[str], bool]) -> None:
        self._reader.forget(is_erased)

    def viewers(self, count: int) -> list[str]:
        return self._reader.viewers(count)

    def snapshot(self) -> VideoSnapshot:
        return self._reader.snapshot()

    @property
    def unshared(self) -> str:
        return self._reader.unshared

    def follow(self, prepare: Prepare) -> None:
        self._reader.follow(prepare)

    def refresh(self) -> VideoSnapshot:
        return self._reader.refresh()

    def close(self) -> None:
        pass


def _chunks(reader: FeatureReader, user_ids: Sequence[str]) -> Iterator[list[UserFeatures]]:
    for start in range(0, len(user_ids), VIEWERS):
        yield reader.users(user_ids[start : start + VIEWERS])


def write(ranked: Sequence[Ranked], world: World, out: Path) -> int:
    """Write one row per recommendation. The file appears complete or not at all."""
    lengths = [len(one.video_ids) for one in ranked]
    source_id = {video_id: world.source_id(video_id) for one in ranked for video_id in one.video_ids}
    ids = pa.int64() if world.id_type == "int" else pa.string()
    users = [world.source_id(one.user_id) for one in ranked]
    table = pa.table(
        {
            "user_id": pa.array(users, ids).take(pa.array(np.repeat(np.arange(len(users)), lengths))),
            "item_id": pa.array([source_id[video_id] for one in ranked for video_id in one.video_ids], ids),
            "rank": pa.array([place for length in lengths for place in range(1, length + 1)], pa.int32()),
            "score": pa.array([score for one in ranked for score in one.scores], pa.float64()),
        }
    )
    write_result(table, out)
    return int(table.num_rows)
