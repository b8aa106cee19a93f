"""The table of candidate columns says who writes and who reads each, and the imports say the same."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from models.candidates import columns

ROOT = Path(__file__).resolve().parents[2]
PLACES = {"feed": ROOT / "bento_services" / "feed", "sources": ROOT / "models" / "candidates" / "sources"}
NAMES = {name: value for name, value in vars(columns).items() if name.isupper()}


def declared() -> dict[str, set[str]]:
    """Column -> every file that the table names for it."""
    rows = re.findall(r"^    ([A-Z_]+) +(.+)$", columns.__doc__ or "", flags=re.MULTILINE)
    found: dict[str, set[str]] = {}
    for name, files in rows:
        found.setdefault(name, set()).update(re.findall(r"(?:feed|sources)/[\w/]+", files))
    return found


def imported() -> dict[str, set[str]]:
    """Column -> every file that imports its name."""
    found: dict[str, set[str]] = {name: set() for name in NAMES}
    for place, folder in PLACES.items():
        for path in folder.rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.ImportFrom) and node.module == columns.__name__:
                    for alias in node.names:
                        found[alias.name].add(f"{place}/{path.relative_to(folder).with_suffix('')}")
    return found


def test_every_column_is_declared_with_who_writes_and_who_reads_it() -> None:
    assert declared() == imported()


def test_no_column_is_spelled_a_second_time_where_candidates_are_read() -> None:
    literal = {value for value in NAMES.values() if value not in ("creator", "category", "score")}
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno} {node.value!r}"
        for folder in PLACES.values()
        for path in folder.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value in literal
    ]
    assert found == []
