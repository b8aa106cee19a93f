"""A program: runs verbs in copies of a home that something is wrong with, each in a fork that has imported everything.

    python damaged_homes.py HOME < cases > outcomes        one JSON object a line

A case is {"verb": [...], "damage": "cut lake/users.parquet", "seconds": 20}; its outcome has `status` (None: it was
still running after `seconds`), `said` (stderr), `changed` (files of the home that are not a process's own) and `read`
(files of an undamaged home that it opened), all relative to the home.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

NOT_COPIED = shutil.ignore_patterns("run", "*.sock", "address.json")
DERIVED = "feast/feature_store.yaml"  # names the place of the home and its store: written anew in a copy
OF_PROCESSES = ("run", "valkey", "bentoml", ".serving")  # what runs there writes, also where the verb then fails
FILLER = "filler"
NEW_NAMESPACE = 0x20000  # CLONE_NEWNS: mounts are this fork's own, and gone when it ends
HEAVY = (
    "bento_services.feed.build",
    "duckdb",
    "feast",
    "mlflow",
    "monitoring.reports.report",
    "training.release.evaluate",
)
READ_LATER = 1_000_000_000  # an access time before any file's change, so that the next read moves it


@dataclass(frozen=True)
class Outcome:
    status: int | None
    said: str
    changed: Sequence[str] = ()
    read: Sequence[str] = ()
    seconds: float = 0.0


@dataclass(frozen=True)
class Case:
    verb: Sequence[str]
    damage: str = ""
    seconds: float = 60.0


@dataclass
class VerbRunner:
    """The program as a child process; `outcome` runs one case in it."""

    home: Path
    _process: subprocess.Popen[str] = field(init=False)

    def __enter__(self) -> VerbRunner:
        command = [sys.executable, __file__, str(self.home)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def outcome(self, case: Case) -> Outcome:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(json.dumps(asdict(case)), file=self._process.stdin, flush=True)
        return Outcome(**json.loads(self._process.stdout.readline()))


def can_mount() -> bool:
    """Whether a home can be made read-only, or its disk full, for this process: it may mount."""
    probe = [sys.executable, "-c", f"import ctypes, os; os._exit(ctypes.CDLL(None).unshare({NEW_NAMESPACE}) != 0)"]
    return os.geteuid() == 0 and subprocess.run(probe, check=False).returncode == 0


def _main(original: Path) -> None:
    answers = os.fdopen(os.dup(1), "w")
    for module in HEAVY:
        importlib.import_module(module)
    for line in sys.stdin:
        with tempfile.TemporaryDirectory(prefix="damaged-") as place:
            outcome = _forked(original, Path(place), **json.loads(line))
        print(json.dumps(asdict(outcome)), file=answers, flush=True)


def _forked(original: Path, place: Path, verb: Sequence[str], damage: str, seconds: float) -> Outcome:
    started = time.monotonic()
    child = os.fork()
    if child == 0:
        with contextlib.suppress(BaseException):
            os.setsid()
            _child(original, place, verb, damage)
        os._exit(99)
    status = _waited(child, started + seconds)
    said = (place / "said").read_text(errors="replace") if (place / "said").exists() else "nothing was said"
    told: Mapping[str, Any] = {}
    with contextlib.suppress(OSError, ValueError):
        told = json.loads((place / "told").read_text())
    return Outcome(status, said, told.get("changed", ()), told.get("read", ()), time.monotonic() - started)


def _waited(child: int, deadline: float) -> int | None:
    """Its exit status; None when it did not end by itself."""
    while time.monotonic() < deadline:
        if (ended := os.waitpid(child, os.WNOHANG)) != (0, 0):
            return os.waitstatus_to_exitcode(ended[1])
        time.sleep(0.005)
    os.killpg(child, signal.SIGINT)
    patience = time.monotonic() + 20
    while time.monotonic() < patience:
        if os.waitpid(child, os.WNOHANG) != (0, 0):
            return None
        time.sleep(0.02)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None


def _child(original: Path, place: Path, verb: Sequence[str], damage: str) -> None:
    """Never returns: damages a copy, runs the verb there, tells what changed and exits with the verb's status."""
    from feature_repo.core.command_line import status_of
    from feature_repo.core.settings import MARQUEE_HOME

    signal.signal(signal.SIGINT, signal.default_int_handler)
    home = place / "home"
    _damage(original, home, damage)
    before = _state(home)
    for file in before:
        os.utime(home / file, ns=(READ_LATER, before[file][1])) if damage == "" else None
    for stream, name in ((1, "printed"), (2, "said")):
        os.dup2(os.open(place / name, os.O_CREAT | os.O_WRONLY), stream)
    MARQUEE_HOME.set(str(home))
    os.chdir(place)
    sys.argv = ["marquee", *verb]
    status = status_of(lambda: _app()([part.format(home=home, place=place) for part in verb], "marquee"))
    sys.stdout.flush()
    sys.stderr.flush()
    after = _state(home)
    changed = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
    (place / "told").write_text(json.dumps({"changed": changed, "read": _read(home, after) if damage == "" else ()}))
    os._exit(status)


