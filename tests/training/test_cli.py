"""The verbs of training refuse wrong options with a message and an exit status before they load a model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from feature_repo.core.command_line import Above
from feature_repo.core.errors import HomeError, Refused
from feature_repo.core.home import Home, World
from feature_repo.core.steps import Step
from training.cli import app, print_plan, print_release, refuse_unless_promoted

VERBS = ("train", "evaluate", "frontier", "score", "off-policy", "promote", "release")
PAGE = Step("page", lambda making: {})


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments), obj=Above(PAGE, lambda home: None))


@pytest.fixture
def home(tmp_path: Path) -> Path:
    Home(tmp_path).write_world(World("w", "simulator", "str", ("Drama",)))
    return tmp_path


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself_with_an_example(verb: str) -> None:
    shown = invoke(verb, "--help")
    assert shown.exit_code == 0
    assert f"marquee {verb}" in shown.output
    assert "Example" in shown.output


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("train", "towers"), "expected two-tower or ranker, found towers"),
        (("train", "--epochs", "0"), "Invalid value for '--epochs'"),
        (("evaluate", "--seeds", "0,1"), "given without --protocol"),
        (("evaluate", "--protocol", "a1", "--seeds", "0,x"), "expected whole numbers as 0,1,2, found 0,x"),
        (("frontier", "--seeds", "one"), "expected whole numbers as 0,1,2, found one"),
        (("off-policy", "--synthetic", "--open-bandit", "."), "give --synthetic or --open-bandit, not both"),
        (("score",), "Missing option"),
    ],
)
def test_a_wrong_option_ends_with_2_and_says_what_was_expected(
    home: Path, arguments: tuple[str, ...], complaint: str
) -> None:
    shown = invoke(*arguments, "--home", str(home))
    assert shown.exit_code == 2
    assert complaint in " ".join(shown.output.replace("│", " ").split())


@pytest.mark.parametrize("verb", ["train", "evaluate", "frontier", "off-policy", "promote", "release"])
def test_without_a_world_the_command_that_makes_one_is_named(tmp_path: Path, verb: str) -> None:
    shown = invoke(verb, "--home", str(tmp_path))
    assert isinstance(shown.exception, HomeError)
    assert "marquee simulate" in str(shown.exception)


def plan_row(**fields: Any) -> dict[str, Any]:
    row = {"step": "ranker", "would": "run", "why": "never done", "seconds": None, "writes": ["ranker"], "unseen": ""}
    return {**row, **fields}


def test_a_plan_shows_what_each_step_would_do_and_what_cannot_be_seen_yet(capsys: pytest.CaptureFixture[str]) -> None:
    print_plan({"steps": [plan_row(), plan_row(step="features", seconds=2.5, unseen="the store may be gone")]})
    printed = capsys.readouterr().out
    assert "never done" in printed
    assert "2.5 s" in printed
    assert printed.splitlines()[-1] == "features: the store may be gone"


def gate(passed: bool) -> dict[str, Any]:
    return {"gate": "ranker auc", "kind": "accuracy", "value": 0.5, "bar": 0.6, "at_least": True, "passed": passed}


def test_a_release_that_failed_is_refused_and_names_gate_value_and_bar() -> None:
    with pytest.raises(Refused, match=r"^not promoted: ranker auc: 0\.5000, expected at least 0\.6000$"):
        refuse_unless_promoted({"promoted": False, "gates": [gate(True), gate(False)]})
    refuse_unless_promoted({"promoted": True, "gates": [gate(False)]})


def test_a_release_is_printed_with_its_gates_and_whether_it_serves(capsys: pytest.CaptureFixture[str]) -> None:
    made = {"release_id": "r-1", "champion": "r-1", "gates": [gate(True)], "report": "page.html"}
    print_release(made)
    assert "release  r-1 is the champion\nreport   page.html\n" in capsys.readouterr().out
    print_release({**made, "champion": "r-0"})
    assert "r-1 is not the champion" in capsys.readouterr().out


def test_a_plan_of_a_new_home_runs_everything_and_writes_nothing(home: Path) -> None:
    before = sorted(home.rglob("*"))
    shown = invoke("release", "--plan", "--json", "--home", str(home))
    assert shown.exit_code == 0, shown.output
    steps = json.loads(shown.output)["steps"]
    assert [step["step"] for step in steps] == ["features", "two-tower", "ranker", "evaluate", "promote", "page"]
    assert {step["would"] for step in steps} == {"run"}
    assert sorted(home.rglob("*")) == before
