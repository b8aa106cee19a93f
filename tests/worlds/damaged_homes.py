"""A program: runs verbs in copies of a home that something is wrong with, each in a fork that has imported everything.

    python damaged_homes.py HOME < cases > outcomes        one JSON object a line

A case is {"verb": [...], "damage": "cut lake/users.parquet", "seconds": 20} (tests/worlds/damages.py). Its outcome has
`status` (None: it was still running after `seconds`, and was stopped), `said` (stderr), `changed` (files of the home),
and without a damage `read`: each file of the home that was opened, with the seconds until then. One copy after the
other lies at one and the same place: what knows its own place (Feast's registry) is not written again there.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import pkgutil
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))  # run as a program

from worlds.damages import NEW_NAMESPACE, damaged

OF_PROCESSES = ("run", "valkey", ".serving")  # what runs there writes, also where the verb then fails
PACKAGES = ("feature_repo", "models", "training", "bento_services", "monitoring")
OF_EXTRAS = ("spark", "kafka", "__main__", "generated")  # not installed here, or run when imported
LIBRARIES = ("duckdb", "feast", "mlflow", "evidently", "bentoml")
READ_LATER = 1_000_000_000  # an access time before any file's change, so that the next read moves it
IN_MEMORY = Path("/dev/shm")  # copies by the thousand, fsync included


@dataclass(frozen=True)
class Outcome:
    status: int | None
    said: str
    changed: Sequence[str] = ()
    read: Mapping[str, float] = field(default_factory=dict)
    seconds: float = 0.0


@dataclass(frozen=True)
class Case:
    verb: Sequence[str]
    damage: str = ""
    seconds: float = 60.0
    until: str = ""  # once it has printed this, it is stopped


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
    _import_everything()
    with tempfile.TemporaryDirectory(
        prefix="damaged-", dir=IN_MEMORY if os.access(IN_MEMORY, os.W_OK) else None
    ) as own:
        moved = _moved(original, Path(own))
        for line in sys.stdin:
            outcome = _forked(moved, Path(own) / "here", **json.loads(line))
            print(json.dumps(asdict(outcome)), file=answers, flush=True)


def _import_everything() -> None:
    """Also what verbs import when they come to it: no case shall wait for it, nor page it in for itself."""
    from marquee import command_line

    for package in map(importlib.import_module, PACKAGES):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not any(word in module.name for word in OF_EXTRAS):
                importlib.import_module(module.name)
    for library in LIBRARIES:
        importlib.import_module(library)
    command_line()
    gc.collect()
    gc.freeze()


def _moved(original: Path, own: Path) -> Path:
    """A copy that takes the place of all others for its own."""
    (own / "here").mkdir()
    child = os.fork()
    if child == 0:
        try:
            damaged(original, own / "here" / "home", "")
            _settle_in(own / "here" / "home")
            os._exit(0)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(1)
    assert os.waitpid(child, 0)[1] == 0, f"{original} cannot be used in another place"
    os.rename(own / "here" / "home", own / "original")
    if (original / "run").is_dir():
        shutil.copytree(original / "run", own / "original" / "run", dirs_exist_ok=True)
    return own / "original"


def _settle_in(home: Path) -> None:
    from feature_repo.core.home import Home
    from feature_repo.jobs import materialize
    from feature_repo.store.valkey_server import online_store

    with online_store(Home.open(home)) as url:
        materialize.apply(Home.open(home), url)


def _forked(original: Path, place: Path, verb: Sequence[str], damage: str, seconds: float, until: str) -> Outcome:
    place.mkdir(exist_ok=True)
    started = time.monotonic()
    child = os.fork()
    if child == 0:
        with contextlib.suppress(BaseException):
            os.setsid()
            _child(original, place, verb, damage)
        os._exit(99)
    status = _waited(child, started + seconds, place / "printed", until)
    said = (place / "said").read_text(errors="replace") if (place / "said").exists() else "nothing was said"
    told: Mapping[str, Any] = {}
    with contextlib.suppress(OSError, ValueError):
        told = json.loads((place / "told").read_text())
    shutil.rmtree(place, ignore_errors=True)
    return Outcome(status, said, told.get("changed", ()), told.get("read", {}), time.monotonic() - started)


def _waited(child: int, deadline: float, printed: Path, until: str) -> int | None:
    """Its exit status; None when it did not end by itself."""
    while time.monotonic() < deadline:
        if (ended := os.waitpid(child, os.WNOHANG)) != (0, 0):
            return os.waitstatus_to_exitcode(ended[1])
        if until and printed.exists() and until in printed.read_text(errors="replace"):
            break
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
    damaged(original, home, damage)
    before = _state(home)
    if not damage:
        _watch(home, place / "witnesses")
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for stream, name in ((1, "printed"), (2, "said")):
        os.dup2(os.open(place / name, os.O_CREAT | os.O_WRONLY), stream)
    MARQUEE_HOME.set(str(home))
    os.chdir(place)
    sys.argv = ["marquee", *verb]
    began_ns = time.time_ns()
    status = status_of(lambda: _app()([part.format(home=home, place=place) for part in verb], "marquee"))
    sys.stdout.flush()
    sys.stderr.flush()
    after = _state(home)
    changed = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
    read = _read(place / "witnesses", began_ns) if not damage else {}
    (place / "told").write_text(json.dumps({"changed": changed, "read": read}))
    os._exit(status)


def _app() -> Any:
    from marquee import app

    return app


def _state(home: Path) -> dict[str, tuple[int, int]]:
    """Every file that is not a process's own: its size and the time of its last change."""
    found = {}
    for name in _files(home):
        with contextlib.suppress(FileNotFoundError):  # a temporary one
            facts = os.lstat(home / name)
            if name.split(os.sep)[0] not in OF_PROCESSES:
                found[name] = (facts.st_size, facts.st_mtime_ns)
    return found


def _watch(home: Path, witnesses: Path) -> None:
    """A second name for each file, under which its access time outlives the first, and an old access time."""
    for name in _files(home):
        (witnesses / name).parent.mkdir(parents=True, exist_ok=True)
        os.link(home / name, witnesses / name)
        os.utime(home / name, ns=(READ_LATER, os.stat(home / name).st_mtime_ns))


def _read(witnesses: Path, began_ns: int) -> dict[str, float]:
    times_ns = {name: os.stat(witnesses / name).st_atime_ns for name in _files(witnesses)}
    return {name: (read_ns - began_ns) / 1e9 for name, read_ns in times_ns.items() if read_ns > READ_LATER * 2}


def _files(home: Path) -> list[str]:
    places = (os.path.join(folder, name) for folder, _, names in os.walk(home) for name in names)
    return [os.path.relpath(place, home) for place in places]


if __name__ == "__main__":
    _main(Path(sys.argv[1]))