def _app() -> Any:
    from marquee import app

    return app


def _damage(original: Path, home: Path, damage: str) -> None:
    from feature_repo.core.home import Home

    what, _, file = damage.partition(" ")
    if what == "missing":
        return
    if what == "full":
        _mount("tmpfs", home, "-t", "tmpfs", "-o", "size=128m")
    shutil.copytree(original, home, symlinks=True, ignore=NOT_COPIED, dirs_exist_ok=True)
    Home.open(home)  # so that no verb finds a home that was copied: what that leaves undone is done now
    if what == "cut":
        content = (home / file).read_bytes()
        (home / file).write_bytes(content[: len(content) // 2])
    elif what == "empty":
        (home / file).write_bytes(b"")
    elif what == "directory":
        (home / file).unlink()
        (home / file).mkdir()
    elif what == "gone":
        (home / file).unlink() if (home / file).is_file() else shutil.rmtree(home / file)
    elif what == "nowhere":
        (home / file).write_text("r-0123456789ab")
    elif what == "read-only":
        _mount(str(home), home, "--bind")
        _mount(str(home), home, "-o", "remount,ro,bind")
    elif what == "full":
        with contextlib.suppress(OSError), open(home / FILLER, "wb", buffering=0) as filler:
            while True:
                filler.write(bytes(1 << 16))
        with contextlib.suppress(OSError), open(home / FILLER, "ab", buffering=0) as filler:
            while True:
                filler.write(b"0")
    else:
        assert not what, f"unknown damage: {damage}"


def _mount(source: str, place: Path, *options: str) -> None:
    if ctypes.CDLL(None).unshare(NEW_NAMESPACE) != 0:
        raise OSError("no mount namespace of its own")
    place.mkdir(exist_ok=True)
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)
    subprocess.run(["mount", *options, source, str(place)], check=True)


def _state(home: Path) -> dict[str, tuple[int, int]]:
    """Every file that is not a process's own: its size and the time of its last change."""
    found = {}
    for folder, folders, files in os.walk(home):
        if Path(folder) == home:
            folders[:] = [name for name in folders if name not in OF_PROCESSES]
            files = [name for name in files if name not in OF_PROCESSES]
        for name in files:
            if os.path.relpath(os.path.join(folder, name), home) == DERIVED:
                continue
            facts = os.stat(os.path.join(folder, name))
            found[os.path.relpath(os.path.join(folder, name), home)] = (facts.st_size, facts.st_mtime_ns)
    return found


def _read(home: Path, files: Mapping[str, object]) -> list[str]:
    return sorted(name for name in files if os.stat(home / name).st_atime_ns > READ_LATER * 2)


if __name__ == "__main__":
    _main(Path(sys.argv[1]))
