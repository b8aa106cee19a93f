"""What is watched nearby."""

from __future__ import annotations

from worlds.surfaces import asked

from bento_services.feed.feed import Feed


def test_where_nothing_is_known_of_a_country_the_list_says_so_and_goes_on_with_what_is_popular(feed: Feed) -> None:
    near = {item.reason for item in asked(feed, "area", user_id="u004").recommendations}
    assert near & {"Popular near you", "Watched near you"}
    elsewhere = {item.reason for item in asked(feed, "area", user_id="nobody").recommendations}
    assert elsewhere <= {"Popular now", "What is watched most"}
