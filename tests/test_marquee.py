"""The command line mounts the verbs of every layer, and answers for help at once."""

from __future__ import annotations

import subprocess
import sys

import pytest
from typer.testing import CliRunner

from feature_repo.core.settings import SettingsError
from marquee import app

VERBS = (
    *("simulate", "ingest", "features", "train", "evaluate", "promote", "release", "frontier", "off-policy", "score"),
    *("serve", "package", "recommend", "events", "report", "status", "demo"),
)
HEAVY = ("numpy", "torch", "pandas", "pyarrow", "duckdb", "rich.live")


def test_every_verb_of_the_readme_is_there() -> None:
    shown = CliRunner().invoke(app, ["--help"])
    assert shown.exit_code == 0
    assert [verb for verb in VERBS if f" {verb} " not in shown.output] == []


def test_help_loads_no_heavy_library() -> None:
    program = f"import sys, marquee; print(*{{*{HEAVY}}} & {{*sys.modules}})"
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert shown.stdout.split() == []


def test_importing_the_command_line_imports_nothing_of_marquee() -> None:
    """Or a Bento that is served where Marquee is installed would run the installed packages, and not its own."""
    program = "import sys, marquee; print([n for n in sys.modules if n.startswith(('bento_', 'feature_'))])"
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"


def test_the_version_names_the_package_and_the_revision() -> None:
    shown = CliRunner().invoke(app, ["--version"])
    assert (shown.exit_code, shown.output.startswith("marquee 0.")) == (0, True)


@pytest.mark.parametrize("name", ["MARQUEE_FEED_DEADLNE_MS", "MARQUEE_HOMES"])
def test_a_misspelled_variable_is_refused_by_every_verb(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "3")
    refused = CliRunner().invoke(app, ["features", "list"])
    assert isinstance(refused.exception, SettingsError)
    assert f"{name}: unknown variable; did you mean" in str(refused.exception)


@pytest.mark.parametrize(
    ("command", "option"),
    [
        ("recommend u1 --out lists.parquet", "--out"),
        ("recommend u1 --stage full", "--stage"),
        ("recommend --all --out lists.parquet --explain", "--explain"),
        ("train ranker --epochs 2", "--epochs"),
        ("features --engine duckdb list", "--engine"),
        ("features --json list", "--json"),
        ("events send --user u1 --video v1 --event like --seconds 3", "--seconds"),
        ("events send --file README.md --user u1", "--user"),
        ("config show --markdown --json", "--json"),
    ],
)
def test_an_option_that_would_do_nothing_is_refused(command: str, option: str) -> None:
    refused = CliRunner().invoke(app, command.split())
    assert refused.exit_code == 2
    assert f"Invalid value for {option}" in refused.output
