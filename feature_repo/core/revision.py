"""Which revision of the code is running."""

from __future__ import annotations

import subprocess
import tomllib
from importlib.metadata import version as installed_version
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def version() -> str:
    """`marquee 0.1.0 (0123456789ab)`: the version of the checkout or the installed package, and the commit."""
    project = ROOT / "pyproject.toml"
    if project.exists():
        number = tomllib.loads(project.read_text(encoding="utf-8"))["project"]["version"]
    else:
        number = installed_version("marquee")
    revision = git_revision()
    return f"marquee {number}" + (f" ({revision})" if revision else "")


def git_revision() -> str:
    """The commit of this checkout, with "+changes" if a tracked file that runs differs; "" outside a checkout.

    docs/ runs nowhere: a record written there by one measurement must not make the next one look like other code.
    """
    if _git("rev-parse", "--show-toplevel") != str(ROOT):
        return ""
    changed = _git("status", "--porcelain", "--untracked-files=no", "--", ".", ":!docs")
    return _git("rev-parse", "--short=12", "HEAD") + ("+changes" if changed else "")


def _git(*arguments: str) -> str:
    try:
        done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
