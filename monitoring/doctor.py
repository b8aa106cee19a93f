"""`marquee doctor`: checks everything that a home and its machine need, with a command to fix each problem.

Read-only: it does not start a stopped online store or log to check it.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, metadata, requires
from importlib.metadata import version as installed
from pathlib import Path
from typing import Literal

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from bento_services.admission.keys import Keys, keys_path
from bento_services.process.ports import Ports
from bento_services.settings import SERVICE
from feature_repo.core.errors import DependencyDown, HomeError, MarqueeError
from feature_repo.core.files import check_writable, one_line
from feature_repo.core.home import Home
from feature_repo.core.settings import REDIS_URL, check, child_environment, read
from feature_repo.lake.taken import Taken
from feature_repo.schema import WATCH_EVENTS
from feature_repo.store.valkey_server import is_free, running_url
from feature_repo.stream.handlers.fold_events import GROUP
from feature_repo.stream.log.open import home_log_config, open_home_log
from models.release.answerable import require_whole
from models.release.store import CHAMPION, PREVIOUS, pointed_at

State = Literal["ok", "warning", "failed"]
DEFAULT_PORTS = (8080, 8081)  # HTTP, gRPC
DAY_SECONDS = 86_400
QUIET_DAYS = 30  # warn about a lake without events for this long
AHEAD_SECONDS = 300  # tolerated lead of events over the world's clock (docs/limits.md)


@dataclass(frozen=True)
class Finding:
    """The result of one check, and the command that fixes it."""

    name: str
    state: State
    found: str
    fix: str = ""
    is_dependency: bool = False  # the problem is in something outside this home and process


Found = tuple[State, str, str]  # state, found, fix
Check = Callable[[Home], Found]


def ok(found: str) -> Found:
    return "ok", found, ""


def examine(home: Home) -> list[Finding]:
    """One finding per check, in a fixed order; checks of the home only if it exists. Never raises."""
    findings = [_look(name, look, home) for name, look in OF_THE_MACHINE.items()]
    if not home.root.is_dir():
        fix = "marquee simulate, or marquee ingest movielens --path DIR"
        return [*findings, Finding("home", "failed", f"no home at {home.root}", fix)]
    return findings + [_look(name, look, home) for name, look in OF_A_HOME.items()]


def require_health(home: Home, findings: Sequence[Finding]) -> None:
    """Raises if checks failed: HomeError without a home, DependencyDown for dependencies only, else MarqueeError."""
    failed = [one for one in findings if one.state == "failed"]
    if not failed:
        return
    summary = f"{len(failed)} of {len(findings)} checks failed: {', '.join(one.name for one in failed)}"
    if not home.root.is_dir():
        raise HomeError(f"no home at {home.root}: expected a directory, such as `marquee simulate` creates")
    if all(one.is_dependency for one in failed):
        raise DependencyDown(summary)
    raise MarqueeError(summary)


def _look(name: str, look: Check, home: Home) -> Finding:
    try:
        return Finding(name, *look(home))
    except DependencyDown as down:
        return Finding(name, "failed", str(down), "marquee logs --level error", is_dependency=True)
    except MarqueeError as error:
        return Finding(name, "failed", str(error), FIXES.get(name, ""))
    except Exception as error:  # any error is a finding, and the other checks go on
        where = f"{error.filename}: " if isinstance(error, OSError) and error.filename else ""
        return Finding(name, "failed", where + one_line(error), FIXES.get(name, ""))


# What to do if a check itself fails.
FIXES = {
    "disk": "free some space, or chown and chmod the home for this user",
    "settings": "marquee config check",
    "world": "marquee simulate --replace, or marquee ingest … --replace",
    "clock": "marquee features",
    "champion": "marquee promote --rollback, or marquee release",
    "previous": "marquee promote",
    "online store": "remove valkey/address.json of the home while nothing runs there",
    "Feast registry": "marquee features",
}


# --- the machine ------------------------------------------------------------------------------------------------------


def _python(_: Home) -> Found:
    here, wanted = platform.python_version(), metadata("marquee")["Requires-Python"] or ">=3"
    if here in SpecifierSet(wanted):
        return ok(f"{here} (expected {wanted})")
    return "failed", f"{here}, expected {wanted}", "make install, with such a Python"


def _packages(_: Home) -> Found:
    """Outdated packages fail; missing ones of a role warn, since a serving machine need not train."""
    absent: dict[str, list[str]] = {}
    old, counted = [], 0
    for requirement in map(Requirement, requires("marquee") or ()):
        extra = next((role for role in ROLES if role and _is_of(requirement, role)), "")
        if not (extra or _is_of(requirement, "")) or requirement.name == "marquee":
            continue
        counted += 1
        try:
            if not requirement.specifier.contains(here := installed(requirement.name), prereleases=True):
                old.append(f"{requirement.name} {here}, expected {requirement.specifier}")
        except PackageNotFoundError:
            absent.setdefault(extra, []).append(requirement.name)
    if old or "" in absent:
        lacks = [f"{name} is not installed" for name in absent.get("", ())]
        return "failed", "; ".join([*old, *lacks]), "make install"
    if absent:
        summary = "; ".join(f"for {role}: {', '.join(names)}" for role, names in sorted(absent.items()))
        return "warning", f"not installed {summary}", f"pip install -e '.[{','.join(sorted(absent))}]'"
    return ok(f"{counted} packages are recent enough")


ROLES = ("", "serve", "work", "train")


def _is_of(requirement: Requirement, role: str) -> bool:
    """Whether this role needs it; "": every role."""
    marker = requirement.marker
    in_all = marker is None or marker.evaluate({"extra": ""})
    return in_all if not role else not in_all and marker is not None and marker.evaluate({"extra": role})


def _java(_: Home) -> Found:
    java = shutil.which("java", path=_java_path())
    if java is None:
        return ok("not found; only needed for Spark (features --engine spark) and Kafka")
    asked = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=20, check=False)
    summary = (asked.stderr or asked.stdout).strip().splitlines() or ["says nothing"]
    if asked.returncode:
        return "warning", f"{java}: {summary[0]}", "install a Java runtime of version 17 or later, or set JAVA_HOME"
    return ok(f"{summary[0]} ({java})")


def _java_path() -> str | None:
    found = child_environment()
    home = found.get("JAVA_HOME")  # where Spark and Kafka look first
    return None if not home else os.pathsep.join([str(Path(home) / "bin"), found.get("PATH", "")])


def _ports(home: Home) -> Found:
    if (ports := Ports.read(home)) is not None:
        return ok(f"this home is served at {ports.http_url}, gRPC {ports.grpc_port}")
    taken = [str(port) for port in DEFAULT_PORTS if not is_free(port)]
    if taken:
        return "warning", f"taken by another program: {', '.join(taken)}", "marquee serve --http-port 0 --grpc-port 0"
    return ok(f"{' and '.join(map(str, DEFAULT_PORTS))} are free")


def _scratch(_: Home) -> Found:
    check_writable(Path(tempfile.gettempdir()))
    return ok(f"{tempfile.gettempdir()} takes files")


# --- a home -----------------------------------------------------------------------------------------------------------


def _disk(home: Home) -> Found:
    found, least = os.statvfs(home.root), read(SERVICE, home.root).least_free_bytes
    free = found.f_bavail * found.f_frsize
    if free < least:
        return "failed", f"{_size(free)} free; events are refused below {_size(least)}", "free some space"
    check_writable(home.root)
    return ok(f"{_size(free)} free, writable")


def _settings(home: Home) -> Found:
    from monitoring.settings import every_section

    check(every_section(), home.root)
    return ok("marquee.toml and the environment are valid")


def _world(home: Home) -> Found:
    world = home.world()
    for path in (home.lake / "users.parquet", home.lake / "videos.parquet"):
        _rows(path)
    return ok(f"{world.name} ({world.source})")


def _rows(path: Path) -> int:
    import pyarrow.parquet as pq

    try:
        return int(pq.ParquetFile(path).metadata.num_rows)
    except Exception as error:  # Arrow raises many types for a damaged file
        raise MarqueeError(f"{path}: expected a Parquet file, found: {one_line(error)}") from error


def _clock(home: Home) -> Found:
    world = home.world()
    now_seconds, newest_seconds = world.now_us() / 1e6, _newest_event_us(home) / 1e6
    shown = f"the world's clock says {_moment(now_seconds)}, the wall {_moment(time.time())}"
    if not newest_seconds:
        return "warning", f"{shown}; the lake has no events", "marquee events send, or ingest"
    shown += f"; newest event {_moment(newest_seconds)}"
    if newest_seconds > now_seconds + AHEAD_SECONDS:
        return "failed", f"{shown}, which is ahead", "set this machine's clock, or marquee ingest … --replace"
    if now_seconds - newest_seconds > QUIET_DAYS * DAY_SECONDS:
        days = int((now_seconds - newest_seconds) / DAY_SECONDS)
        return "warning", f"{shown}, {days} days ago", "marquee ingest … --end DAY, or send events"
    return ok(shown)


def _newest_event_us(home: Home) -> int:
    """From the statistics of the latest days' files; 0 without events."""
    import pyarrow.parquet as pq

    newest = 0
    for day in sorted((home.lake / "events").glob("day=*"))[-3:]:
        for file in day.glob("*.parquet"):
            facts = pq.ParquetFile(file)
            column = facts.schema_arrow.get_field_index("timestamp_us")
            for group in range(facts.metadata.num_row_groups):
                statistics = facts.metadata.row_group(group).column(column).statistics
                newest = max(newest, int(statistics.max) if statistics and statistics.has_min_max else 0)
    return newest


