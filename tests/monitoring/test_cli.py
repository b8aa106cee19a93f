"""The verbs of monitoring answer in JSON."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from feature_repo.core.home import Home
from feature_repo.core.logs import logger_of
from feature_repo.core.settings import FILE, SettingsError
from feature_repo.ingest.simulator import SimulatorConfig, simulate
from monitoring.cli import app


def test_status_is_told_as_json(tmp_path: Path) -> None:
    simulate(Home.open(tmp_path), SimulatorConfig(users=20, videos=40, days=5, end="2025-06-01"))
    shown = CliRunner().invoke(app, ["status", "--home", str(tmp_path), "--json"])
    assert shown.exit_code == 0, shown.output
    assert json.loads(shown.output)["source"] == "simulator"


def test_logs_are_printed_as_one_and_chosen_by_level(tmp_path: Path) -> None:
    home = Home.open(tmp_path)
    simulate(home, SimulatorConfig(users=20, videos=40, days=5, end="2025-06-01"))
    logger_of(home, "service").info("first")
    logger_of(home, "processor").error("second", why="x")
    shown = CliRunner().invoke(app, ["logs", "--home", str(tmp_path), "--json"])
    assert [json.loads(line)["event"] for line in shown.output.splitlines()] == ["first", "second"]
    shown = CliRunner().invoke(app, ["logs", "--home", str(tmp_path), "--level", "error"])
    assert shown.output.endswith("error    processor   second why=x\n")
    assert CliRunner().invoke(app, ["logs", "--home", str(tmp_path), "--process", "nobody"]).exit_code == 2
    assert CliRunner().invoke(app, ["logs", "--home", str(tmp_path), "--since", "soon"]).exit_code == 2


def test_every_verb_says_what_it_does() -> None:
    shown = CliRunner().invoke(app, ["--help"])
    assert "drift and quality reports" in shown.output
    assert "the state of a home" in shown.output


def test_one_setting_is_shown_with_its_value_unit_and_origin(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text("[feed]\ndeadline_ms = 150\n")
    command = ["config", "show", "feed.deadline_ms", "--home", str(tmp_path), "--json"]
    (row,) = json.loads(CliRunner().invoke(app, command).output)["settings"]
    assert (row["value"], row["unit"], row["origin"]) == (150, "ms", "marquee.toml:2")


def test_a_setting_that_does_not_exist_ends_with_2(tmp_path: Path) -> None:
    shown = CliRunner().invoke(app, ["config", "show", "feed.dinner", "--home", str(tmp_path)])
    assert shown.exit_code == 2
    assert "found feed.dinner" in shown.output


def test_config_check_says_what_is_wrong_and_where(tmp_path: Path) -> None:
    command = ["config", "check", "--home", str(tmp_path)]
    assert "defaults apply" in CliRunner().invoke(app, command).output
    (tmp_path / FILE).write_text("[feed]\ndeadline_ms = 'soon'\n")
    shown = CliRunner().invoke(app, command)
    assert isinstance(shown.exception, SettingsError)
    assert "marquee.toml:2: feed.deadline_ms" in str(shown.exception)
    (tmp_path / FILE).write_text("[feed]\ndeadline_ms = 150\n")
    assert "nothing is wrong" in CliRunner().invoke(app, command).output


@pytest.mark.parametrize("verb", ["report", "status"])
def test_without_a_world_the_command_that_makes_one_is_named(tmp_path: Path, verb: str) -> None:
    shown = CliRunner().invoke(app, [verb, "--home", str(tmp_path)])
    assert "marquee simulate" in str(shown.exception)
