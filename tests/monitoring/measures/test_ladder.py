"""What a rung loses, worked out by hand; and that each page comes from the rung it is counted for."""

from __future__ import annotations

import math

import numpy as np
import pytest
from worlds import arithmetic as feed_world

from bento_services.errors import FeedError
from bento_services.feed.build import build_feed
from bento_services.feed.config import FeedConfig
from bento_services.feed.feed import Feed
from bento_services.feed.surfaces.home import recipe
from models.release.artifact import Release
from monitoring.measures.ladder import Answers, K, RungPages, ladder_rows, page_on, pages_of_rungs

RUNGS = [rung.name for rung in recipe(FeedConfig()).ladder]
PATIENT = FeedConfig(deadline_ms=60_000)
SECOND = 1 / math.log2(3)  # what a hit in the second place is worth


def listed(*rows: int) -> list[int]:
    return [*rows, *[-1] * (K - len(rows))]


# Five videos: 0 and 1 Drama, 2 and 3 Comedy, 4 of no genre; 3 and 4 are new.
ANSWERS = Answers(
    targets=[[0], [2, 3]],
    genres_VG=np.array([[1, 0], [1, 0], [0, 1], [0, 1], [0, 0]]),
    new_V=np.array([False, False, False, True, True]),
)
BEST = RungPages("best", np.array([listed(0, 2), listed(2, 3)]), np.array([10.0, 30.0]))
WORSE = RungPages("worse", np.array([listed(1, 0), listed(1, 0, 2)]), np.array([1.0, 1.0]))
NOTHING = RungPages("nothing", np.array([listed(), listed()]), np.array([1.0, 2.0]))


def test_the_first_rung_loses_nothing_and_the_others_what_was_worked_out_by_hand() -> None:
    best, worse, nothing = ladder_rows([BEST, WORSE, NOTHING], ANSWERS)
    # The best list of viewer 1 has hits in its places 1 and 2, this one in its place 3 alone.
    worse_ndcg = (SECOND + 0.5 / (1 + SECOND)) / 2
    assert [row["rung"] for row in (best, worse, nothing)] == ["best", "worse", "nothing"]
    assert [row["ndcg_at_10"] for row in (best, worse, nothing)] == pytest.approx([1.0, worse_ndcg, 0.0])
    assert [row["ndcg_at_10_lost"] for row in (best, worse, nothing)] == pytest.approx([0, 100 * (1 - worse_ndcg), 100])
    assert [row["hit_rate_at_10"] for row in (best, worse, nothing)] == [1.0, 1.0, 0.0]
    assert [row["recall_at_20"] for row in (best, worse, nothing)] == [1.0, 0.75, 0.0]
    assert [row["recall_at_20_lost"] for row in (best, worse, nothing)] == [0.0, 25.0, 100.0]


def test_the_error_of_a_loss_is_that_of_the_difference_over_viewers() -> None:
    best, worse = ladder_rows([BEST, WORSE], ANSWERS)
    lost = [1 - SECOND, 1 - 0.5 / (1 + SECOND)]
    assert best["ndcg_at_10_lost_error"] == 0.0
    assert worse["ndcg_at_10_lost_error"] == pytest.approx(100 * abs(lost[0] - lost[1]) / 2 / math.sqrt(2))


def test_variety_is_that_of_the_first_ten() -> None:
    best, worse, nothing = ladder_rows([BEST, WORSE, NOTHING], ANSWERS)
    # Viewer 0: Drama and Comedy, distance 1. Viewer 1: Comedy twice, distance 0.
    assert (best["ild_at_10"], best["coverage_at_10"], best["new_at_10"]) == pytest.approx((0.5, 3 / 5, 1 / 4))
    # Viewer 0: Drama twice. Viewer 1: one of three pairs is alike.
    assert (worse["ild_at_10"], worse["coverage_at_10"], worse["new_at_10"]) == pytest.approx((1 / 3, 3 / 5, 0.0))
    assert (nothing["ild_at_10"], nothing["coverage_at_10"], nothing["new_at_10"]) == (None, 0.0, None)


def test_a_list_of_one_video_has_no_variety_to_count() -> None:
    short = RungPages("short", np.array([listed(0, 2), listed(3)]), np.array([1.0, 1.0]))
    assert ladder_rows([short], ANSWERS)[0]["ild_at_10"] == 1.0


def test_latency_is_the_median_and_the_95th_percentile_of_whole_pages() -> None:
    (best,) = ladder_rows([BEST], ANSWERS)
    assert (best["p50_ms"], best["p95_ms"]) == pytest.approx((20.0, 29.0))


def test_where_the_first_rung_finds_nothing_there_is_nothing_to_lose() -> None:
    nothing, best = ladder_rows([NOTHING, BEST], ANSWERS)
    assert (nothing["ndcg_at_10_lost"], best["ndcg_at_10_lost"]) == (None, None)


def feed_of(release: Release) -> Feed:
    return build_feed(release, feed_world.toy_reader(), None, PATIENT, now_us=lambda: feed_world.NOW_US)


def test_every_rung_is_asked_and_answers_itself() -> None:
    feed = feed_of(feed_world.toy_release())
    assert [page_on(feed, RUNGS, at, "light").served_by for at in range(len(RUNGS))] == RUNGS


def test_a_rung_that_fails_is_not_measured_by_the_page_of_another() -> None:
    release = feed_world.toy_release()
    feed_world.parts_of(release).ranker.broken = RuntimeError("no ranker")
    with pytest.raises(FeedError, match="the rung full_funnel: expected it to answer, found retrieval_only"):
        page_on(feed_of(release), RUNGS, 0, "light")


def test_the_pages_of_a_rung_are_the_same_twice() -> None:
    row_of = {video_id: row for row, video_id in enumerate(sorted(feed_world.toy_videos()))}
    viewers = sorted(feed_world.toy_users())
    once, again = (pages_of_rungs(feed_of(feed_world.toy_release()), RUNGS, viewers, row_of) for _ in range(2))
    assert [one.rung for one in once] == RUNGS
    for one, other in zip(once, again, strict=True):
        assert one.lists_BK.tolist() == other.lists_BK.tolist()
        assert (one.lists_BK >= 0).any()
        assert (one.ms_B > 0).all()
