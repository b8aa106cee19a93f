"""The verbs of monitoring answer in JSON."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from feature_repo.core.errors import HomeError
from feature_repo.core.home import Home
from feature_repo.core.logs import logger_of
from feature_repo.core.settings import FILE, SettingsError
from feature_repo.ingest.simulator.config import SimulatorConfig
from feature_repo.ingest.simulator.world import simulate
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


@pytest.mark.parametrize("verb", ["report", "status", "ladder"])
def test_without_a_world_the_command_that_makes_one_is_named(tmp_path: Path, verb: str) -> None:
    shown = CliRunner().invoke(app, [verb, "--home", str(tmp_path)])
    assert "marquee simulate" in str(shown.exception)


def test_the_ladder_of_a_home_without_a_champion_is_refused_in_one_line(tmp_path: Path) -> None:
    simulate(Home.open(tmp_path), SimulatorConfig(users=20, videos=40, days=5, end="2025-06-01"))
    shown = CliRunner().invoke(app, ["ladder", "--home", str(tmp_path)])
    assert isinstance(shown.exception, HomeError)
    assert "no release at" in str(shown.exception)
    assert CliRunner().invoke(app, ["ladder", "--out", str(tmp_path / "no" / "l.json")]).exit_code == 2
    assert CliRunner().invoke(app, ["ladder", "--viewers", "0"]).exit_code == 2


def test_the_table_says_what_each_rung_loses_and_the_file_says_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulate(Home.open(tmp_path), SimulatorConfig(users=20, videos=40, days=5, end="2025-06-01"))
    figures = ("ndcg_at_10", "recall_at_20", "hit_rate_at_10")
    rung = {"rung": "static", "ild_at_10": None, "coverage_at_10": 0.1, "new_at_10": 0.0, "p50_ms": 0.52, "p95_ms": 1}
    rung |= {"ndcg_at_10_lost_error": 7.5}
    rung |= dict.fromkeys(figures, 0.125) | {
        f"{name}_lost": lost for name, lost in zip(figures, (60.04, -2, None), strict=True)
    }
    result = {"release_id": "r-1", "as_of": "now", "until": "then", "viewers": 3, "videos": 1400, "seed": 0}
    result |= {"warnings": ["it learned later"], "rungs": [rung], "file": "ladder.json", "page": "p.html"}
    asked: list[tuple[int, int]] = []

    def measure(home: Home, viewers: int, seed: int, progress: object) -> dict[str, object]:
        asked.append((viewers, seed))
        return result

    monkeypatch.setattr("monitoring.reports.ladder_report.write_ladder", measure)
    command = ["ladder", "--home", str(tmp_path), "--viewers", "7", "--seed", "2", "--out", str(tmp_path / "l.json")]
    shown = CliRunner().invoke(app, command)
    assert all(part in shown.output for part in ("static", "60.0 ± 7.5 %", "-2.0 %", "0.5", "1,400 videos", "p.html"))
    assert "it learned later" in shown.output
    assert asked == [(7, 2)]
    assert json.loads((tmp_path / "l.json").read_text()) == result
    assert json.loads(CliRunner().invoke(app, [*command, "--json"]).stdout) == result
