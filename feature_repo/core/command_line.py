"""How a command ends: its exit status, its one line of error, and what Ctrl-C does."""

from __future__ import annotations

import atexit
import errno
import os
import signal
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from feature_repo.core.errors import DONE, FAILED, MarqueeError
from feature_repo.core.files import one_line
from feature_repo.core.home import Home

if TYPE_CHECKING:
    from feature_repo.core.steps import Step


@dataclass(frozen=True)
class Above:
    """What verbs need from layers above their own; made by the command line that mounts all verbs."""

    page: Step  # the last step of `marquee release`
    champion_inputs: Callable[[Home], Any]  # feature_repo/listing.py: what the promoted ranker reads


INTERRUPTED = 130  # the exit status that typer gives to Ctrl-C
# What a disk, its permissions and its limits say to a process: nothing that a trace would explain better.
HINTS = {
    errno.ENOSPC: "free some space there, then run the same command",
    errno.EDQUOT: "free some space there, then run the same command",
    errno.EROFS: "make it writable, or name another home with --home",
    errno.EACCES: "run it as the owner of the home, or change the permissions",
    errno.EPERM: "run it as the owner of the home, or change the permissions",
    errno.EMFILE: "allow more open files (ulimit -n), then run the same command",
    errno.EIO: "the disk does not answer",
}


def run(app: Callable[[], Any]) -> None:
    """Run the command line `app` and leave the process with its exit status."""
    code = _flushed(status_of(app))
    if "duckdb" in sys.modules:
        # DuckDB's binding complains of leaked references on a regular exit (nanobind), which users cannot act on.
        atexit._run_exitfuncs()
        os._exit(_flushed(code))
    sys.exit(code)


def hear_every_interrupt() -> None:
    """Send a Ctrl-C again that arrived inside a finalizer (`__del__`), where Python prints and then ignores it."""
    ignored = sys.unraisablehook

    def again(unraisable: Any) -> None:
        if not issubclass(unraisable.exc_type, KeyboardInterrupt):
            ignored(unraisable)
            return
        soon = threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT))  # when the finalizer is over
        soon.daemon = True
        soon.start()

    sys.unraisablehook = again


def wait_for_interrupt() -> None:
    """Return at Ctrl-C or SIGTERM."""
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    signal.signal(signal.SIGINT, lambda *_: stop.set())
    stop.wait()


def status_of(app: Callable[[], Any]) -> int:
    """Run `app`; its exit status. What went wrong is one line on stderr, never a trace."""
    hear_every_interrupt()
    try:
        app()
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else int(stop.code is not None)
        return _interrupted() if code == INTERRUPTED else code
    except KeyboardInterrupt:
        return _interrupted()
    except MarqueeError as error:
        _say(str(error))
        return error.exit_status
    except MemoryError:
        _say("this machine has not enough memory for it; nothing was finished")
        return FAILED
    except BrokenPipeError:  # whoever read our output has seen enough
        return FAILED
    except Exception as error:
        _say(_of_the_disk(error) or _unexpected(error))
        return FAILED
    return DONE


def _say(line: str) -> None:
    print("marquee:", " ".join(line.split()), file=sys.stderr)


def _interrupted() -> int:
    command = "the same command" + (" without --again" if "--again" in sys.argv else "")
    _say(f"stopped; run {command} to go on where it was")
    return INTERRUPTED


def _of_the_disk(error: Exception) -> str:
    """What an OSError says of a file; "" for other errors."""
    if not isinstance(error, OSError) or error.errno is None or not (error.filename or error.errno in HINTS):
        return ""
    place = error.filename if error.filename is not None else "a file or the output"
    hint = HINTS.get(error.errno)
    return f"{place}: {os.strerror(error.errno)}" + (f"; {hint}" if hint else "")


def _unexpected(error: Exception) -> str:
    """The last resort, for what no command answers: one line, and where the trace is."""
    said = f"unexpected {type(error).__name__}: {one_line(error)}"
    try:
        handle, path = tempfile.mkstemp(prefix="marquee-", suffix=".trace")
        with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write("".join(traceback.format_exception(error)))
    except OSError as unwritten:
        return f"{said}; its trace could not be written to {tempfile.gettempdir()}: {one_line(unwritten)}"
    return f"{said}; this is a fault of Marquee, its trace is in {path}"


def _flushed(code: int) -> int:
    """Write out what was printed; the exit status, which is FAILED where that cannot be written."""
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except BrokenPipeError:
        _forget_output()
    except OSError as error:
        _say(f"standard output: {one_line(error)}")
        _forget_output()
        return code or FAILED
    return code


def _forget_output() -> None:
    """What stdout still holds goes nowhere, or Python would complain of it once more when it exits."""
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), sys.stdout.fileno())
