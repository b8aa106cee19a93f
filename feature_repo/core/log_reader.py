"""Merges the logs of all processes of a home in order of time.

The embedded store logs in its own format; its lines become records of the process `valkey`.
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
LAST_BYTES = 256 * 1024  # the end of a log, where its last error is looked for

_VALKEY_LINE = re.compile(r"^\d+:[A-Z] (\d+ \w{3} \d{4} \d\d:\d\d:\d\d\.\d{3}) ([.\-*#]) (.*)$")
_AGO = re.compile(r"^(\d+(?:\.\d+)?)([smhd])$")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


@dataclass(frozen=True)
class LogFilter:
    """Selects records by process ("" = all; "service" = all workers), earliest time and lowest level."""

    process: str = ""
    since: str = ""  # as in a record; "" = all
    level: str = "debug"

    def __call__(self, record: Record) -> bool:
        return (
            (not self.process or _is_of(str(record["process"]), self.process))
            and record["time"] >= self.since
            and _rank(record["level"]) >= _rank(self.level)
        )


def processes(home: Home) -> list[str]:
    """The processes that have a log."""
    return sorted(_logs(home))


def moment(text: str, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> str:
    """Parse `90s`, `10m`, `2h` or `1d` ago, or an ISO 8601 time (UTC without a zone), into the format of records.

    Raises ValueError.
    """
    if ago := _AGO.match(text):
        at = now() - timedelta(**{_UNITS[ago[2]]: float(ago[1])})
    else:
        try:
            at = datetime.fromisoformat(text)
        except ValueError:
            raise ValueError(f"expected 90s, 10m, 2h, 1d or a time like 2026-11-21T18:00, found {text!r}") from None
        at = at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    return _written(at)


def read(home: Home, wanted: LogFilter = LogFilter()) -> Iterator[Record]:
    """The records of all logs so far, in order of time."""
    logs = (_parsed(process, _oldest_first(path)) for process, path in _logs(home).items() if _may(wanted, process))
    return filter(wanted, heapq.merge(*logs, key=lambda record: str(record["time"])))


def follow(home: Home, wanted: LogFilter, sleep: Callable[[float], None] = time.sleep) -> Iterator[Record]:
    """What is written from now on, without end, across rotated and removed files."""
    tails = {path: _Tail(path, path.stat().st_size, path.stat().st_ino) for path in _logs(home).values()}
    while True:
        fresh: list[Record] = []
        for process, path in _logs(home).items():
            if _may(wanted, process):
                fresh += _parsed(process, tails.setdefault(path, _Tail(path)).lines())
        yield from filter(wanted, sorted(fresh, key=lambda record: str(record["time"])))
        sleep(FOLLOW_SECONDS)


def last_error(home: Home, process: str) -> str:
    """The last error in a process's log, in one line; "" if there is none."""
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
    """A record for people: time, level, process, event, other fields; a traceback on lines of its own."""
    head = f"{record['time']} {record['level']:<8} {record['process']:<11} {record['event']}"
    hidden = ("time", "level", "process", "event", "pid", "exception", "text")
    rest = " ".join(f"{name}={value}" for name, value in record.items() if name not in hidden)
    long = "\n".join(str(record[name]) for name in ("text", "exception") if record.get(name))
    more = "".join(f"\n    {line}" for line in long.splitlines())
    return f"{head} {rest}".rstrip() + more


@dataclass
class _Tail:
    """Yields the lines appended to a file, complete ones only."""

    path: Path
    offset: int = 0
    inode: int = 0
    part: bytes = field(default=b"")

    def lines(self) -> list[str]:
        try:
            with open(self.path, "rb") as file:
                stat = self.path.stat()
                if stat.st_ino != self.inode or stat.st_size < self.offset:
                    self.offset, self.inode, self.part = 0, stat.st_ino, b""
                file.seek(self.offset)
                text = self.part + file.read()
                self.offset = file.tell()
        except OSError:
            return []
        *whole, self.part = text.split(b"\n")
        return [line.decode(errors="replace") for line in whole]


def _logs(home: Home) -> dict[str, Path]:
    """The newest file of each process."""
    logs = {path.stem: path for path in sorted(directory(home).glob("*.log"))}
    valkey = home.valkey / "valkey.log"
    return logs | ({VALKEY: valkey} if valkey.exists() else {})


def _may(wanted: LogFilter, process: str) -> bool:
    # lines of a job have its verb as their process
    return process == "jobs" or not wanted.process or _is_of(process, wanted.process)


def _is_of(process: str, wanted: str) -> bool:
    """`service` is also service-2 and on."""
    return process == wanted or process.startswith(f"{wanted}-")


def _oldest_first(path: Path) -> Iterator[str]:
    numbered = [(int(other.name.rpartition(".")[2]), other) for other in path.parent.glob(f"{path.name}.[0-9]*")]
    for file in (*(other for _, other in sorted(numbered, reverse=True)), path):
        try:
            with open(file, encoding="utf-8", errors="replace") as lines:
                yield from lines
        except OSError:
            continue  # rotated away meanwhile


def _parsed(process: str, lines: Iterable[str]) -> Iterator[Record]:
    last = ""
    for line in lines:
        if line.strip():
            record = (_of_valkey if process == VALKEY else _of_json)(process, line.rstrip("\n"), last)
            last = record["time"]
            yield record


def _of_json(process: str, line: str, last: str) -> dict[str, Any]:
    """The record of a line; a line that is not one (the disk was full while it was written) becomes its event."""
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        record = None
    if not isinstance(record, dict) or not isinstance(record.get("time"), str):
        return {"time": last, "level": "warning", "process": process, "event": line}
    return {"level": "info", "process": process, "event": "", **record}


def _of_valkey(process: str, line: str, last: str) -> dict[str, Any]:
    match = _VALKEY_LINE.match(line)
    if match is None:
        return {"time": last, "level": "info", "process": process, "event": line}
    try:
        at = datetime.strptime(match[1], "%d %b %Y %H:%M:%S.%f").astimezone(UTC)  # it writes local time
    except ValueError:
        return {"time": last, "level": "info", "process": process, "event": line}
    level = {"#": "warning", ".": "debug", "-": "debug"}.get(match[2], "info")
    return {"time": _written(at), "level": level, "process": process, "event": match[3]}


def _rank(level: Any) -> int:
    return LEVELS.index(level) if level in LEVELS else 1


def _written(at: datetime) -> str:
    return at.isoformat(timespec="microseconds").replace("+00:00", "Z")
