"""What a rule may say, and what the message about another one says."""

from __future__ import annotations

from typing import Any

import pytest

from feature_repo.catalog.rule import FIELDS, InvalidRule, Rule, as_stated, rule_of

PIN = {"rule_id": "p", "kind": "pin", "video_ids": ["v1"]}
FLOOR = {"rule_id": "f", "kind": "floor", "least_watch_fraction": 0.4}
SHARE = {"rule_id": "s", "kind": "share", "tags": ["original"], "at_least": 0.2}
BOOST = {"rule_id": "b", "kind": "boost", "tags": ["original"], "factor": 1.5}
BLOCK = {"rule_id": "x", "kind": "block", "creator_ids": ["c1"], "countries": ["DE"]}


EXPLORE = {"rule_id": "e", "kind": "explore", "explored": 0.2, "countries": ["DE", "unknown"], "age_groups": ["teen"]}
CHEAP = {"rule_id": "c", "kind": "boost", "most_licence_cost": 0.0, "factor": 1.5}


@pytest.mark.parametrize("stated", [PIN, FLOOR, SHARE, BOOST, BLOCK, CHEAP, EXPLORE])
def test_what_is_stated_is_the_rule_and_states_it_again(stated: dict[str, Any]) -> None:
    rule = rule_of(stated)
    assert as_stated(rule) == stated
    assert rule_of(as_stated(rule)) == rule


@pytest.mark.parametrize(
    ("stated", "said"),
    [
        ({**PIN, "video_id": "v1"}, "did you mean video_ids?"),
        (
            {**PIN, "kind": "pins"},
            "kind: expected one of pin, boost, share, block, floor, fatigue, explore, found 'pins'",
        ),
        ({"rule_id": "p", "kind": "pin"}, "video_ids: expected it in a rule of the kind pin"),
        ({**PIN, "video_ids": ["v1", "v2"]}, "one video in a pin"),
        ({**PIN, "tags": ["a"]}, "tags: expected no filter but video_ids in a pin"),
        ({**PIN, "most_licence_cost": 0.2}, "most_licence_cost: expected no filter but video_ids in a pin"),
        ({**CHEAP, "most_licence_cost": -0.1}, "most_licence_cost: expected a number from 0"),
        ({**CHEAP, "most_licence_cost": 1e6}, "video_ids: expected a filter"),  # which says nothing
        (
            {**CHEAP, "least_licence_cost": 2, "most_licence_cost": 1},
            "least_licence_cost: expected at most most_licence_cost, which is 1, found 2",
        ),
        ({**PIN, "position": -1}, "position: expected a whole number from 0 to 200, found -1"),
        ({**PIN, "position": True}, "position: expected a whole number"),
        ({**PIN, "factor": 2.0}, "factor: expected it only in rules of the kind boost"),
        ({**BOOST, "factor": 1}, "factor: expected another number than 1, or the rule says nothing"),
        ({**BOOST, "factor": float("nan")}, "factor: expected a number from 0 to 100"),
        ({"rule_id": "b", "kind": "boost", "factor": 2}, "video_ids: expected a filter"),
        ({**SHARE, "at_least": 0.5, "at_most": 0.2}, "at_least: expected at most at_most, which is 0.2, found 0.5"),
        ({"rule_id": "s", "kind": "share", "tags": ["a"]}, "or the rule says nothing"),
        ({"rule_id": "f", "kind": "floor"}, "it or most_dislike_rate, or the rule says nothing"),
        ({"rule_id": "x", "kind": "block"}, "video_ids: expected a filter"),
        ({"rule_id": "t", "kind": "fatigue"}, "it or rested_after, or the rule says nothing"),
        ({"rule_id": "t", "kind": "fatigue", "demoted_after": 3}, "factor: expected a number below 1"),
        ({"rule_id": "t", "kind": "fatigue", "demoted_after": 3, "factor": 2.0}, "factor: expected a number below 1"),
        (
            {"rule_id": "t", "kind": "fatigue", "demoted_after": 3, "factor": 0.5, "rested_after": 3},
            "rested_after: expected more than demoted_after, which is 3",
        ),
        ({"rule_id": "t", "kind": "fatigue", "rested_after": 0}, "or the rule says nothing"),
        ({**BOOST, "rested_after": 3}, "rested_after: expected it only in rules of the kind fatigue"),
        ({**BLOCK, "countries": ["Germany"]}, "countries: expected"),
        ({**BLOCK, "age_groups": ["te\nen"]}, "age_groups: expected"),
        ({"rule_id": "e", "kind": "explore"}, "explored: expected it in a rule of the kind explore"),
        ({**EXPLORE, "explored": 0.31}, "explored: expected a number from 0 to 0.3, found 0.31"),
        ({**EXPLORE, "tags": ["a"]}, "tags: expected no filter in a rule of the kind explore"),
        ({**BLOCK, "explored": 0.2}, "explored: expected it only in rules of the kind explore"),
        ({**BLOCK, "starts_at": "tomorrow"}, "starts_at: expected a time in RFC 3339"),
        ({**BLOCK, "starts_at": "2026-01-01"}, "starts_at: expected a time in RFC 3339"),
        (
            {**BLOCK, "starts_at": "2026-02-01T00:00:00Z", "ends_at": "2026-01-01T00:00:00Z"},
            "ends_at: expected a time after starts_at",
        ),
        ({"kind": "block"}, "rule_id: expected it to be stated"),
        ({**BLOCK, "creator_ids": "c1"}, "creator_ids: expected a list"),
        ({**BLOCK, "enabled": "yes"}, "enabled: expected true or false"),
        ({**BLOCK, "note": "a\nb"}, "note: expected text"),
    ],
)
def test_a_rule_that_says_something_impossible_is_refused_and_the_message_says_how_to_state_it(
    stated: dict[str, Any], said: str
) -> None:
    with pytest.raises(InvalidRule) as refused:
        rule_of(stated)
    assert said in str(refused.value)
    assert str(refused.value).endswith("nothing was changed")


