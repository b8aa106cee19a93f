"""How the lists of a viewer grow, and what is evicted."""

from __future__ import annotations

from feature_repo.compute import viewer_lists as lists
from feature_repo.schema import CREATOR_LENGTH, SHOWN_LENGTH


def test_a_history_keeps_each_video_once_in_order_of_time() -> None:
    history: lists.History = ([], [], [])
    for video_id, time_us, fraction in (("a", 3, 0.5), ("b", 1, 1.0), ("a", 2, 0.25), ("c", 5, 1.0), ("d", 4, 1.0)):
        lists.remember(history, video_id, time_us, fraction, 3)
    assert history == (["a", "d", "c"], [3, 4, 5], [0.75, 1.0, 1.0])
    lists.forget(history, "d")
    lists.forget(history, "never")
    assert history == (["a", "c"], [3, 5], [0.75, 1.0])


def test_the_creator_who_matters_least_gives_way_but_never_to_nobody() -> None:
    ids, weights = [f"c{n}" for n in range(CREATOR_LENGTH)], [1.0 + n for n in range(CREATOR_LENGTH)]
    lists.prefer_creator(ids, weights, "", 9.0)
    lists.prefer_creator(ids, weights, "c0", -1.5)
    lists.prefer_creator(ids, weights, "new", 0.1)
    assert (len(ids), ids[-1], "c0" in ids, "c1" in ids) == (CREATOR_LENGTH, "new", False, True)


def test_what_is_unknown_displaces_nothing() -> None:
    ids = ["a"]
    lists.append_once(ids, "?", 2, known=False)
    lists.append_once(ids, "!", 2, known=False)
    lists.append_once(ids, "b", 2)
    assert ids == ["a", "b"]
    assert (lists.discard(ids, "a"), lists.discard(ids, "a"), ids) == (True, False, ["b"])


def test_what_was_shown_is_counted_the_latest_last_until_it_is_taken_up() -> None:
    ids: list[str] = []
    counts: list[int] = []
    for one in ("a", "b", "a", *map(str, range(SHOWN_LENGTH - 1))):
        lists.count_shown(ids, counts, one)
    assert (ids[0], counts[0], len(ids), len(counts)) == ("a", 2, SHOWN_LENGTH, SHOWN_LENGTH)
    assert (lists.taken_up(ids, counts, "a"), lists.taken_up(ids, counts, "a"), len(counts)) == (2, 0, SHOWN_LENGTH - 1)
