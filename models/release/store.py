"""The releases that a home serves: the text files HOME/releases/champion and previous hold a release id each."""

from __future__ import annotations

import fcntl
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from feature_repo.core.errors import HomeError
from feature_repo.core.files import reading, write_atomic
from feature_repo.core.home import Home
from models.release.manifest import ArtifactError, Manifest

CHAMPION, PREVIOUS = "champion", "previous"
REMEDY = "write one there, or remove it and run `marquee promote`"
NAMED = 5  # releases to list in the error for an unknown id
RELEASE_ID = re.compile(r"r-[0-9a-f]{12}")


def champion(home: Home) -> Path:
    """The directory of the champion. Raises HomeError if nothing was promoted yet."""
    path = pointed_at(home, CHAMPION)
    if path is None:
        raise HomeError(f"no release at {home.root}: run `marquee train`, `marquee evaluate`, `marquee promote` first")
    return path


def pointed_at(home: Home, pointer: str) -> Path | None:
    """The directory of the release that `champion` or `previous` names; None without it. Raises ArtifactError."""
    file = home.releases / pointer
    if not file.exists():
        return None
    with reading(file, "a release id", REMEDY, ArtifactError):
        content = file.read_bytes().strip()
    if not RELEASE_ID.fullmatch(release_id := content.decode(errors="replace")):
        raise ArtifactError(f"{file}: expected a release id, found {content[:40]!r}")
    return home.releases / release_id


def sound_pointer(home: Home, pointer: str) -> Path | None:
    """As `pointed_at`, but None also if the file does not hold a release id."""
    try:
        return pointed_at(home, pointer)
    except ArtifactError:
        return None


def require_sound(home: Home) -> None:
    """Raises ArtifactError with both problems if neither champion nor previous has a valid manifest."""
    problems = []
    for pointer in (CHAMPION, PREVIOUS):
        try:
            if (path := pointed_at(home, pointer)) is not None:
                Manifest.read(path)
                return
        except ArtifactError as error:
            problems.append(str(error))
    raise ArtifactError(f"no release can be loaded: {'; '.join(problems)}; run `marquee promote`")


def pointers(home: Home) -> dict[str, str | None]:
    """The ids in `champion` and `previous`, unchecked."""
    files = {name: home.releases / name for name in (CHAMPION, PREVIOUS)}
    found = {}
    for name, file in files.items():
        with reading(file, "a release id", REMEDY, ArtifactError):
            found[name] = file.read_text(errors="replace").strip() if file.exists() else None
    return found


def make_champion(home: Home, release_id: str) -> None:
    """Move the pointers; the champion becomes `previous`.

    Writes `previous` first, so that a crash between the two writes leaves the old champion serving. Writes the pointer
    even if the release is the champion already: a service that refused it then tries it again.
    """
    with moving(home):
        current = sound_pointer(home, CHAMPION)
        if current is not None and current.name != release_id:
            write_atomic(home.releases / PREVIOUS, current.name + "\n")
        write_atomic(home.releases / CHAMPION, release_id + "\n")


def keep_as_previous(home: Home, release_id: str) -> None:
    with moving(home):
        write_atomic(home.releases / PREVIOUS, release_id + "\n")


def release_named(home: Home, id_or_prefix: str) -> str:
    """The id of the one release with this id or prefix. Raises HomeError."""
    there = sorted(path.name for path in home.releases.glob("r-*") if RELEASE_ID.fullmatch(path.name))
    found = [name for name in there if name == id_or_prefix] or [
        name for name in there if id_or_prefix and name.startswith(id_or_prefix)
    ]
    if len(found) == 1:
        return found[0]
    what = f"{len(found)} releases begin with {id_or_prefix}" if found else f"no release {id_or_prefix}"
    few = f"{', '.join(there[:NAMED])}{' and more' if len(there) > NAMED else ''}" if there else "none"
    raise HomeError(f"{what} at {home.releases}: there is {few} (`marquee releases` tells of each)")


@contextmanager
def moving(home: Home) -> Iterator[None]:
    """Lock the pointers: one command at a time moves them, others wait."""
    with open(home.releases / ".moving", "ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
