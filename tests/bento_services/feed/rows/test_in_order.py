"""A list that nothing changes."""

from __future__ import annotations

from worlds.surfaces import asked, built, ids


def test_the_list_is_cut_where_the_caller_says_and_goes_on_from_there() -> None:
    feed = built()
    whole = asked(feed, "continue_watching", user_id="u004")
    first = asked(feed, "continue_watching", user_id="u004", limit=2)
    rest = asked(feed, "continue_watching", first.cursor, user_id="u004")
    feed.close()
    assert len(ids(first)) == 2
    assert ids(first) + ids(rest) == ids(whole)
