"""Which releases a home serves: the text files HOME/releases/champion and previous, each with a release id."""

from __future__ import annotations

import re
from pathlib import Path

from feature_repo.core.errors import HomeError
from feature_repo.core.files import reading
from feature_repo.core.home import Home
from models.release.manifest import ArtifactError

CHAMPION, PREVIOUS = "champion", "previous"


def champion(home: Home) -> Path:
    """The directory of the promoted release. Raises HomeError when nothing was promoted yet."""
    path = pointed_at(home, CHAMPION)
    if path is None:
        raise HomeError(f"no release at {home.root}: run `marquee train`, `marquee evaluate`, `marquee promote` first")
    return path


def pointed_at(home: Home, pointer: str) -> Path | None:
    """The directory of the release that `champion` or `previous` names; None without the file. Raises ArtifactError."""
    file = home.releases / pointer
    if not file.exists():
        return None
    with reading(file, "a release id", "write one there, or remove it and run `marquee promote`", ArtifactError):
        release_id = file.read_bytes().strip()
    if not re.fullmatch(rb"r-[0-9a-f]{12}", release_id):
        raise ArtifactError(f"{file}: expected a release id, found {release_id[:40]!r}")
    return home.releases / release_id.decode()


def pointers(home: Home) -> dict[str, str | None]:
    """The ids in `champion` and `previous`, unchecked."""
    files = {name: home.releases / name for name in (CHAMPION, PREVIOUS)}
    found = {}
    for name, file in files.items():
        with reading(file, "a release id", "write one there, or remove it and run `marquee promote`", ArtifactError):
            found[name] = file.read_text().strip() if file.exists() else None
    return found
