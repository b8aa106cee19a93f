"""Reads the logs of all processes of a home as one, in the order of time.

The embedded store writes its own log in its own form; its lines are read as records of the process `valkey`.
"""

from __future__ import annotations

import heapq
import json
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from feature_repo.core.home import Home
from feature_repo.core.logs import LEVELS, directory

Record = Mapping[str, Any]

VALKEY = "valkey"
FOLLOW_SECONDS = 0.2
LAST_BYTES = 256 * 1024  # of a log, in which its last error is looked for

_VALKEY_LINE = re.compile(r"^\d+:[A-Z] (\d+ \w{3} \d{4} \d\d:\d\d:\d\d\.\d{3}) ([.\-*#]) (.*)$")
_AGO = re.compile(r"^(\d+(?:\.\d+)?)([smhd])$")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


@dataclass(frozen=True)
class Wanted:
    """Which records: of one process or of all ("" = all), from a time on, from a level on."""

    process: str = ""
    since: str = ""  # as in a record; "" = all
    level: str = "debug"

    def __call__(self, record: Record) -> bool:
        return (
            (not self.process or record["process"] == self.process)
            and record["time"] >= self.since
            and _rank(record["level"]) >= _rank(self.level)
        )


def processes(home: Home) -> list[str]:
    """Those that have a log."""
    return sorted(_logs(home))


def moment(text: str, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> str:
    """`90s`, `10m`, `2h` or `1d` ago, or a time as ISO 8601 (UTC unless it says otherwise), as records write it.

    Raises ValueError.
    """
    if found := _AGO.match(text):
        at = now() - timedelta(**{_UNITS[found[2]]: float(found[1])})
    else:
        try:
            at = datetime.fromisoformat(text)
        except ValueError:
            raise ValueError(f"expected 90s, 10m, 2h, 1d or a time like 2026-11-21T18:00, found {text!r}") from None
        at = at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    return _written(at)


def read(home: Home, wanted: Wanted = Wanted()) -> Iterator[Record]:
    """The records of all logs that are there now, in the order of time."""
    logs = (_parsed(process, _oldest_first(path)) for process, path in _logs(home).items() if _may(wanted, process))
    return filter(wanted, heapq.merge(*logs, key=lambda record: str(record["time"])))


def follow(home: Home, wanted: Wanted, sleep: Callable[[float], None] = time.sleep) -> Iterator[Record]:
    """What is written from now on, for ever; a file that is rotated or removed is read on."""
    tails = {path: _Tail(path, path.stat().st_size, path.stat().st_ino) for path in _logs(home).values()}
    while True:
        fresh: list[Record] = []
        for process, path in _logs(home).items():
            if _may(wanted, process):
                fresh += _parsed(process, tails.setdefault(path, _Tail(path)).lines())
        yield from filter(wanted, sorted(fresh, key=lambda record: str(record["time"])))
        sleep(FOLLOW_SECONDS)


def last_error(home: Home, process: str) -> str:
    """What a process last reported as an error, in one line; "" when it did not."""
    path = directory(home) / f"{process}.log"
    try:
        with open(path, "rb") as file:
            file.seek(max(path.stat().st_size - LAST_BYTES, 0))
            lines = file.read().decode(errors="replace").splitlines()
    except OSError:
        return ""
    for record in reversed(list(_parsed(process, lines))):
        if _rank(record["level"]) >= _rank("error") and record["event"] != "Application startup failed. Exiting.":
            trace = str(record.get("exception") or "").strip() or str(record.get("error") or record["event"])
            return trace.splitlines()[-1]
    return ""


def shown(record: Record) -> str:
    """A record for people: time, level, process, event and what else it holds; a traceback on lines of its own."""
    head = f"{record['time']} {record['level']:<8} {record['process']:<11} {record['event']}"
    hidden = ("time", "level", "process", "event", "pid", "exception", "text")
    rest = " ".join(f"{name}={value}" for name, value in record.items() if name not in hidden)
    long = "\n".join(str(record[name]) for name in ("text", "exception") if record.get(name))
    more = "".join(f"\n    {line}" for line in long.splitlines())
    return f"{head} {rest}".rstrip() + more


@dataclass
class _Tail:
    """The lines that are added to a file, whole ones alone."""

    path: Path
    offset: int = 0
    inode: int = 0
    part: bytes = field(default=b"")

    def lines(self) -> list[str]:
        try:
            with open(self.path, "rb") as file:
                found = self.path.stat()
                if found.st_ino != self.inode or found.st_size < self.offset:
                    self.offset, self.inode, self.part = 0, found.st_ino, b""
                file.seek(self.offset)
                text = self.part + file.read()
                self.offset = file.tell()
        except OSError:
            return []
        *whole, self.part = text.split(b"\n")
        return [line.decode(errors="replace") for line in whole]


def _logs(home: Home) -> dict[str, Path]:
    """The newest file of each process."""
    found = {path.stem: path for path in sorted(directory(home).glob("*.log"))}
    valkey = home.valkey / "valkey.log"
    return found | ({VALKEY: valkey} if valkey.exists() else {})


def _may(wanted: Wanted, process: str) -> bool:
    return process == "jobs" or wanted.process in ("", process)  # a job's lines name its verb


def _oldest_first(path: Path) -> Iterator[str]:
    numbered = [(int(other.name.rpartition(".")[2]), other) for other in path.parent.glob(f"{path.name}.[0-9]*")]
    for file in (*(other for _, other in sorted(numbered, reverse=True)), path):
        try:
            with open(file, encoding="utf-8", errors="replace") as lines:
                yield from lines
        except OSError:
            continue  # it was rotated away meanwhile


def _parsed(process: str, lines: Iterable[str]) -> Iterator[Record]:
    last = ""
    for line in lines:
        if line.strip():
            record = (_of_valkey if process == VALKEY else _of_json)(process, line.rstrip("\n"), last)
            last = record["time"]
            yield record


def _of_json(process: str, line: str, last: str) -> dict[str, Any]:
    """A line; one that is no record, because the disk was full while it was written, is one with what is left of it."""
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        record = None
    if not isinstance(record, dict) or not isinstance(record.get("time"), str):
        return {"time": last, "level": "warning", "process": process, "event": line}
    return {"level": "info", "process": process, "event": "", **record}


def _of_valkey(process: str, line: str, last: str) -> dict[str, Any]:
    found = _VALKEY_LINE.match(line)
    if found is None:
        return {"time": last, "level": "info", "process": process, "event": line}
    try:
        at = datetime.strptime(found[1], "%d %b %Y %H:%M:%S.%f").astimezone(UTC)  # it writes local time
    except ValueError:
        return {"time": last, "level": "info", "process": process, "event": line}
    level = {"#": "warning", ".": "debug", "-": "debug"}.get(found[2], "info")
    return {"time": _written(at), "level": level, "process": process, "event": found[3]}


def _rank(level: Any) -> int:
    return LEVELS.index(level) if level in LEVELS else 1


def _written(at: datetime) -> str:
    return at.isoformat(timespec="microseconds").replace("+00:00", "Z")