def _rejected(home: Home) -> Found:
    taken = Taken.of(home.cut)
    rows = taken.rejected_rows if taken else 0
    files = sum(1 for file in home.rejected.rglob("*") if file.is_file()) if home.rejected.is_dir() else 0
    if rows or files:
        return "warning", f"{rows} rows of the lake are set aside; {files} files in {home.rejected}", "marquee status"
    return ok("no rejected rows")


def _keys(home: Home) -> Found:
    keys, path = Keys.of(home), keys_path(home)
    if keys.closed:
        return "failed", keys.closed, "marquee keys revoke --all, then marquee keys create NAME --scope serve"
    if keys.keyless:
        return ok("no keys; a service only answers this machine")
    if (mode := path.stat().st_mode & 0o777) & 0o077:
        return "failed", f"{path} is open to others ({mode:04o}, expected 0600)", f"chmod 600 {path}"
    if over := [key.name for key in keys if key.is_over(datetime.now(UTC))]:
        return "warning", f"expired: {', '.join(over)}", f"marquee keys rotate {over[0]}"
    return ok(f"{len(keys)} keys, readable only by their owner")


def _champion(home: Home) -> Found:
    path = pointed_at(home, CHAMPION)
    if path is None:
        return "warning", "nothing was promoted yet", "marquee release"
    require_whole(home, path)
    return ok(f"{path.name}: all files intact, for this world")


