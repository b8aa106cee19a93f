"""Rules in the database: versions, the audit, and what is refused changes nothing."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from feature_repo.catalog.database import Database
from feature_repo.catalog.errors import Conflict
from feature_repo.catalog.rule import InvalidRule, UnknownRule
from feature_repo.catalog.rule_store import RuleStore
from feature_repo.catalog.store import CatalogStore
from feature_repo.catalog.tables import RULES

BLOCK = {"rule_id": "x", "kind": "block", "tags": ["flagged"]}


@pytest.fixture
def rules(database: Database) -> RuleStore:
    return RuleStore(database)


def test_each_change_has_a_version_and_a_line_of_the_audit(rules: RuleStore) -> None:
    assert rules.read() == (0, (), ())
    made = rules.put(BLOCK, "ann", why="first")
    assert (made.created, made.stored.version, made.change_id) == (True, 1, 1)
    assert rules.put(BLOCK, "ann").change_id == 0
    assert rules.patch("x", {"note": "why not"}, "bob", if_match=1).stored.version == 2
    assert rules.remove("x", "cay", if_match=2) == 3
    assert rules.read() == (3, (), ())
    assert rules.put(BLOCK, "ann").stored.version == 4
    assert rules.version() == 4
    lines = rules.changes("x")
    assert [(one.change_id, one.version, one.action, one.who, one.why) for one in lines] == [
        (1, 1, "put", "ann", "first"),
        (2, 2, "patch", "bob", ""),
        (3, 3, "remove", "cay", ""),
        (4, 4, "put", "ann", ""),
    ]
    assert (lines[1].before, lines[1].after) == (BLOCK, {**BLOCK, "note": "why not"})
    assert (lines[2].before, lines[2].after) == ({**BLOCK, "note": "why not"}, None)


def test_a_change_of_another_version_than_was_read_is_refused(rules: RuleStore) -> None:
    rules.put(BLOCK, "ann", if_match=0)
    with pytest.raises(Conflict, match="expected no such rule yet, found version 1"):
        rules.put(BLOCK, "ann", if_match=0)
    with pytest.raises(Conflict, match="expected version 7, found version 1"):
        rules.patch("x", {"note": "n"}, "ann", if_match=7)
    with pytest.raises(Conflict):
        rules.remove("x", "ann", if_match=7)
    assert rules.version() == 1


def test_a_rule_of_a_video_that_the_catalog_does_not_hold_is_refused(rules: RuleStore, database: Database) -> None:
    pin = {"rule_id": "p", "kind": "pin", "video_ids": ["v1"]}
    with pytest.raises(InvalidRule, match=r"video_ids: expected videos of the catalog, .* found \['v1'\]"):
        rules.put(pin, "ann")
    assert rules.version() == 0
    CatalogStore(database, lambda: 1).put({"video_id": "v1", "title": "One", "duration_seconds": 60}, "ann")
    assert rules.put(pin, "ann").created


def test_a_patch_that_makes_a_rule_impossible_changes_nothing(rules: RuleStore) -> None:
    rules.put(BLOCK, "ann")
    with pytest.raises(InvalidRule):
        rules.patch("x", {"kind": "boost"}, "ann")
    with pytest.raises(InvalidRule, match="a rule keeps its id"):
        rules.patch("x", {"rule_id": "y"}, "ann")
    assert rules.get("x").version == 1
    assert rules.patch("x", {"tags": None, "genres": ["Drama"]}, "ann").stored.rule.genres == ("Drama",)


def test_an_unknown_rule_is_said_to_be_unknown(rules: RuleStore) -> None:
    for ask in (
        lambda: rules.get("no"),
        lambda: rules.changes("no"),
        lambda: rules.remove("no", "ann"),
        lambda: rules.patch("no", {}, "ann"),
    ):
        with pytest.raises(UnknownRule, match="marquee rules list"):
            ask()


@pytest.mark.parametrize(
    "stated",
    [
        {"kind": "explore", "explored": 0},
        {"kind": "explore", "explored": 0.0, "age_groups": ["unknown"]},
        {"kind": "boost", "factor": 0, "tags": ["a"]},
        {"kind": "share", "tags": ["a"], "at_least": 0.0, "at_most": 0.5},
        {"kind": "floor", "least_watch_fraction": 0.4, "most_dislike_rate": 1.0},
        {"kind": "fatigue", "demoted_after": 0, "rested_after": 3},
        {"kind": "pin", "video_ids": ["v1"], "position": 0, "row": ""},
    ],
)
def test_what_is_accepted_can_be_read_again_and_stated_again(
    rules: RuleStore, database: Database, stated: dict[str, object]
) -> None:
    CatalogStore(database, lambda: 1).put({"video_id": "v1", "title": "One", "duration_seconds": 60}, "ann")
    put = rules.put({"rule_id": "r", **stated}, "ann")
    assert rules.get("r") == put.stored
    assert rules.read() == (1, (put.stored.rule,), ())
    whole = {name: list(value) if isinstance(value, tuple) else value for name, value in vars(put.stored.rule).items()}
    assert rules.put(whole, "ann").change_id == 0
    assert rules.patch("r", {"note": "n"}, "ann").stored.version == 2


def test_a_rule_that_cannot_be_read_is_named_stops_no_other_and_can_be_removed(
    rules: RuleStore, database: Database
) -> None:
    rules.put(BLOCK, "ann")
    kept: list[dict[str, Any]] = [
        {"rule_id": "newer", "kind": "of tomorrow"},
        {"rule_id": "older", "kind": "boost", "tags": ["a"]},  # as one of a factor of 1 was kept
    ]
    with database.writing() as connection:
        for one in kept:
            row = {"rule_id": one["rule_id"], "rule": one, "version": 1, "changed_us": 1}
            connection.execute(sa.insert(RULES).values(**row))
    version, read, unread = rules.read()
    assert (version, [one.rule_id for one in read]) == (1, ["older", "x"])
    assert [one.split(":")[0] for one in unread] == ["newer"]
    rules.remove("newer", "ann")
    assert rules.read().unread == ()
