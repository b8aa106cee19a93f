"""A folder with a team's files, and the mapping that goes with them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

MAPPING = """
[[videos]]
files = "films.csv"
[videos.fields]
video_id = "id"
title = "name"
duration_seconds = { column = "minutes", unit = "minutes" }

[[events]]
files = "views.csv"
[events.fields]
user_id = "who"
video_id = "film"
event = { constant = "watch" }
timestamp_us = { column = "at", unit = "s" }
watch_seconds = "seconds"
"""
FILMS = "id,name,minutes\na,Alpha,90\nb,Beta,60\nc,Gamma,30\n"
VIEWS = "who,film,at,seconds\nu1,a,1700000000,60\nu1,b,1700000100,3600\nu2,c,1700000200,900\n"


@pytest.fixture
def own(tmp_path: Path) -> Callable[..., Path]:
    """Writes files into a folder; returns the path of map.toml there. `old` → `new` changes the mapping."""

    def write(old: str = "", new: str = "", **files: str | bytes) -> Path:
        folder = tmp_path / "own"
        folder.mkdir(exist_ok=True)
        named: dict[str, str | bytes] = {"films.csv": FILMS, "views.csv": VIEWS, "map.toml": MAPPING}
        named |= {name.replace("__", "."): content for name, content in files.items()}
        for name, content in named.items():
            if old and name == "map.toml":
                assert old in str(content)
                content = str(content).replace(old, new)
            (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
        return folder / "map.toml"

    return write
