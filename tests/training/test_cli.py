"""The verbs of training refuse wrong options with a message and an exit status before they load a model."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from feature_repo.core.command_line import UpperLayers
from feature_repo.core.errors import HomeError
from feature_repo.core.files import FileError
from feature_repo.core.home import Home, World
from feature_repo.core.steps import Step
from feature_repo.registry import VIEWS
from training.cli import app

VERBS = ("train", "evaluate", "frontier", "score", "off-policy")
PAGE = Step("page", lambda making: {})


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments), obj=UpperLayers(PAGE, lambda home: None))


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


@pytest.mark.parametrize("verb", ["train", "evaluate", "frontier", "off-policy"])
def test_without_a_world_the_command_that_makes_one_is_named(tmp_path: Path, verb: str) -> None:
    shown = invoke(verb, "--home", str(tmp_path))
    assert isinstance(shown.exception, HomeError)
    assert "marquee simulate" in str(shown.exception)


@pytest.mark.parametrize("arguments", [(), ("ranker",)])
def test_feature_tables_that_only_the_ranker_reads_are_looked_at_before_anything_is_trained(
    home: Path, arguments: tuple[str, ...]
) -> None:
    missing = invoke("train", *arguments, "--home", str(home)).exception
    assert isinstance(missing, HomeError)
    assert "marquee features" in str(missing)
    (home / "features").mkdir()
    for view in VIEWS:
        (home / "features" / f"{view}.parquet").write_bytes(b"PAR1")
    broken = invoke("train", *arguments, "--home", str(home)).exception
    assert isinstance(broken, FileError)
    assert sorted(path.name for path in home.iterdir()) == ["features", "world.json"]
