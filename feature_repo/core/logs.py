"""The log of every process: one JSON object a line, with time, level, process, pid and event first.

What Marquee reports (structlog), what libraries report (logging, warnings) and what ends a thread or the process all
become such lines: in `HOME/run/logs/PROCESS.log` for what `marquee serve` keeps running, else on stderr. A traceback is
one field of one line; it leaves out the values of variables, which may hold viewers.
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
LOUD = ("bentoml", "uvicorn", "grpc", "kafka", "httpx", "httpcore", "asyncio", "mlflow", "matplotlib", "numba", "torch")


@dataclass(frozen=True)
class LogsConfig:
    """How much is logged and kept, per process."""

    level: str = "info"  # debug, info, warning or error: of Marquee's own lines; libraries' from warning on
    max_file_bytes: int = 10 * 1024 * 1024  # then another file is begun
    kept_files: int = 5  # full ones, beside the one that is written

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


def file_of(home: Home, process: str) -> LogFile:
    config = read(LOGS, home.root)

    def say_lost(lines: int) -> bytes:
        return _Line(process).of("warning", "log lines were lost", {"lines": lines})

    return LogFile(directory(home) / f"{process}.log", config.max_file_bytes, config.kept_files, say_lost)


def configure(process: str, home: Home | None = None) -> None:
    """Send what this process reports to its file in the home, or to stderr."""
    global _configured
    _configured = True
    config = LogsConfig() if home is None else read(LOGS, home.root)
    write: Write = to_stderr if home is None else file_of(home, process).write
    level = logging.getLevelNamesMapping()[config.level.upper()]
    structlog.configure(
        processors=[_Line(process)],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_: _Written(write),
        cache_logger_on_first_use=True,
    )
    root = logging.getLogger()
    root.handlers = [_Handler(_Line(process), write)]
    root.setLevel(logging.WARNING)
    for name in LOUD:
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
        logger.setLevel(logging.WARNING)
    logging.captureWarnings(True)
    _report_what_is_not_caught()


def configure_once(process: str) -> None:
    """For a process that another program started, which may or may not have run our `main`."""
    if not _configured:
        configure(process)


def logger_of(home: Home, process: str, **fields: Any) -> Any:
    """A logger with a file of its own, whatever this process's log is: of a supervisor inside another program."""
    return structlog.wrap_logger(
        _Written(file_of(home, process).write),
        processors=[_Line(process)],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        **fields,
    )


def to_stderr(line: bytes) -> None:
    try:
        os.write(2, line + b"\n")
    except OSError:  # nobody reads it any more, or the disk under it is full
        return


def encode(record: Mapping[str, Any]) -> bytes:
    """A record as one line of JSON, whatever it holds."""
    try:
        return msgspec.json.encode(record, enc_hook=str)
    except (TypeError, ValueError, RecursionError, OverflowError):
        return json.dumps({str(name): repr(value) for name, value in record.items()}).encode()


class _Written:
    """The end of structlog's chain: takes a finished line."""

    def __init__(self, write: Write) -> None:
        self._write = write

    def msg(self, line: bytes) -> None:
        self._write(line)

    debug = info = warning = error = critical = exception = log = msg


class _Line:
    """Turns an event of structlog into a line."""

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
    """What libraries report through `logging`, as lines of the same form."""

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


def _report_what_is_not_caught() -> None:
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
