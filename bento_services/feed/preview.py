"""What a rule changes on one viewer's page."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import replace
from typing import Annotated

from msgspec import Meta, Struct

from bento_services.feed.page import Page, Query
from feature_repo.catalog.rule import Rule
from models.page.rulebook import RuleBook

PageWith = Callable[[RuleBook, Query, str], Page]


class PlacedVideo(Struct, frozen=True):
    video_id: str
    title: str
    row_id: str
    place: Annotated[int, Meta(description="In its row, 0 = first.")]


class MovedVideo(PlacedVideo, frozen=True):
    """Where it is with the rule, and where it was without."""

    row_id_before: str
    place_before: int


class Preview(Struct, frozen=True):
    """The page that the other rules make, the same with the rule, and the difference."""

    without: Page
    with_rule: Page
    added: list[PlacedVideo]
    removed: list[PlacedVideo]
    moved: list[MovedVideo]


def previewed(page_with: PageWith, rules: RuleBook, rule: Rule, query: Query, surface: str) -> Preview:
    """`rules`: those that hold; another version of the rule among them does not count. Raises QueryError."""
    others = [one for one in rules.rules if one.rule_id != rule.rule_id]
    asked = replace(query, request_id=query.request_id or uuid.uuid4().hex, log=False)  # one seed for both
    without = page_with(RuleBook(rules.version, others), asked, surface)
    with_rule = page_with(RuleBook(rules.version, [*others, replace(rule, enabled=True)]), asked, surface)
    before, after = _places(without), _places(with_rule)
    return Preview(
        without=without.as_sent(),
        with_rule=with_rule.as_sent(),
        added=[one for video_id, one in after.items() if video_id not in before],
        removed=[one for video_id, one in before.items() if video_id not in after],
        moved=[
            _moved(before[video_id], one) for video_id, one in after.items() if _is_moved(before.get(video_id), one)
        ],
    )


def _places(page: Page) -> dict[str, PlacedVideo]:
    return {
        item.video_id: PlacedVideo(item.video_id, item.title, row.row_id, place)
        for row in page.rows
        for place, item in enumerate(row.items)
    }


def _is_moved(before: PlacedVideo | None, after: PlacedVideo) -> bool:
    return before is not None and before != after


def _moved(before: PlacedVideo, after: PlacedVideo) -> MovedVideo:
    return MovedVideo(after.video_id, after.title, after.row_id, after.place, before.row_id, before.place)