def _previous(home: Home) -> Found:
    path = pointed_at(home, PREVIOUS)
    if path is None:
        return ok("there is none")
    require_whole(home, path)
    return ok(f"{path.name}: all files intact, for this world")


def _store(home: Home) -> Found:
    if running_url(home):
        return ok("it answers" + (" (REDIS_URL)" if REDIS_URL.get() else " (embedded)"))
    if REDIS_URL.get():
        raise DependencyDown("the server that REDIS_URL names does not answer")
    if Ports.read(home) is not None:
        raise DependencyDown("the home is being served, but its store does not answer")
    return ok("stopped; verbs that need it start it")


def _event_log(home: Home) -> Found:
    config, url = home_log_config(home), running_url(home)
    if url is None and not config.kafka:
        return ok("stopped, like the online store that holds it")
    with closing(open_home_log(home, url or "", config)) as log:
        lag, letters = log.lag(WATCH_EVENTS, GROUP), log.count_dead_letters(WATCH_EVENTS)
    summary = f"{lag} events not folded yet, {letters} dead letters"
    return ("warning", summary, "marquee events dlq list") if letters else ok(summary)


def _registry(home: Home) -> Found:
    from feature_repo.store.feast_registry import registry_problem

    if not (home.feast / "registry.db").exists():
        return "warning", "none yet", "marquee features"
    if why := registry_problem(home):
        return "warning", f"{why}; the next job rebuilds it", "marquee features --again"
    return ok(f"sound, for {home.features}")


def _size(count: int) -> str:
    return f"{count / 2**30:.1f} GiB" if count >= 2**30 else f"{count / 2**20:.1f} MiB"


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")


OF_THE_MACHINE: dict[str, Check] = {
    "Python": _python,
    "packages": _packages,
    "Java": _java,
    "ports": _ports,
    "scratch": _scratch,
}
OF_A_HOME: dict[str, Check] = {
    "disk": _disk,
    "settings": _settings,
    "world": _world,
    "clock": _clock,
    "rejected rows": _rejected,
    "keys": _keys,
    "champion": _champion,
    "previous": _previous,
    "Feast registry": _registry,
    "online store": _store,
    "event log": _event_log,
}
