"""A cohort that is narrow gets more exploration, which is recorded, and loses it when it is varied again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner
from worlds.catalog import add_catalog
from worlds.untrained import untrained_home

from bento_services.cli import app
from bento_services.precompute import autopilot as module
from bento_services.precompute.autopilot import autopilot
from feature_repo.catalog.rule_store import RuleStore
from feature_repo.core.home import Home
from feature_repo.lake.cohorts import Cohort
from feature_repo.lake.projection import home_catalog

NARROW = "autopilot:DE:teen"


def cohort(categories: float = 4.0, videos: float = 100.0, impressions: int = 5_000, of: str = "DE/teen") -> Cohort:
    country, age_group = of.split("/")
    return Cohort(country, age_group, 50, impressions, categories, videos, 100.0)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Home:
    home = untrained_home(tmp_path_factory.mktemp("home"))
    add_catalog(home)
    return home


@pytest.fixture
def home(made: Home) -> Iterator[Home]:
    yield made
    with rules_of(made) as rules:
        for one in rules.listed():
            rules.remove(one.rule.rule_id, "test")
    (made.root / "marquee.toml").unlink(missing_ok=True)


@contextmanager
def rules_of(home: Home) -> Iterator[RuleStore]:
    catalog = home_catalog(home)
    try:
        yield RuleStore(catalog.database)
    finally:
        catalog.close()


def judged(monkeypatch: pytest.MonkeyPatch, home: Home, *cohorts: Cohort, dry_run: bool = False) -> list[str]:
    """What was done to each cohort."""
    monkeypatch.setattr(module, "cohorts_of", lambda lake, now_us: list(cohorts))
    return [one["done"] for one in autopilot(home, dry_run)["cohorts"]]


def given(home: Home) -> dict[str, float]:
    with rules_of(home) as rules:
        return {one.rule.rule_id: one.rule.explored for one in rules.listed()}


def test_exploration_is_raised_kept_and_taken_back_and_the_history_says_why(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    others = cohort(of="US/adult")
    assert judged(monkeypatch, home, cohort(categories=1.9), others) == ["raised", ""]
    assert given(home) == {NARROW: 0.2}
    assert judged(monkeypatch, home, cohort(categories=1.5), others) == ["kept", ""]
    assert judged(monkeypatch, home, cohort(categories=2.1), others) == ["kept", ""]  # not yet clearly
    assert judged(monkeypatch, home, cohort(categories=2.3), others) == ["lowered", ""]
    assert given(home) == {}
    with rules_of(home) as rules:
        raised, lowered = rules.changes(NARROW)[-2:]
    assert (raised.who, raised.why) == ("autopilot", "1.90 categories in the first places of a page")
    assert (lowered.who, lowered.why) == ("autopilot", "varied and even again")
    assert raised.after is not None
    assert (raised.after["countries"], raised.after["age_groups"]) == (["DE"], ["teen"])


@pytest.mark.parametrize(
    ("found", "done"),
    [
        (cohort(videos=89.0), "raised"),
        (cohort(videos=91.0), ""),
        (cohort(categories=1.0, impressions=999), ""),  # too few to judge
        (cohort(categories=0.0), ""),  # no page was long enough to count
        (cohort(videos=300.0), ""),
    ],
)
def test_what_is_narrow(home: Home, monkeypatch: pytest.MonkeyPatch, found: Cohort, done: str) -> None:
    assert judged(monkeypatch, home, found) == [done]


def test_a_cohort_of_which_nothing_is_known_is_one(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    assert judged(monkeypatch, home, cohort(categories=1.0, of="/")) == ["raised"]
    assert given(home) == {"autopilot:unknown:unknown": 0.2}
    assert judged(monkeypatch, home) == ["lowered"]  # who is not shown anything any more
    assert given(home) == {}


def test_a_rule_of_another_shape_of_name_is_no_cohorts(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    with rules_of(home) as rules:
        for name in ("autopilot:foo", "autopilot:a:b:c"):
            rules.put({"rule_id": name, "kind": "explore", "explored": 0.2}, "somebody")
    assert judged(monkeypatch, home, cohort(categories=1.0)) == ["raised"]


def test_a_rule_that_a_person_has_changed_is_left_to_them(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    judged(monkeypatch, home, cohort(categories=1.0))
    with rules_of(home) as rules:
        rules.patch(NARROW, {"explored": 0.05}, "somebody")
    assert judged(monkeypatch, home, cohort(categories=1.0)) == ["left to a person"]
    assert judged(monkeypatch, home, cohort()) == ["left to a person"]
    assert given(home) == {NARROW: 0.05}


def test_a_dry_run_changes_nothing(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    assert judged(monkeypatch, home, cohort(categories=1.0), dry_run=True) == ["raised"]
    assert given(home) == {}


def test_the_limits_are_those_of_the_home(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    (home.root / "marquee.toml").write_text("[autopilot]\nshare = 0.3\nleast_categories = 5.0\n")
    assert judged(monkeypatch, home, cohort()) == ["raised"]
    assert given(home) == {NARROW: 0.3}


def test_the_verb_says_what_it_judged(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "cohorts_of", lambda lake, now_us: [cohort(categories=1.0)])
    said = CliRunner().invoke(app, ["autopilot", "--home", str(home.root), "--json"])
    assert said.exit_code == 0, said.output
    found: Any = json.loads(said.stdout)
    assert (found["raised"], found["cohorts"][0]["cohort"]) == (1, "DE teen")
    shown = CliRunner().invoke(app, ["autopilot", "--home", str(home.root), "--dry-run"])
    assert "1 cohorts, 1 with more exploration" in shown.stdout + shown.stderr


def test_a_home_without_impressions_has_no_cohorts(home: Home, tmp_path: Path) -> None:
    assert autopilot(home) == {"cohorts": [], "raised": 0}
