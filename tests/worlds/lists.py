"""Bases and segments' lists in a reader's store, as the job and the feed make them."""

from __future__ import annotations

from collections.abc import Iterable

from worlds.arithmetic import NOW_US

from bento_services.feed.config import FeedConfig
from bento_services.feed.page import Query
from bento_services.feed.query_hydrators import ViewerFeatures
from bento_services.feed.segments import segment_of
from bento_services.feed.stages import Request
from bento_services.precompute.bases import maker_of, packed_bases
from feature_repo.store.made_lists import base_key, pack, segment_key
from feature_repo.store.memory import MemoryReader
from feature_repo.store.snapshot import VideoSnapshot
from models.release.artifact import Release

FOR_EVER = 1e6  # seconds


def make_lists(
    release: Release,
    reader: MemoryReader,
    user_ids: Iterable[str],
    catalog: VideoSnapshot | None = None,
    now_us: int = NOW_US,
) -> None:
    """A base for each of these viewers ("" has none), and the list of their segment, with parts that still work."""
    catalog, config = catalog or reader.snapshot(), FeedConfig()
    maker = maker_of(release, config)
    for user_id in user_ids:
        viewer = ViewerFeatures(reader, config).read(query := Query(user_id=user_id), now_us)
        if user_id:
            ((_, packed),) = packed_bases(maker, catalog, now_us, [viewer.features])
            reader.lists.put({base_key(user_id): packed}, FOR_EVER)
        segment = segment_of(Request(query, now_us, viewer, catalog, release.world, seed=0))
        (made,) = maker.make([segment.viewer], catalog, now_us, segment.query)
        reader.lists.put({segment_key(segment.name): pack(made)}, FOR_EVER)


def forget_bases(reader: MemoryReader, user_ids: Iterable[str]) -> None:
    reader.lists.put({base_key(user_id): b"" for user_id in user_ids}, FOR_EVER)
