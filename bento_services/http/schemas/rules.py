"""Rules as they are sent, for the document; feature_repo/catalog/rule.py says what they may state. Answers are in
bento_services/catalog/rules.py."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from feature_repo.catalog.rule import MOST_EXPLORED, MOST_FACTOR, MOST_POSITION, MOST_TIMES, MOST_WORDS
from feature_repo.limits import MAX_COST

Words = Annotated[list[str], Meta(max_length=MOST_WORDS)] | None | UnsetType
Share = Annotated[float, Meta(ge=0.0, le=1.0)] | None | UnsetType
Cost = Annotated[float, Meta(ge=0.0, le=MAX_COST)] | None | UnsetType
Times = Annotated[int, Meta(ge=1, le=MOST_TIMES)] | None | UnsetType
Moment = Annotated[str, Meta(extra_json_schema={"format": "date-time"})] | None | UnsetType


class RuleFields(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Some fields of a rule; null gives one its default."""

    video_ids: Annotated[Words, Meta(description="Which videos: each list that is stated has to match.")] = UNSET
    creator_ids: Words = UNSET
    categories: Words = UNSET
    genres: Words = UNSET
    tags: Annotated[Words, Meta(description="Such as original, premium, editorial, flagged.")] = UNSET
    languages: Words = UNSET
    least_licence_cost: Annotated[
        Cost, Meta(description="Of an hour watched; a video of unknown cost does not match.")
    ] = UNSET
    most_licence_cost: Cost = UNSET
    surfaces: Annotated[Words, Meta(description="Where it holds; empty: on all.")] = UNSET
    countries: Annotated[Words, Meta(description="Whose viewers; empty: everybody; or unknown.")] = UNSET
    age_groups: Annotated[Words, Meta(description="Of which viewers; empty: all; or unknown.")] = UNSET
    row: Annotated[str | UnsetType | None, Meta(description="Of a pin; empty: the recommendations.")] = UNSET
    position: Annotated[int, Meta(ge=0, le=MOST_POSITION, description="Of a pin.")] | UnsetType | None = UNSET
    factor: (
        Annotated[float, Meta(ge=0.0, le=MOST_FACTOR, description="Of a boost and of fatigue.")] | UnsetType | None
    ) = UNSET
    at_least: Annotated[Share, Meta(description="Of a share: what part of the recommendations.")] = UNSET
    at_most: Share = UNSET
    least_watch_fraction: Annotated[Share, Meta(description="Of a floor: the mean share watched.")] = UNSET
    most_dislike_rate: Annotated[Share, Meta(description="Of a floor: dislikes per watch.")] = UNSET
    least_watches: Annotated[int, Meta(ge=1, le=1000000)] | UnsetType | None = UNSET
    demoted_after: Annotated[Times, Meta(description="Of fatigue: seen so often without being taken up.")] = UNSET
    rested_after: Annotated[Times, Meta(description="Of fatigue: from then on it is not recommended.")] = UNSET
    explored: (
        Annotated[float, Meta(ge=0.0, le=MOST_EXPLORED, description="Of explore: share of the places.")]
        | UnsetType
        | None
    ) = UNSET
    starts_at: Moment = UNSET
    ends_at: Moment = UNSET
    owner: str | UnsetType | None = UNSET
    note: str | UnsetType | None = UNSET
    enabled: bool | UnsetType = UNSET


Kind = Literal["pin", "boost", "share", "block", "floor", "fatigue", "explore"]


class RulePatch(RuleFields, frozen=True, kw_only=True, forbid_unknown_fields=True):
    kind: Kind | UnsetType = UNSET


class RuleIn(RuleFields, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A whole rule: what is left out has its default."""

    kind: Kind


class NewRule(RuleIn, frozen=True, kw_only=True, forbid_unknown_fields=True):
    rule_id: str


class RulePreview(Struct, frozen=True, forbid_unknown_fields=True):
    """`rule`: one as it would be put, or only the `rule_id` of one that there is."""

    rule: dict[str, Any]
    user_id: str = ""
    surface: str = "home"
    limit: Annotated[int, Meta(ge=1, le=100)] = 20
