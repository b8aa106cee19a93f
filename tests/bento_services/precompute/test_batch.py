"""Everyone's lists: by the same filters as the page, as long as they can be, in the ids of the source."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from worlds import arithmetic as feed_world

from bento_services.errors import FeedError
from bento_services.precompute.batch import Ranked, Stage, rank_everyone, write
from feature_repo.store.memory import MemoryReader

USERS = sorted(feed_world.toy_users())


def lists(stage: Stage, n: int = 5) -> dict[str, Ranked]:
    release, reader = feed_world.toy_release(), feed_world.toy_reader()
    return {one.user_id: one for one in rank_everyone(release, reader, USERS, n, stage)}


@pytest.mark.parametrize("stage", ["retrieval", "full"])
def test_every_user_has_a_list_of_what_he_has_not_seen(stage: Stage) -> None:
    found = lists(stage)
    assert list(found) == USERS
    users = feed_world.toy_users()
    for user_id, one in found.items():
        assert not set(one.video_ids) & {*users[user_id]["seen_video_ids"], *users[user_id]["hidden_video_ids"]}
        assert len(one.video_ids) == len(set(one.video_ids)) == len(one.scores)
    assert {user_id: len(one.video_ids) for user_id, one in found.items()} == dict.fromkeys(USERS, 5) | {"sated": 0}
    assert "v11" not in found["kid"].video_ids
    assert "v09" not in found["abroad"].video_ids


def test_retrieval_is_the_order_of_the_dot_product_computed_one_by_one() -> None:
    release, users = feed_world.toy_release(), feed_world.toy_users()
    row_of = {video_id: row for row, video_id in enumerate(release.retrieval.video_ids)}
    for user_id in ("light", "heavy"):
        history = users[user_id]["history_video_ids"]
        vector = np.mean([release.retrieval.item_vectors[row_of[video_id]] for video_id in history], axis=0)
        one = lists("retrieval")[user_id]
        expected = [float(vector @ release.retrieval.item_vectors[row_of[video_id]]) for video_id in one.video_ids]
        assert list(one.scores) == pytest.approx(expected, rel=1e-5)
        assert list(one.scores) == sorted(one.scores, reverse=True)


def test_a_user_without_a_history_gets_what_is_popular() -> None:
    videos = feed_world.toy_videos()
    watches = [videos[video_id]["video_watch_count"] for video_id in lists("retrieval", 12)["new"].video_ids]
    assert len(watches) == 12
    assert watches == sorted(watches, reverse=True)


def test_the_funnels_lists_are_the_same_twice() -> None:
    release, reader = feed_world.big_release(), feed_world.big_reader()
    users = [f"u{number:03}" for number in range(10)]
    first, second = (list(rank_everyone(release, reader, users, 20, "full")) for _ in range(2))
    assert first == second


def test_a_list_longer_than_a_page_is_possible() -> None:
    release, reader = feed_world.big_release(400), feed_world.big_reader(400)
    (one,) = rank_everyone(release, reader, ["u001"], 300, "full")
    assert len(set(one.video_ids)) == 300


def test_a_funnel_that_breaks_writes_no_lists_of_something_else() -> None:
    release = feed_world.toy_release()
    feed_world.parts_of(release).ranker.broken = RuntimeError()
    with pytest.raises(FeedError, match="retrieval_only"):
        list(rank_everyone(release, feed_world.toy_reader(), USERS, 5, "full"))


def test_the_file_speaks_the_ids_of_the_source(tmp_path: Path) -> None:
    world = replace(feed_world.TOY, id_type="int")
    ranked = [Ranked("7", ["10", "3"], [0.9, 0.5]), Ranked("8", [], []), Ranked("9", ["10"], [0.1])]
    assert write(ranked, world, tmp_path / "new" / "lists.parquet") == 3
    table = pq.read_table(tmp_path / "new" / "lists.parquet")
    assert table.to_pylist() == [
        {"user_id": 7, "item_id": 10, "rank": 1, "score": 0.9},
        {"user_id": 7, "item_id": 3, "rank": 2, "score": 0.5},
        {"user_id": 9, "item_id": 10, "rank": 1, "score": 0.1},
    ]
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["lists.parquet"]


def test_lists_of_nobody_are_an_empty_file(tmp_path: Path) -> None:
    assert write([], feed_world.TOY, tmp_path / "none.parquet") == 0
    assert pq.read_table(tmp_path / "none.parquet").column_names == ["user_id", "item_id", "rank", "score"]


def test_users_that_nobody_knows_get_a_list_all_the_same() -> None:
    reader = MemoryReader(feed_world.TOY, {}, feed_world.toy_videos())
    for stage in ("retrieval", "full"):
        (one,) = rank_everyone(feed_world.toy_release(), reader, ["stranger"], 4, stage)  # type: ignore[arg-type]
        assert len(one.video_ids) == 4
