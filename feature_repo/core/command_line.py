"""How a command ends: its exit status, its one line of error, and what Ctrl-C does."""

from __future__ import annotations

import atexit
import os
import signal
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from feature_repo.core.errors import MarqueeError
from feature_repo.core.home import Home

if TYPE_CHECKING:
    from feature_repo.core.steps import Step


@dataclass(frozen=True)
class Above:
    """What verbs need from layers above their own; made by the command line that mounts all verbs."""

    page: Step  # the last step of `marquee release`
    champion_inputs: Callable[[Home], Any]  # feature_repo/listing.py: what the promoted ranker reads


INTERRUPTED = 130  # the exit status that typer gives to Ctrl-C


def run(app: Callable[[], Any]) -> None:
    """Run the command line `app` and leave the process with its exit status."""
    code = _status_of(app)
    if "duckdb" in sys.modules:
        # DuckDB's binding complains of leaked references on a regular exit (nanobind), which users cannot act on.
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
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


def _status_of(app: Callable[[], Any]) -> int:
    hear_every_interrupt()
    try:
        app()
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else int(stop.code is not None)
        if code == INTERRUPTED:
            command = "the same command" + (" without --again" if "--again" in sys.argv else "")
            print(f"marquee: stopped; run {command} to go on where it was", file=sys.stderr)
        return code
    except MarqueeError as error:
        print(f"marquee: {error}", file=sys.stderr)
        return error.exit_status
    return 0
