"""What was used most recently stays, whoever asks."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from feature_repo.core.recent import Recent


def test_what_was_used_longest_ago_goes_first() -> None:
    recent: Recent[str, int] = Recent(2)
    recent.put("a", 1)
    recent.put("b", 2)
    assert recent.get("a") == 1
    recent.put("c", 3)
    assert ("a" in recent, "b" in recent, "c" in recent) == (True, False, True)
    recent.put("a", 4)
    recent.put("d", 5)
    assert list(recent) == ["a", "d"]
    assert (recent.get("a"), recent.get("c"), recent.get("d")) == (4, None, 5)


def test_a_look_at_whether_it_is_there_is_no_use() -> None:
    recent: Recent[str, int] = Recent(1)
    recent.put("a", 1)
    assert "a" in recent
    recent.put("b", 2)
    assert "a" not in recent


def test_nothing_is_kept_where_there_is_no_room() -> None:
    recent: Recent[str, int] = Recent(0)
    recent.put("a", 1)
    assert recent.get("a") is None
    assert recent.got_or("a", lambda: 2) == 2


def test_all_threads_get_the_one_that_was_made_first() -> None:
    recent: Recent[str, object] = Recent(4)
    with ThreadPoolExecutor(8) as threads:
        made = set(threads.map(lambda _: id(recent.got_or("a", object)), range(200)))
    assert len(made) == 1


def test_what_is_gone_is_forgotten() -> None:
    recent: Recent[str, int] = Recent(9)
    for number, key in enumerate("abcd"):
        recent.put(key, number)
    recent.forget(lambda key, value: key == "a" or value == 2)
    recent.drop("d")
    recent.drop("never there")
    assert [recent.get(key) for key in "abcd"] == [None, 1, None, None]
