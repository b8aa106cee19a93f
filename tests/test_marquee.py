"""The command line mounts the verbs of every layer, and answers for help at once."""

from __future__ import annotations

import subprocess
import sys

from typer.testing import CliRunner

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
