"""A sample of pages is compared with an exact search, by one thread behind them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from prometheus_client import REGISTRY
from worlds import arithmetic as feed_world
from worlds.arithmetic import NOW_US

from bento_services.feed.build import build_feed
from bento_services.feed.config import FeedConfig
from bento_services.feed.page import Query
from bento_services.feed.parts import Parts
from bento_services.feed.recall import LiveRecall, Search, recall_of
from bento_services.feed.sources import sized
from bento_services.feed.stages import Request
from bento_services.feed.viewer import unread
from models.allowed import Allowed
from models.candidates.sources import popular, two_tower
from models.per_catalog import PerCatalog
from models.release.artifact import Release
from models.retrieval.index import VideoIndex
from models.retrieval.index_config import IndexConfig

COUNT = 60
VECTORS = np.random.default_rng(0).normal(size=(COUNT, 8)).astype(np.float32)
READER = feed_world.big_reader(COUNT)
NEAREST_FIRST = np.argsort(-(VECTORS @ VECTORS[0]))
ALL = np.ones(COUNT, dtype=bool)


def request(request_id: str = "r", seed: int = 0, log: bool = True) -> Request:
    query = Query(request_id=request_id, log=log)
    viewer = unread(query, FeedConfig())
    return Request(query, NOW_US, viewer, READER.snapshot(), feed_world.BIG, seed, user_vector=VECTORS[0])


def search(
    found: np.ndarray, allowed: np.ndarray = ALL, vectors: Callable[[], np.ndarray] = lambda: VECTORS, asked: int = 10
) -> Search:
    of_all = PerCatalog(lambda catalog, rows: vectors()[rows])
    return Search("ivf_sq8", of_all, request(), Allowed.of(allowed), found, asked)


def counted(kind: str) -> tuple[float, float]:
    names = "marquee_retrieval_recall_count", "marquee_retrieval_recall_sum"
    count, total = (REGISTRY.get_sample_value(name, {"index": kind}) or 0.0 for name in names)
    return count, total


def comparing() -> set[threading.Thread]:
    """The threads that compare; another test may have left one."""
    return {thread for thread in threading.enumerate() if thread.name == "live-recall"}


def test_recall_is_the_share_of_the_nearest_allowed_videos_that_was_found() -> None:
    assert recall_of(search(NEAREST_FIRST[:10])) == 1.0
    assert recall_of(search(np.concatenate([NEAREST_FIRST[:7], NEAREST_FIRST[-3:]]))) == 0.7
    assert recall_of(search(NEAREST_FIRST[:4])) == 0.4  # too few were found
    odd = np.arange(COUNT) % 2 == 1
    nearest = NEAREST_FIRST[odd[NEAREST_FIRST]]
    assert recall_of(search(nearest[:10], odd)) == 1.0
    assert recall_of(search(nearest[1:11], odd)) == 0.9


def test_what_is_found_behind_the_number_asked_for_does_not_count() -> None:
    assert recall_of(search(np.concatenate([NEAREST_FIRST[10:15], NEAREST_FIRST[:10]]))) == 0.5


def test_fewer_allowed_videos_than_asked_for_are_all_there_is_to_find() -> None:
    three = np.isin(np.arange(COUNT), [3, 4, 5])
    assert recall_of(search(np.array([3, 5]), three)) == pytest.approx(2 / 3)
    assert recall_of(search(np.zeros(0, dtype=np.int64), np.zeros(COUNT, dtype=bool))) is None


def test_equally_near_videos_count_in_place_of_each_other() -> None:
    twins = np.repeat(VECTORS[:1], COUNT, axis=0)
    assert recall_of(search(np.arange(COUNT)[-10:], vectors=lambda: twins)) == 1.0


def test_the_sample_is_a_share_of_the_pages_that_viewers_see() -> None:
    tenth = LiveRecall(0.1)
    seeds = np.random.default_rng(1).integers(2**64, size=4000, dtype=np.uint64).tolist()
    assert 300 < sum(tenth.takes(request(seed=seed)) for seed in seeds) < 500
    assert not any(LiveRecall(0.0).takes(request(seed=seed)) for seed in (0, *seeds[:20]))
    assert not LiveRecall(1.0).takes(request(log=False))


def test_a_comparison_is_made_behind_the_caller_and_what_comes_meanwhile_is_left_out() -> None:
    recall, begun, may_end = LiveRecall(1.0), threading.Event(), threading.Event()

    def slow() -> np.ndarray:
        begun.set()
        assert may_end.wait(10)
        return VECTORS

    count, total = counted("ivf_sq8")
    recall.compare(search(NEAREST_FIRST[:10], vectors=slow))
    assert begun.wait(10)
    for _ in range(5):  # one of them waits
        recall.compare(search(NEAREST_FIRST[10:20]))
    may_end.set()
    recall.close()
    assert counted("ivf_sq8") == (count + 2, total + 1.0)


def test_one_that_fails_costs_no_other() -> None:
    recall, failed = LiveRecall(1.0), threading.Event()

    def broken() -> np.ndarray:
        failed.set()
        raise OSError("no vectors")

    count, _ = counted("ivf_sq8")
    recall.compare(search(NEAREST_FIRST[:10], vectors=broken))
    assert failed.wait(10)
    recall.compare(search(NEAREST_FIRST[:10]))
    recall.close()
    assert counted("ivf_sq8")[0] == count + 1


def test_nothing_is_compared_after_the_end() -> None:
    before, recall = comparing(), LiveRecall(1.0)
    recall.close()
    recall.compare(search(NEAREST_FIRST[:10]))
    assert comparing() <= before


def pages(release: Release, share: float, count: int = 3) -> None:
    feed = build_feed(release, READER, None, FeedConfig(recall_share=share, page_cache_pages=0), lambda: NOW_US)
    for number in range(count):
        feed.page(Query(user_id=f"u{number:03d}", request_id=str(number), deadline_ms=60_000))
    feed.close()


def test_pages_measure_the_recall_of_their_index_by_its_kind() -> None:
    release, before = feed_world.big_release(COUNT), comparing()
    count, total = counted("flat")
    pages(release, share=0.0)
    assert counted("flat") == (count, total)
    pages(release, share=1.0)
    compared = counted("flat")[0] - count
    assert compared >= 1
    assert counted("flat")[1] - total == compared  # an exact index finds all
    assert comparing() <= before


def test_an_index_of_other_vectors_is_seen_in_its_recall() -> None:
    release = feed_world.big_release(COUNT)
    ids = list(release.index.ids)
    index = VideoIndex.build(ids, -release.retrieval.item_vectors, IndexConfig("ivf_sq8"))
    count, total = counted("ivf_sq8")
    config = {two_tower.TWO_TOWER: 5}
    feed = build_feed(replace(release, index=index), READER, None, FeedConfig(config, recall_share=1.0), lambda: NOW_US)
    feed.page(Query(user_id="u001", deadline_ms=60_000, limit=1))
    feed.close()
    assert counted("ivf_sq8")[0] == count + 1
    assert counted("ivf_sq8")[1] - total < 1.0


def test_only_the_nearest_videos_are_compared_and_nothing_where_nobody_asks_for_it() -> None:
    release = feed_world.big_release(COUNT)
    measured, plain = Parts(release, LiveRecall(1.0)), Parts(release)
    for parts, spec, told in (
        (measured, two_tower.SPEC, True),
        (measured, popular.SPEC, False),
        (plain, two_tower.SPEC, False),
    ):
        stage = sized(spec, parts, {})
        assert stage is not None
        assert (stage.heard is not None) is told
