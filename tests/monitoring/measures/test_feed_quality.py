"""Recommendation quality on lists small enough to judge by hand."""

from pathlib import Path

import numpy as np
import pytest

from monitoring.measures.feed_quality import Interactions, feed_quality, intra_list_distance

USERS, VIDEOS, K = 40, 60, 10
GENRES = np.eye(3, dtype=np.float32)[np.arange(VIDEOS) % 3]


def world() -> tuple[np.ndarray, np.ndarray, list[np.ndarray], Interactions]:
    """Personal lists hold one watched video at rank 2 and miss another; popularity shows videos 0-9 to everyone."""
    random = np.random.default_rng(7)
    personal, watched = [], []
    for _ in range(USERS):
        videos = random.permutation(np.arange(10, VIDEOS))
        personal.append(videos[:K])
        watched.append(np.array([videos[1], videos[20]]))
    popular = np.tile(np.arange(K), (USERS, 1))
    train = Interactions(
        users=np.concatenate([np.repeat(np.arange(USERS), K), np.arange(VIDEOS) % USERS]),
        videos=np.concatenate([np.tile(np.arange(K), USERS), np.arange(VIDEOS)]),
    )
    return np.array(personal), popular, watched, train


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory):  # type: ignore[no-untyped-def]
    folder: Path = tmp_path_factory.mktemp("quality")
    personal, popular, watched, train = world()
    pages = folder / "quality.html", folder / "diversity.html"
    return feed_quality(personal, popular, watched, train, GENRES, *pages), pages


def test_ndcg_counts_the_missed_video_in_the_ideal_list(judged) -> None:  # type: ignore[no-untyped-def]
    by_hand = (1 / np.log2(3)) / (1 / np.log2(2) + 1 / np.log2(3))  # one of two watched, at the second place
    assert judged[0].current["ndcg_at_10"] == pytest.approx(by_hand)
    assert judged[0].baseline["ndcg_at_10"] == 0.0


def test_hit_rate_is_the_share_of_lists_with_a_watched_video(judged) -> None:  # type: ignore[no-untyped-def]
    assert judged[0].current["hit_rate_at_10"] == 1.0
    assert judged[0].baseline["hit_rate_at_10"] == 0.0


def test_popularity_is_less_novel_covers_less_and_is_the_same_for_everyone(judged) -> None:  # type: ignore[no-untyped-def]
    current, baseline = judged[0].current, judged[0].baseline
    assert baseline["coverage"] == pytest.approx(K / VIDEOS)
    assert current["coverage"] == pytest.approx((VIDEOS - 10) / VIDEOS)
    assert baseline["personalization"] == pytest.approx(0.0)
    assert current["personalization"] > 0.5
    assert baseline["novelty_bits"] == pytest.approx(0.0, abs=1e-9)  # each of the ten was watched by every user
    assert current["novelty_bits"] == pytest.approx(np.log2(USERS))  # each other video by one user of forty
    assert baseline["mean_popularity"] == pytest.approx(USERS)
    assert current["mean_popularity"] == pytest.approx(1.0)


def test_nothing_alarms_for_good_lists_and_the_page_is_written(judged) -> None:  # type: ignore[no-untyped-def]
    assert judged[0].alarms == ()
    assert judged[0].current["genres_per_list"] == pytest.approx(3.0, abs=0.2)
    assert "NDCG" in judged[1][0].read_text()
    assert "Diversity" in judged[1][1].read_text()


def test_the_same_list_for_everyone_alarms_by_name() -> None:
    personal, _, watched, train = world()
    one_genre = np.tile(np.arange(0, 3 * K, 3), (USERS, 1))
    found = feed_quality(one_genre, personal, watched, train, GENRES)
    assert len(found.alarms) == 3
    assert any("popularity" in alarm for alarm in found.alarms)
    assert any("everyone" in alarm for alarm in found.alarms)
    assert any("genres" in alarm for alarm in found.alarms)


def test_intra_list_distance_is_the_mean_over_pairs() -> None:
    genres = np.array([[1, 0], [1, 0], [0, 1], [0, 0]], dtype=np.float32)
    assert intra_list_distance(np.array([[0, 1]]), genres) == pytest.approx(0.0)
    assert intra_list_distance(np.array([[0, 2]]), genres) == pytest.approx(1.0)
    assert intra_list_distance(np.array([[0, 1, 2]]), genres) == pytest.approx(2 / 3)
    assert intra_list_distance(np.array([[0, 3]]), genres) == pytest.approx(1.0)  # no genre is like no other
    assert intra_list_distance(np.array([[0, -1], [0, 2]]), genres) == pytest.approx(1.0)  # a list of one has no pair


def test_a_short_list_is_judged_on_what_it_has() -> None:
    personal, popular, watched, train = world()
    short = personal.copy()
    short[:, 3:] = -1
    found = feed_quality(short, popular, watched, train, GENRES)
    assert found.current["hit_rate_at_10"] == 1.0
    assert found.current["ndcg_at_10"] == pytest.approx((1 / np.log2(3)) / (1 + 1 / np.log2(3)))
    assert found.current["coverage"] == pytest.approx(len(np.unique(short[:, :3])) / VIDEOS)


def test_the_last_place_of_a_list_counts() -> None:
    personal, popular, _, train = world()
    found = feed_quality(personal, popular, [videos[-1:] for videos in personal], train, GENRES)
    assert found.current["hit_rate_at_10"] == 1.0
    assert found.current["ndcg_at_10"] == pytest.approx(1 / np.log2(11))
