"""Checks that a release can serve before it does: a child process loads it and builds pages with it.

A release that crashes, hangs or exhausts memory does so in the child, which has limits. The child runs a module of
serving (bento_services/process/trial.py) by its name, because training and models import nothing of serving.

A release that passed is not checked again by the same code in the same home: HOME/releases/answered.json holds, per
release, a hash of everything that the result depends on. The release's files are verified every time.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import IO

from feature_repo.core.errors import MarqueeError, Refused
from feature_repo.core.files import write_atomic
from feature_repo.core.hashes import canonical
from feature_repo.core.home import Home, World
from feature_repo.core.processes import tied_to_parent
from feature_repo.core.revision import ROOT
from feature_repo.core.settings import FILE, PREFIX, child_environment
from models.release.config import PromotionConfig
from models.release.manifest import Manifest, verify_files

TRIAL = "bento_services.process.trial"  # run as `python -m`, with the home, the release and the memory limit
ANSWERED = "answered.json"
PACKAGES = ("feature_repo", "models", "bento_services")  # the code of serving
LIBRARIES = ("numpy", "onnxruntime", "faiss-cpu", "safetensors", "msgspec")
LOOK_SECONDS = 0.05  # interval at which the child is polled
MEGABYTE = 1 << 20
IDENTITY = ("name", "source", "id_type", "genres", "history_length")


class Unanswerable(Refused):
    """A release that cannot serve in this home; the message names it and the cause."""


def never() -> bool:
    return False


def silent(line: str) -> None:
    pass


def require_answerable(
    home: Home,
    release: Path,
    config: PromotionConfig,
    stop: Callable[[], bool] = never,
    say: Callable[[str], None] = silent,
) -> None:
    """Raises Unanswerable unless this release is intact, belongs to the home's world, and builds a page on every rung.

    `stop` is polled while the child runs: True ends it (the release then counts as unanswerable). `say` gets a line if
    the check has to run, which takes seconds.
    """
    manifest = require_whole(home, release)
    key = _depends_on(home, manifest.release_id)
    if _answered(home).get(manifest.release_id) == key:
        return
    say(f"marquee: checking that {release.name} can serve, for up to {config.check_seconds:g} s")
    if why := _ask(home, release, config, stop):
        raise Unanswerable(f"{release.name}: {why.replace(f'{release}/', '')}")
    _remember(home, manifest.release_id, key)


def require_whole(home: Home, release: Path) -> Manifest:
    """The release's manifest. Raises Unanswerable unless its files are intact and it is for this home's world."""
    try:
        manifest = verify_files(release)
    except (MarqueeError, OSError) as error:
        raise Unanswerable(f"{release.name}: {str(error).replace(f'{release}/', '')}") from error
    if why := foreign(manifest.world, home):
        raise Unanswerable(f"{release.name}: {why}")
    return manifest


def foreign(world: World, home: Home) -> str:
    """Why a release for `world` does not belong to the home; "" if it does.

    Worlds of older revisions, without an id, are compared by name, source and genres.
    """
    try:
        ours = home.world()
    except (MarqueeError, OSError) as error:
        return f"the home's world cannot be read ({error})"
    if world.world_id and ours.world_id:
        names = ["world_id"] if ours.is_other_than(world) else []
    else:
        names = [name for name in IDENTITY if getattr(world, name) != getattr(ours, name)]
    if not names:
        return ""
    theirs, here = (json.dumps(getattr(one, names[0]), ensure_ascii=False)[:60] for one in (world, ours))
    return (
        f"it was trained on another world: its {names[0]} is {theirs}, this home's is {here}; "
        "make a release of this world with `marquee release`"
    )


# --- the child --------------------------------------------------------------------------------------------------------


def _ask(home: Home, release: Path, config: PromotionConfig, stop: Callable[[], bool]) -> str:
    """Why the check failed; "" if it passed."""
    arguments = ["--home", str(home.root), "--release", str(release), "--memory-mb", str(config.check_memory_mb)]
    paths = [
        str(ROOT),
        *filter(None, [child_environment().get("PYTHONPATH")]),
    ]  # the code that is running, wherever it is
    environment = child_environment(PYTHONPATH=os.pathsep.join(paths), OMP_NUM_THREADS="1")
    with tempfile.TemporaryFile() as stdout, tempfile.TemporaryFile() as stderr:
        try:
            child = subprocess.Popen(
                tied_to_parent([sys.executable, "-m", TRIAL, *arguments]),
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
                start_new_session=True,  # Ctrl-C reaches only this process, which ends the child
            )
        except OSError as error:
            return f"its check could not be started ({error})"
        try:
            ended = _watch(child, config, stop)
        finally:
            if child.poll() is None:
                child.kill()
                child.wait()
        return ended or _verdict(child.returncode, stdout, stderr)


def _watch(child: subprocess.Popen[bytes], config: PromotionConfig, stop: Callable[[], bool]) -> str:
    """Wait for the child to end; why it was killed, or ""."""
    deadline = time.monotonic() + config.check_seconds
    while True:
        try:
            child.wait(LOOK_SECONDS)
            return ""
        except subprocess.TimeoutExpired:
            pass
        if time.monotonic() > deadline:
            return f"it did not answer within {config.check_seconds:g} s (promotion.check_seconds)"
        if _resident_mb(child.pid) > config.check_memory_mb:
            return f"it took more than {config.check_memory_mb} MB (promotion.check_memory_mb)"
        if stop():
            return "its check was cancelled"


def _resident_mb(pid: int) -> float:
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, ValueError, IndexError):  # it has just ended, or /proc does not exist
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / MEGABYTE


def _verdict(status: int, stdout: IO[bytes], stderr: IO[bytes]) -> str:
    lines = _lines(stdout)
    try:
        answer = json.loads(lines[-1])
        why = str(answer["why"])
        if status == 0 or why:
            return why
    except (IndexError, ValueError, KeyError, TypeError):
        pass
    how = f"killed by {signal.Signals(-status).name}" if status < 0 else f"exit status {status}"
    last = (_lines(stderr) or [""])[-1][:300]
    return f"the process that loaded it ended: {how}" + (f" ({last})" if last else "")


def _lines(file: IO[bytes]) -> list[str]:
    file.seek(0)
    return [line for line in file.read().decode(errors="replace").splitlines() if line.strip()]


# --- releases that passed before --------------------------------------------------------------------------------------


def _depends_on(home: Home, release_id: str) -> str:
    """A hash of everything that decides whether a release can serve, apart from its files, which its id covers."""
    code = hashlib.sha256()
    for package in PACKAGES:
        for file in sorted((ROOT / package).rglob("*.py")):
            code.update(f"{file.relative_to(ROOT)}\n".encode() + file.read_bytes())
    settings = home.root / FILE
    return hashlib.sha256(
        canonical(
            {
                "release": release_id,
                "world": home.world().to_json(),
                "code": code.hexdigest(),
                "python": sys.version,
                "libraries": {name: _version(name) for name in LIBRARIES},
                "settings": settings.read_text() if settings.exists() else "",
                "variables": {
                    name: value for name, value in child_environment().items() if name.startswith(f"{PREFIX}FEED_")
                },
            }
        )
    ).hexdigest()


def _version(library: str) -> str:
    try:
        return version(library)
    except PackageNotFoundError:
        return ""


def _answered(home: Home) -> dict[str, str]:
    try:
        content = json.loads((home.releases / ANSWERED).read_text())
    except (OSError, ValueError):  # missing or damaged: releases are checked again
        return {}
    return content if isinstance(content, dict) else {}


def _remember(home: Home, release_id: str, key: str) -> None:
    kept = {name: known for name, known in _answered(home).items() if (home.releases / name).is_dir()}
    try:
        write_atomic(home.releases / ANSWERED, json.dumps({**kept, release_id: key}, indent=1) + "\n")
    except OSError:  # the home is not writable: checked again next time
        return
