"""Every verb in a home that something is wrong with: one line, a status of the table, no trace, and nothing changed.

The verbs are those of the command line itself: a new one is covered, with arguments in ARGUMENTS if it needs any.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from worlds.damaged_homes import Case, Outcome, VerbRunner, can_mount

from marquee import app

ARGUMENTS = {
    "features describe": ["trend_7d"],
    "recommend": ["u00042"],
    "events send": ["--user", "u00042", "--video", "v00001"],
    "serve": ["--http-port", "0", "--grpc-port", "0"],
    "keys create": ["web", "--scope", "serve"],
}
NOT_OF_A_HOME = {"features list", "config document", "demo", "simulate", "ingest movielens", "ingest kuairand"}
# Minutes, where the damage is not in their way.
SLOW = {
    "train",
    "evaluate",
    "frontier",
    "off-policy",
    "report",
    "promote",
    "release",
    "features",
}
CUT = (
    *("world.json", "steps.json", "models/evaluation.json", "models/two_tower/config.json", "mlflow/mlflow.db"),
    *("lake/users.parquet", "lake/videos.parquet", "features/user_profile.parquet", "features/video_windows.parquet"),
)


def verbs() -> list[str]:
    def below(command: Any, path: str) -> Iterator[str]:
        if not hasattr(command, "commands") or (getattr(command, "invoke_without_command", False) and path):
            yield path
        for name, each in getattr(command, "commands", {}).items():
            yield from below(each, f"{path} {name}".strip())

    return [verb for verb in below(typer.main.get_command(app), "") if verb not in NOT_OF_A_HOME]


@pytest.fixture(scope="module")
def runner(small_world: Path) -> Iterator[VerbRunner]:
    with VerbRunner(small_world) as running:
        yield running


def is_one_line(outcome: Outcome) -> None:
    assert "Traceback" not in outcome.said
    assert "bug in Marquee" not in outcome.said
    assert outcome.status in (0, 1, 2, 3, 4, None), outcome.said
    if outcome.status:
        said = [line for line in outcome.said.splitlines() if line.startswith(("marquee:", "Error:"))]
        assert len(said) == 1, outcome.said
        assert not outcome.changed


def case(verb: str, damage: str, seconds: float) -> Case:
    return Case([*verb.split(), *ARGUMENTS.get(verb, ())], damage, seconds)


@pytest.mark.parametrize("verb", verbs())
def test_a_missing_home_is_2_and_a_broken_world_is_1_or_not_looked_at(runner: VerbRunner, verb: str) -> None:
    missing, broken = (runner.outcome(case(verb, damage, 20)) for damage in ("missing", "cut world.json"))
    is_one_line(missing)
    is_one_line(broken)
    assert missing.status == 2, missing.said
    assert broken.status in (1, 2), broken.said


@pytest.mark.skipif(not can_mount(), reason="a read-only or full disk needs a mount, and this process may not")
@pytest.mark.parametrize("damage", ["read-only", "full"])
@pytest.mark.parametrize("verb", verbs())
def test_a_read_only_or_full_disk_is_said_before_any_work(runner: VerbRunner, verb: str, damage: str) -> None:
    outcome = runner.outcome(case(verb, damage, 20))
    is_one_line(outcome)
    assert outcome.status in (0, 1, 2), outcome.said


@pytest.mark.slow
@pytest.mark.parametrize("damage", [*(f"cut {file}" for file in CUT), "nowhere releases/champion"])
@pytest.mark.parametrize("verb", [verb for verb in verbs() if verb not in SLOW])
def test_a_broken_file_is_named_or_not_looked_at(runner: VerbRunner, verb: str, damage: str) -> None:
    is_one_line(runner.outcome(case(verb, damage, 15)))


def test_this_matrix_has_the_verbs_of_the_command_line() -> None:
    assert {"status", "serve", "promote", "keys list", "features"} <= set(verbs())
    assert os.environ.get("MARQUEE_HOME") is None
