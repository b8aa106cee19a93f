"""Logging of every process: one JSON object per line, which begins with time, level, process, pid and event.

Marquee's own events (structlog), those of libraries (logging, warnings) and uncaught exceptions all become such lines:
in `HOME/run/logs/PROCESS.log` for the processes of `marquee serve`, else on stderr. A traceback is one field of one
line, without the values of variables, which may identify viewers.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import threading
from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

import msgspec
import structlog

from feature_repo.core.home import Home
from feature_repo.core.log_file import LogFile
from feature_repo.core.settings import Section, read

LEVELS = ("debug", "info", "warning", "error", "critical")
NOISY = (
    "bentoml",
    "uvicorn",
    "grpc",
    "kafka",
    "httpx",
    "httpcore",
    "asyncio",
    "mlflow",
    "matplotlib",
    "numba",
    "torch",
)


@dataclass(frozen=True)
class LogsConfig:
    """How much is logged and kept, per process."""

    level: str = (
        "info"  # lowest level of Marquee's own lines (debug, info, warning, error); libraries log from warning up
    )
    max_file_bytes: int = 10 * 1024 * 1024  # size at which a log file is rotated
    kept_files: int = 5  # rotated files to keep, besides the current one

    def __post_init__(self) -> None:
        if self.level not in LEVELS:
            raise ValueError(f"level: expected one of {', '.join(LEVELS)}, found {self.level!r}")
        if self.max_file_bytes < 1024:
            raise ValueError(f"max_file_bytes: expected at least 1024, found {self.max_file_bytes}")


LOGS = Section("logs", LogsConfig, "all")

Write = Callable[[bytes], Any]

_configured = False


def directory(home: Home) -> Path:
    return home.run / "logs"


def log_file(home: Home, process: str) -> LogFile:
    config = read(LOGS, home.root)

    def lost_notice(lines: int) -> bytes:
        return _Line(process).of("warning", "log lines were lost", {"lines": lines})

    return LogFile(directory(home) / f"{process}.log", config.max_file_bytes, config.kept_files, lost_notice)


def configure(process: str, home: Home | None = None) -> None:
    """Send the log of this process to its file in the home, or to stderr."""
    global _configured
    _configured = True
    config = LogsConfig() if home is None else read(LOGS, home.root)
    write: Write = to_stderr if home is None else log_file(home, process).write
    level = logging.getLevelNamesMapping()[config.level.upper()]
    structlog.configure(
        processors=[_Line(process)],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_: _LineLogger(write),
        cache_logger_on_first_use=True,
    )
    root = logging.getLogger()
    root.handlers = [_Handler(_Line(process), write)]
    root.setLevel(logging.WARNING)
    for name in NOISY:
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
        logger.setLevel(logging.WARNING)
    logging.captureWarnings(True)
    _log_uncaught_exceptions()


def configure_once(process: str) -> None:
    """Configure unless that was done: for processes that another program starts, with or without our `main`."""
    if not _configured:
        configure(process)


def logger_of(home: Home, process: str, **fields: Any) -> Any:
    """A logger with its own file, whatever this process's log is: for a supervisor inside another program."""
    return structlog.wrap_logger(
        _LineLogger(log_file(home, process).write),
        processors=[_Line(process)],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        **fields,
    )


def to_stderr(line: bytes) -> None:
    try:
        os.write(2, line + b"\n")
    except OSError:  # its reader is gone, or its disk is full
        return


def encode(record: Mapping[str, Any]) -> bytes:
    """A record as one line of JSON, whatever its values are."""
    try:
        return msgspec.json.encode(record, enc_hook=str)
    except (TypeError, ValueError, RecursionError, OverflowError):
        return json.dumps({str(name): repr(value) for name, value in record.items()}).encode()


class _LineLogger:
    """The logger at the end of structlog's chain: writes finished lines."""

    def __init__(self, write: Write) -> None:
        self._write = write

    def msg(self, line: bytes) -> None:
        self._write(line)

    debug = info = warning = error = critical = exception = log = msg


class _Line:
    """Renders a structlog event as a line."""

    def __init__(self, process: str) -> None:
        self._process = process

    def __call__(self, logger: Any, method: str, event: MutableMapping[str, Any]) -> bytes:
        event = structlog.processors.format_exc_info(logger, method, event)  # type: ignore[arg-type, assignment]
        return self.of(method, str(event.pop("event", "")), event)

    def of(self, level: str, event: str, fields: Mapping[str, Any]) -> bytes:
        time = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        level = "error" if level == "exception" else level
        head = {"time": time, "level": level, "process": self._process, "pid": os.getpid(), "event": event}
        return encode({**head, **{name: value for name, value in fields.items() if name not in head}})


class _Handler(logging.Handler):
    """Writes what libraries report through `logging` in the same format."""

    def __init__(self, line: _Line, write: Write) -> None:
        super().__init__()
        self._line = line
        self._write = write

    def emit(self, record: logging.LogRecord) -> None:
        try:
            message = record.getMessage()
        except Exception as error:  # arguments that do not fit the message
            message = f"{record.msg} {error!r}"
        fields: dict[str, Any] = {"logger": record.name}
        if record.exc_info and record.exc_info[1] is not None:
            fields["exception"] = "".join(_traceback(record.exc_info[1]))
        self._write(self._line.of(record.levelname.lower(), message, fields))


def _log_uncaught_exceptions() -> None:
    report = structlog.get_logger("uncaught")

    def ended(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if not issubclass(kind, KeyboardInterrupt):
            report.critical("process ends", error=f"{kind.__name__}: {error}", exception="".join(_traceback(error)))

    def thread_ended(of: threading.ExceptHookArgs) -> None:
        name = of.thread.name if of.thread else "?"
        error = of.exc_value or of.exc_type()
        report.error("thread ends", thread=name, error=repr(error), exception="".join(_traceback(error)))

    sys.excepthook = ended
    threading.excepthook = thread_ended


def _traceback(error: BaseException) -> list[str]:
    import traceback

    return traceback.format_exception(error)
