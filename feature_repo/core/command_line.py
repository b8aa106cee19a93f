"""How a command ends: its exit status, its one line of error, and what Ctrl-C does."""

from __future__ import annotations

import atexit
import errno
import logging
import os
import pwd
import signal
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from feature_repo.core import job_log
from feature_repo.core.errors import DONE, FAILED, MarqueeError
from feature_repo.core.files import one_line
from feature_repo.core.home import Home
from feature_repo.core.processes import set_on_signal

if TYPE_CHECKING:
    from feature_repo.core.steps import Step


@dataclass(frozen=True)
class UpperLayers:
    """What verbs need from layers above their own; marquee.py, which mounts all verbs, injects it."""

    page: Step  # the last step of `marquee release`
    champion_inputs: Callable[[Home], Any]  # feature_repo/listing.py: what the promoted ranker reads


_said = ""  # last on stderr
INTERRUPTED = 130  # the exit status that typer gives to Ctrl-C
# Errors of the file system, which no stack trace explains better, and what to do about them.
HINTS = {
    errno.ENOSPC: "free some space there, then run the same command",
    errno.EDQUOT: "free some space there, then run the same command",
    errno.EROFS: "make it writable, or name another home with --home",
    errno.EACCES: "run it as the owner of the home, or change the permissions",
    errno.EPERM: "run it as the owner of the home, or change the permissions",
    errno.EMFILE: "allow more open files (ulimit -n), then run the same command",
    errno.EIO: "the disk fails",
}


def run(app: Callable[[], Any]) -> None:
    """Run the command line `app` and exit the process with its status."""
    job_log.of_this_process()
    code = _flushed(status_of(app))
    job_log.end(code, _said)
    if "duckdb" in sys.modules:
        # DuckDB's binding complains of leaked references on a regular exit (nanobind), which users cannot act on.
        atexit._run_exitfuncs()
        os._exit(_flushed(code))
    sys.exit(code)


def redeliver_interrupts() -> None:
    """Deliver a Ctrl-C again that arrived inside a finalizer (`__del__`), where Python prints and then drops it."""
    default_hook = sys.unraisablehook

    def again(unraisable: Any) -> None:
        if not issubclass(unraisable.exc_type, KeyboardInterrupt):
            default_hook(unraisable)
            return
        timer = threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT))  # after the finalizer has returned
        timer.daemon = True
        timer.start()

    sys.unraisablehook = again


def wait_for_interrupt() -> None:
    """Return at Ctrl-C or SIGTERM."""
    stop = threading.Event()
    set_on_signal(stop, signal.SIGTERM, signal.SIGINT)
    stop.wait()


def status_of(app: Callable[[], Any]) -> int:
    """Run `app` and return its exit status. An error is one line on stderr, never a stack trace."""
    redeliver_interrupts()
    interrupted = _interrupts_heard()
    try:
        app()
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else int(stop.code is not None)
        return _interrupted() if code == INTERRUPTED else code
    except KeyboardInterrupt:
        return _interrupted()
    except MarqueeError as error:
        if interrupted.is_set():
            return _interrupted()
        _say(str(error))
        return error.exit_status
    except MemoryError:
        _say("out of memory; nothing was finished")
        return FAILED
    except BrokenPipeError:  # the reader of our output has closed the pipe
        return FAILED
    except Exception as error:
        if interrupted.is_set():  # a library caught it, pandas while it is imported for one, and failed for that
            return _interrupted()
        _say(_of_the_disk(error) or _unexpected(error))
        return FAILED
    return DONE


def _interrupts_heard() -> threading.Event:
    """Set from the first Ctrl-C on, which is raised as ever.

    Nothing is logged from then on: a library that catches the interrupt, torch while it traces a model for one, logs
    it with a stack trace as an error of its own.
    """
    heard = threading.Event()

    def raise_it(number: int, frame: Any) -> None:
        heard.set()
        logging.disable()
        signal.default_int_handler(number, frame)

    is_usual = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if is_usual and threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, raise_it)
    return heard


def _say(line: str) -> None:
    global _said
    _said = " ".join(line.split())
    print("marquee:", _said, file=sys.stderr)


def _interrupted() -> int:
    command = "the same command" + (" without --again" if "--again" in sys.argv else "")
    _say(f"stopped; run {command} to resume")
    return INTERRUPTED


def _of_the_disk(error: Exception) -> str:
    """The line for an OSError about a file or with a hint; "" for other errors."""
    if not isinstance(error, OSError) or error.errno is None or not (error.filename or error.errno in HINTS):
        return ""
    place = error.filename if error.filename is not None else "a file or the output"
    hint = HINTS.get(error.errno)
    return f"{place}: {os.strerror(error.errno)}" + (f"; {hint}" if hint else "")


def _unexpected(error: Exception) -> str:
    """The last resort, for an error that nothing handles: one line that names the file of its stack trace."""
    summary = f"unexpected {type(error).__name__}: {one_line(error)}"
    try:
        handle, path = tempfile.mkstemp(prefix="marquee-", suffix=".trace")
        with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write("".join(traceback.format_exception(error)))
    except OSError as unwritable:
        return f"{summary}; its trace could not be written to {tempfile.gettempdir()}: {one_line(unwritable)}"
    return f"{summary}; this is a bug in Marquee, its trace is in {path}"


def _flushed(code: int) -> int:
    """Flush stdout and stderr; the exit status is FAILED where that cannot be done."""
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except BrokenPipeError:
        _discard_output()
    except OSError as error:
        _say(f"standard output: {one_line(error)}")
        _discard_output()
        return code or FAILED
    return code


def _discard_output() -> None:
    """Redirect stdout to /dev/null: Python would otherwise fail again when it flushes the buffer at exit."""
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), sys.stdout.fileno())


def who() -> str:
    """Who is at the command line, for the audit."""
    try:
        return f"{pwd.getpwuid(os.getuid()).pw_name} (command line)"
    except KeyError:
        return f"user {os.getuid()} (command line)"
