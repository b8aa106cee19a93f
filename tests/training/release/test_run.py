"""The declared order of a release: every step names whoever makes what it reads, and the code that it runs."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from feature_repo.core.code_hash import code_of
from feature_repo.core.home import Home, World
from feature_repo.core.steps import StepContext, Steps
from marquee import app
from models.page.policy import PolicyError
from monitoring.reports.steps import PAGE
from training.release.run import RELEASE, make_release

ALL = (*RELEASE, PAGE)


def world(home: Path) -> Home:
    opened = Home(home)
    opened.write_world(World("toy", "simulator", "str", ("drama",)))
    opened.lake.mkdir()
    return opened


def test_the_order_is_that_of_the_steps() -> None:
    assert [step.name for step in ALL] == ["features", "two-tower", "ranker", "evaluate", "promote", "page"]


def test_a_step_takes_only_what_was_made_before_it_and_says_from_whom(tmp_path: Path) -> None:
    context = StepContext(world(tmp_path))
    for folder in ("two_tower", "two_tower_refit", "ranker", "item_cf"):
        (context.home.models / folder).mkdir(parents=True)
    made: dict[Path, str] = {}
    for step in ALL:
        assert {made[path] for path in step.reads(context) if path in made} <= set(step.after)
        assert set(step.after) <= {before.name for before in ALL[: ALL.index(step)]}
        made |= dict.fromkeys(step.writes(context), step.name)


def test_the_code_of_every_step_is_there_to_be_hashed() -> None:
    for step in ALL:
        assert step.code
        assert len({code_of(module) for module in (*step.code, "nowhere")}) == len(step.code) + 1


def test_the_plan_of_a_home_where_nothing_was_done_names_all_and_writes_nothing(tmp_path: Path) -> None:
    world(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    done = CliRunner().invoke(app, ["release", "--plan", "--json", "--home", str(tmp_path)])
    assert done.exit_code == 0, done.output
    steps = json.loads(done.stdout)["steps"]
    assert [(one["step"], one["action"], one["reason"]) for one in steps] == [
        (step.name, "run", "never run") for step in ALL
    ]
    assert sorted(tmp_path.rglob("*")) == before
    shown = CliRunner().invoke(app, ["release", "--plan", "--home", str(tmp_path)])
    assert "never run" in shown.stdout


def test_a_broken_policy_is_said_before_the_first_step(tmp_path: Path) -> None:
    home = world(tmp_path)
    (tmp_path / "policy.toml").write_text("x =")
    with pytest.raises(PolicyError, match=r"policy\.toml"):
        make_release(StepContext(home), Steps(home), PAGE)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["lake", "policy.toml", "world.json"]