def test_a_rule_holds_between_its_times_on_its_surfaces_and_in_its_countries() -> None:
    rule = rule_of(
        {**BLOCK, "surfaces": ["home"], "starts_at": "1970-01-01T00:00:01Z", "ends_at": "1970-01-01T00:00:02Z"}
    )
    assert [rule.holds("home", "DE", [""], now_us) for now_us in (999_999, 1_000_000, 1_999_999, 2_000_000)] == [
        False,
        True,
        True,
        False,
    ]
    assert not rule.holds("search", "DE", [""], 1_500_000)
    assert not rule.holds("home", "US", [""], 1_500_000)
    assert not rule.holds("home", "", [""], 1_500_000)
    assert not rule_of({**BLOCK, "enabled": False}).holds("home", "DE", [""], 0)


def test_a_rule_holds_for_its_age_groups_and_for_viewers_of_whom_it_is_not_known() -> None:
    rule = rule_of({**EXPLORE, "age_groups": ["teen", "unknown"]})
    asked = [(country, age_group) for country in ("DE", "US", "") for age_group in ("teen", "adult", "")]
    held = [of for of in asked if rule.holds("home", of[0], [of[1]], 0)]
    assert held == [("DE", "teen"), ("DE", ""), ("", "teen"), ("", "")]
    assert rule_of({**EXPLORE, "explored": 0.0}).explored == 0.0  # nothing explores there


def test_every_field_has_a_default_but_the_id_and_the_kind() -> None:
    assert as_stated(Rule("r", "block")) == {"rule_id": "r", "kind": "block"}
    assert len(FIELDS) == len(set(FIELDS))


@pytest.mark.parametrize("kind", [{}, [None], 3, None, ""])
def test_a_kind_that_is_no_word_is_refused_like_any_other(kind: object) -> None:
    with pytest.raises(InvalidRule, match="kind: expected"):
        rule_of({"rule_id": "r", "kind": kind})
