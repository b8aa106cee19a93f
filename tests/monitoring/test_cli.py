"""The verbs of monitoring answer in JSON."""

import json
from pathlib import Path

from typer.testing import CliRunner

from feature_repo.core.home import Home
from feature_repo.ingest.simulator import SimulatorConfig, simulate
from monitoring.cli import app


def test_status_is_told_as_json(tmp_path: Path) -> None:
    simulate(Home.open(tmp_path), SimulatorConfig(users=20, videos=40, days=5, end="2025-06-01"))
    shown = CliRunner().invoke(app, ["status", "--home", str(tmp_path), "--json"])
    assert shown.exit_code == 0, shown.output
    assert json.loads(shown.output)["source"] == "simulator"


def test_every_verb_says_what_it_does() -> None:
    shown = CliRunner().invoke(app, ["--help"])
    assert "drift and quality reports" in shown.output
    assert "what this home holds" in shown.output
