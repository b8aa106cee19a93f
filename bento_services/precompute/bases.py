"""Bases: up to `feed.list_length` videos for each viewer, made before the viewer asks, by `marquee precompute`.

A base replaces the one before. The partition function (`packed_bases`) is called here for one batch of viewers after
the other, or by Spark for its partitions, with equal results.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any, Literal

from bento_services.errors import FeedError, StageFailed
from bento_services.feed.compose import compose
from bento_services.feed.config import FEED, FeedConfig
from bento_services.feed.list_maker import ListMaker
from bento_services.feed.parts import Parts
from bento_services.feed.surfaces.home import recipe
from bento_services.precompute.reading import opened_reader
from bento_services.settings import PRECOMPUTE
from feature_repo.core.errors import Refused
from feature_repo.core.home import Home
from feature_repo.core.progress import SILENT, Advance, Progress
from feature_repo.core.settings import read
from feature_repo.jobs.partitions import over_spark
from feature_repo.store.config import STORE
from feature_repo.store.connect import connect
from feature_repo.store.layout import MAKING
from feature_repo.store.lease import leased
from feature_repo.store.made_lists import base_key, pack, unpack
from feature_repo.store.reader import FeatureReader
from feature_repo.store.snapshot import UserFeatures, VideoSnapshot
from feature_repo.store.viewers import active_viewers, all_viewers
from models.release.artifact import Release, champion_or_previous, load_release

Viewers = Literal["active", "all"]
Engine = Literal["here", "spark"]

BATCH = 64  # viewers read and written together
LEASE_SECONDS = 30.0


def precompute(
    home: Home, url: str, viewers: Viewers, engine: Engine = "here", progress: Progress = SILENT
) -> dict[str, Any]:
    """Make the bases of these viewers and put them into the online store.

    `active`: of whom there were events in the last `precompute.active_seconds`, and only those whose base is missing or
    stale. Raises Refused while another process is at it, StoreDown, HomeError, and FeedError if the models fail.
    """
    started = perf_counter()
    config, release = read(PRECOMPUTE, home.root), champion_or_previous(home)
    client = connect(url, read(STORE, home.root).batch_timeout_seconds)
    try:
        with leased(client, f"{MAKING}bases:{viewers}", LEASE_SECONDS) as is_mine:
            if not is_mine:
                raise Refused(f"the bases of {viewers} viewers are being made by another process; wait for it to end")
            is_active = viewers == "active"
            user_ids = active_viewers(client, config.active_seconds) if is_active else all_viewers(client)
            run = _Run(home, url, release, engine, only_stale=is_active, progress=progress)
            made = run.make(user_ids)
    finally:
        client.close()
    return {
        "release_id": release.release_id,
        "viewers": len(user_ids),
        "made": made,
        "current": len(user_ids) - made,  # already, and therefore not made
        "seconds": round(perf_counter() - started, 2),
    }


@dataclass(frozen=True)
class _Run:
    home: Home
    url: str
    release: Release
    engine: Engine
    only_stale: bool
    progress: Progress

    def make(self, user_ids: Sequence[str]) -> int:
        """How many were made. Each batch is put into the store when it is done: a run that is broken off loses one."""
        config = read(FEED, self.home.root)
        reader = opened_reader(self.home, self.url, self.release.world)
        now_us, made = self.release.world.now_us(), 0
        try:
            with self.progress.task(f"bases of {len(user_ids):,} viewers", total=len(user_ids)) as advance:
                wanted = self._wanted(reader, user_ids, config, now_us, advance)
                for batch in self._batches(reader, wanted, config, now_us):
                    reader.lists.put({base_key(user_id): packed for user_id, packed in batch}, config.base_seconds)
                    made += len(batch)
                    advance(len(batch))
        finally:
            reader.close()
        return made

    def _wanted(
        self, reader: FeatureReader, user_ids: Sequence[str], config: FeedConfig, now_us: int, advance: Advance
    ) -> Iterator[list[UserFeatures]]:
        """Batches of those whose base is to be made."""
        for start in range(0, len(user_ids), BATCH):
            asked_of = reader.users(user_ids[start : start + BATCH])
            viewers = [one for one in asked_of if one.known]  # else erased, or expired, since they were listed
            advance(len(asked_of) - len(viewers))
            if self.only_stale:
                asked = len(viewers)
                viewers = [one for one in viewers if not self._is_current(reader, one, config, now_us)]
                advance(asked - len(viewers))
            if viewers:
                yield viewers

    def _is_current(self, reader: FeatureReader, features: UserFeatures, config: FeedConfig, now_us: int) -> bool:
        made = unpack(reader.lists.get(base_key(features.user_id)))
        release_id, seconds = self.release.release_id, config.base_fresh_seconds
        return made is not None and made.is_current(release_id, features.as_of_us, now_us, seconds)

    def _batches(
        self, reader: FeatureReader, wanted: Iterator[list[UserFeatures]], config: FeedConfig, now_us: int
    ) -> Iterator[list[tuple[str, bytes]]]:
        if self.engine == "spark":
            user_ids = [one.user_id for batch in wanted for one in batch]
            make = partial(bases_of_partition, str(self.home.root), self.url, str(self.release.path), now_us)
            yield from over_spark(make, user_ids, BATCH)
            return
        maker, catalog = maker_of(self.release, config), reader.snapshot()
        for viewers in wanted:
            yield packed_bases(maker, catalog, now_us, viewers)


def bases_of_partition(
    root: str, url: str, release: str, now_us: int, batches: Iterator[list[str]]
) -> Iterator[list[tuple[str, bytes]]]:
    """The partition function in a worker of Spark, which opens release and store itself: ids -> (user_id, base)."""
    home, loaded = Home.open(root), load_release(Path(release))
    maker = maker_of(loaded, read(FEED, home.root))
    reader = opened_reader(home, url, loaded.world)
    try:
        for user_ids in batches:
            yield packed_bases(maker, reader.snapshot(), now_us, reader.users(user_ids))
    finally:
        reader.close()


def packed_bases(
    maker: ListMaker, catalog: VideoSnapshot, now_us: int, viewers: Sequence[UserFeatures]
) -> list[tuple[str, bytes]]:
    """The partition function: viewers -> (user_id, packed base), in their order, of nothing but its arguments.

    Raises FeedError if a model fails.
    """
    try:
        made = maker.make(viewers, catalog, now_us)
    except StageFailed as failure:
        raise FeedError(f"no bases can be made: {failure}") from failure
    return [(features.user_id, pack(one)) for features, one in zip(viewers, made, strict=True)]


def maker_of(release: Release, config: FeedConfig) -> ListMaker:
    """Raises PolicyError if the release's policy is invalid, and FeedError if nothing is trained that makes bases."""
    maker = compose(Parts(release), recipe(config)).maker
    if maker is None:
        raise FeedError(f"no bases can be made: {release.release_id} is a first release, without trained models")
    return maker
