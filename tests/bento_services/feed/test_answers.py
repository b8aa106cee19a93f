"""A page as the list that other surfaces answer."""

from __future__ import annotations

from worlds.surfaces import DRAMA, asked, built

from bento_services.feed import answers


def test_a_list_says_what_its_page_says() -> None:
    feed = built()
    page = asked(feed, "category", user_id="u004", limit=3)
    feed.close()
    answer = answers.surface("category", DRAMA, page)
    for listed, item in zip(answer.items, page.recommendations, strict=True):
        assert (listed.item_id, listed.title, listed.reason) == (item.video_id, item.title, item.reason)
        assert (listed.score, listed.position, listed.propensity) == (item.score, item.position, item.propensity)
    assert (answer.surface, answer.category, answer.title) == ("category", DRAMA, "In this category")
    assert (answer.certificate, answer.cursor, answer.served_by) == (page.certificate, page.cursor, page.served_by)
