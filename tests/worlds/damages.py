"""What can be wrong with a home, and a copy of one with that wrong.

A damage is its kind and, for most kinds, a file of the home: "missing", "read-only", "full", "cut lake/users.parquet",
"nowhere releases/champion". Which files there are is found by walking the home.
"""

from __future__ import annotations

import contextlib
import ctypes
import shutil
import subprocess
from pathlib import Path

NEW_NAMESPACE = 0x20000  # CLONE_NEWNS: mounts are this process's own, and gone when it ends
NOT_COPIED = shutil.ignore_patterns("run", "*.sock")
NOBODY_READS = (".log", ".html")  # written for people
OF_THE_STORE = "valkey/appendonlydir"  # in the online store's own form, which mends what a crash has cut
FILLER = "filler"


def files_of(home: Path) -> list[str]:
    """Every file of the home that a program reads and that has content to lose."""
    found = (path for path in sorted(home.rglob("*")) if path.is_file() and path.stat().st_size > 1)
    names = (path.relative_to(home).as_posix() for path in found if path.suffix not in NOBODY_READS)
    return [name for name in names if not name.startswith(OF_THE_STORE)]


def damaged(original: Path, home: Path, damage: str) -> None:
    """Make `home` a copy of `original` with this damage. What mounts a disk, does so for this process alone."""
    kind, _, file = damage.partition(" ")
    if kind == "missing":
        return
    if kind == "full":
        _mount("tmpfs", home, "-t", "tmpfs", "-o", "size=128m")
    shutil.copytree(original, home, symlinks=True, ignore=NOT_COPIED, dirs_exist_ok=True)
    for left_behind in original.glob("run/*.json"):  # by processes that are no more
        (home / "run").mkdir(exist_ok=True)
        shutil.copy2(left_behind, home / "run")
    if kind == "cut":
        content = (home / file).read_bytes()
        (home / file).write_bytes(content[: len(content) // 2])
    elif kind == "empty":
        (home / file).write_bytes(b"")
    elif kind == "directory":
        (home / file).unlink()
        (home / file).mkdir()
    elif kind == "gone":
        (home / file).unlink() if (home / file).is_file() else shutil.rmtree(home / file)
    elif kind == "nowhere":
        (home / file).write_text("r-0123456789ab")
    elif kind == "read-only":
        _mount(str(home), home, "--bind")
        _mount(str(home), home, "-o", "remount,ro,bind")
    elif kind == "full":
        _fill(home / FILLER)
    else:
        assert not kind, f"unknown damage: {damage}"


def _fill(filler: Path) -> None:
    for size in (1 << 16, 1):
        with contextlib.suppress(OSError), open(filler, "ab", buffering=0) as file:
            while True:
                file.write(bytes(size))


def _mount(source: str, place: Path, *options: str) -> None:
    if ctypes.CDLL(None).unshare(NEW_NAMESPACE) != 0:
        raise OSError("no mount namespace of its own")
    place.mkdir(exist_ok=True)
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)
    subprocess.run(["mount", *options, source, str(place)], check=True)
