"""What a terminal shows of plans, promotions and releases: words and figures, never Python's own notation."""

from __future__ import annotations

from typing import Any

import pytest

from feature_repo.core.errors import Refused
from training.release.shown import (
    print_plan,
    print_promotion,
    print_release,
    print_releases,
    refuse_unless_promoted,
)


def plan_row(**fields: Any) -> dict[str, Any]:
    row = {
        "step": "ranker",
        "action": "run",
        "reason": "never run",
        "seconds": None,
        "writes": ["ranker"],
        "caveat": "",
    }
    return {**row, **fields}


def test_a_plan_shows_what_each_step_would_do_and_what_cannot_be_seen_yet(capsys: pytest.CaptureFixture[str]) -> None:
    print_plan({"steps": [plan_row(), plan_row(step="features", seconds=2.5, caveat="the store may be gone")]})
    printed = capsys.readouterr().out
    assert "never run" in printed
    assert "2.5 s" in printed
    assert printed.splitlines()[-1] == "features: the store may be gone"


def gate(passed: bool, **fields: Any) -> dict[str, Any]:
    known = {"gate": "ranker auc", "kind": "accuracy", "value": 0.5, "bar": 0.6, "at_least": True, "passed": passed}
    return {**known, "measured": True, "why": "", **fields}


UNMEASURED = gate(False, gate="new videos", measured=False, value=None, bar=None, why="nobody watched one")
MADE = {
    "release_id": "r-1",
    "champion": "r-1",
    "gates": [gate(True), UNMEASURED],
    "report": "page.html",
    "forced": False,
    "against": None,
    "removed": [],
    "failed": [],
}


def test_a_release_that_failed_is_refused_and_names_gate_value_and_bar() -> None:
    refused = {"promoted": False, "gates": [gate(False), UNMEASURED], "failed": ["ranker auc"]}
    with pytest.raises(Refused, match=r"^not promoted: ranker auc: 0\.5000, expected at least 0\.6000$"):
        refuse_unless_promoted(refused)
    with pytest.raises(Refused, match=r"new videos: not measured, nobody watched one \(--accept 'new videos'"):
        refuse_unless_promoted({**refused, "failed": ["new videos"]})
    refuse_unless_promoted({**refused, "promoted": True})


def test_a_release_is_printed_with_its_gates_and_whether_it_serves(capsys: pytest.CaptureFixture[str]) -> None:
    print_release(MADE)
    printed = capsys.readouterr().out
    assert "release  r-1 is the champion\nreport   page.html\n" in printed
    assert "at least 0.6000" in printed
    assert "not measured: new videos: nobody watched one" in printed
    print_release({**MADE, "champion": "r-0"})
    assert "r-1 is not the champion" in capsys.readouterr().out


def test_a_promotion_is_printed_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    print_promotion(
        {**MADE, "forced": True, "against": "r-0", "removed": ["r-8", "r-9"], "mlflow_problem": "was not told"}
    )
    printed = capsys.readouterr()
    assert "release  r-1 is the champion, by force\nagainst  r-0\nremoved  r-8, r-9\n" in printed.out
    assert printed.err == "marquee: warning: was not told\n"
    assert not any(mark in printed.out for mark in ("None", "True", "False", "[", "{", "'"))


def test_a_release_is_listed_with_what_became_of_it_and_why(capsys: pytest.CaptureFixture[str]) -> None:
    entry = {"outcome": "refused", "at": "2026-01-02T03:04:05+00:00", "command": "marquee promote", "why": ["auc: low"]}
    row = {
        "release_id": "r-1",
        "pointer": "",
        "state": "removed",
        "problem": "",
        "created": "",
        "figures": {"auc": None},
    }
    print_releases({"releases": [{**row, "figures": {"auc": None}, "history": [entry]}]})
    printed = capsys.readouterr().out
    assert "refused 2026-01-02 03:04:05" in printed
    assert printed.endswith("r-1: auc: low\n")
