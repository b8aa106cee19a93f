"""Videos of followed creators, whatever the viewer has watched of them."""

from __future__ import annotations

from worlds.asked import EVERYTHING, names, only, request

from models.candidates.sources.followed import OfFollowed

FOLLOWS = {"followed_creator_ids": ["x", "gone"]}


def test_the_newest_of_whom_the_viewer_follows_go_first() -> None:
    assert names(OfFollowed().find(request(features=FOLLOWS), EVERYTHING, 6)) == "ca"
    assert names(OfFollowed().find(request(features=FOLLOWS), EVERYTHING, 1)) == "c"
    assert names(OfFollowed().find(request(features=FOLLOWS), only("abef"), 6)) == "a"


def test_who_follows_nobody_gets_nothing() -> None:
    assert len(OfFollowed().find(request(), EVERYTHING, 6)) == 0
    assert len(OfFollowed().find(request(features={"followed_creator_ids": ["gone"]}), EVERYTHING, 6)) == 0
