"""The verbs of releases refuse wrong options before they load a model, and a rollback says where the pointers are."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result
from worlds.untrained import releases, untrained_home

from feature_repo.core.command_line import UpperLayers
from feature_repo.core.errors import HomeError
from feature_repo.core.home import Home, World
from feature_repo.core.steps import Step
from models.release.answerable import Unanswerable
from models.release.store import make_champion, pointers
from training.cli_releases import app

VERBS = ("promote", "release", "releases")
PAGE = Step("page", lambda making: {})


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments), obj=UpperLayers(PAGE, lambda home: None))


@pytest.fixture
def home(tmp_path: Path) -> Path:
    Home(tmp_path).write_world(World("w", "simulator", "str", ("Drama",)))
    return tmp_path


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return untrained_home(tmp_path_factory.mktemp("untrained") / "home")


@pytest.fixture
def served(made: Home, tmp_path: Path) -> Home:
    """The second release is the champion, the first the previous one."""
    copy = Home(tmp_path / "served")
    shutil.copytree(made.releases, copy.releases)
    shutil.copy(made.root / "world.json", copy.root)
    make_champion(copy, releases(copy)[1])
    return copy


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself_with_an_example(verb: str) -> None:
    shown = invoke(verb, "--help")
    assert shown.exit_code == 0
    assert f"marquee {verb}" in shown.output
    assert "Example" in shown.output


@pytest.mark.parametrize("verb", VERBS)
def test_without_a_world_the_command_that_makes_one_is_named(tmp_path: Path, verb: str) -> None:
    shown = invoke(verb, "--home", str(tmp_path))
    assert isinstance(shown.exception, HomeError)
    assert "marquee simulate" in str(shown.exception)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("promote", "--rollback", "--force"), "--rollback: stands alone"),
        (("promote", "r-0123456789ab", "--rollback"), "--rollback: stands alone"),
        (("promote", "--accept", "luck"), "found luck"),
        (("release", "--accept", "luck"), "found luck"),
    ],
)
def test_a_wrong_option_ends_with_2_and_says_what_was_expected(
    home: Path, arguments: tuple[str, ...], complaint: str
) -> None:
    shown = invoke(*arguments, "--home", str(home))
    assert shown.exit_code == 2
    assert complaint in " ".join(shown.output.replace("│", " ").split())


def test_a_rollback_and_a_release_by_its_id_say_where_the_pointers_are(served: Home) -> None:
    second, first = pointers(served).values()
    shown = invoke("promote", "--rollback", "--home", str(served.root))
    assert shown.exit_code == 0, shown.output
    assert shown.stdout == f"champion  {first}\nprevious  {second}\n"
    shown = invoke("promote", str(second), "--json", "--home", str(served.root))
    said = json.loads(shown.stdout)
    assert (said["champion"], said["previous"], said["mlflow_problem"]) == (second, first, "")
    by = {one["release_id"]: one["history"] for one in _listed(served)["releases"]}
    assert [entry["command"] for entry in by[str(first)]] == ["marquee promote --rollback"]
    assert [entry["command"] for entry in by[str(second)]] == [f"marquee promote {second}"]


def test_a_rollback_works_with_a_broken_record_in_mlflow_and_says_so(served: Home) -> None:
    second, first = pointers(served).values()
    served.mlflow.mkdir()
    (served.mlflow / "mlflow.db").write_bytes(b"not a database" * 100)
    shown = invoke("promote", "--rollback", "--home", str(served.root))
    assert shown.exit_code == 0
    assert pointers(served) == {"champion": first, "previous": second}
    asked, told = shown.stderr.strip().splitlines()
    assert asked.startswith(f"marquee: checking that {first} can serve")
    assert "mlflow.db" in told


def test_a_rollback_to_a_release_with_another_policy_than_its_own_moves_nothing(served: Home) -> None:
    before = pointers(served)
    (served.releases / str(before["previous"]) / "policy.toml").write_text("x =")
    shown = invoke("promote", "--rollback", "--home", str(served.root))
    assert isinstance(shown.exception, Unanswerable)
    assert pointers(served) == before


def test_releases_are_listed_with_their_pointers_as_a_table_too(served: Home) -> None:
    second, first = pointers(served).values()
    assert {one["release_id"]: one["pointer"] for one in _listed(served)["releases"]} == {
        second: "champion",
        first: "previous",
    }
    shown = invoke("releases", "--home", str(served.root)).stdout
    assert str(first) in shown
    assert "None" not in shown
    assert "{" not in shown


def _listed(home: Home) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = json.loads(invoke("releases", "--json", "--home", str(home.root)).stdout)
    return found


def test_a_plan_of_a_new_home_runs_everything_and_writes_nothing(home: Path) -> None:
    before = sorted(home.rglob("*"))
    shown = invoke("release", "--plan", "--json", "--home", str(home))
    assert shown.exit_code == 0, shown.output
    steps = json.loads(shown.output)["steps"]
    assert [step["step"] for step in steps] == ["features", "two-tower", "ranker", "evaluate", "promote", "page"]
    assert {step["action"] for step in steps} == {"run"}
    assert sorted(home.rglob("*")) == before
