"""A child process that is restarted when it dies, whatever else fails: its pid file, its log, its start.

A first death is answered at once. One that dies again and again soon after its start is started less and less often;
one that somebody kills is not slow to come back, however often.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bento_services.process.launch import Launch, Running
from bento_services.process.output import Output
from bento_services.settings import SupervisorConfig
from feature_repo.core.files import write_atomic
from feature_repo.core.home import Home

OnEvent = Callable[[str], None]

RETRY_SECONDS = 0.05  # after it could not be started
DRAIN_SECONDS = 1.0  # for the last words of a child that has ended


class Child:
    """Its pid file is `HOME/run/NAME.pid`; `log` takes what happens to it and what it writes past its own log."""

    def __init__(
        self,
        name: str,
        launch: Launch,
        run: Path,
        log: Any,
        on_event: OnEvent = lambda line: None,
        config: SupervisorConfig = SupervisorConfig(),
    ) -> None:
        self.name = name
        self.deaths = 0
        self._launch = launch
        self._pid_path = run / f"{name}.pid"
        self._log = log
        self._on_event = on_event
        self._config = config
        self._stopping = threading.Event()
        self._changing = threading.Lock()
        self._process: Running | None = None
        self._last_words = ""
        self._complaint = ""
        self._hung = ""  # why it was killed
        self._thread = threading.Thread(target=self._keep_running, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def ask_to_stop(self, number: int = signal.SIGTERM) -> None:
        self._stopping.set()
        with self._changing:
            if self._process is not None:
                self._process.send_signal(number)

    def wait(self, seconds: float) -> None:
        """Wait for its end; kill it after `seconds`."""
        if self._thread.ident is None:
            return
        self._thread.join(seconds)
        if self._thread.is_alive():
            with self._changing:
                if self._process is not None:
                    self._process.kill()
            self._thread.join()
        self._try("remove its pid file", lambda: self._pid_path.unlink(missing_ok=True))

    @property
    def pid(self) -> int:
        """0 while it does not run, or shall not."""
        with self._changing:
            return self._process.pid if self._process is not None and not self._stopping.is_set() else 0

    def kill_hung(self, pid: int, why: str) -> None:
        """End it, if it is still this process: it does nothing any more, and nothing else would end it."""
        with self._changing:
            if self._process is not None and self._process.pid == pid:
                self._hung = why
                self._process.kill()

    def last_words(self) -> str:
        """What it wrote to its stderr before it died, or why it could not be started."""
        return self._last_words or self._complaint

    def keep_pid_file(self) -> None:
        """Write the pid file again if it is gone, or could not be written."""
        if pid := self.pid:
            self._try("write its pid file", lambda: _write_pid(self._pid_path, pid))

    def _keep_running(self) -> None:
        pause_seconds = self._config.first_pause_seconds
        while not self._stopping.is_set():
            began = time.monotonic()
            code = self._run_once()
            if self._stopping.is_set():
                return
            if code is None:
                self._stopping.wait(RETRY_SECONDS)
                continue
            self.deaths += 1
            if time.monotonic() - began > self._config.healthy_seconds:
                pause_seconds = self._config.first_pause_seconds
            elif code == -signal.SIGKILL:
                pause_seconds = min(pause_seconds, self._config.killed_pause_seconds)
            self._tell_death(code, pause_seconds)
            self._stopping.wait(pause_seconds)
            pause_seconds = min(2 * pause_seconds, self._config.longest_pause_seconds)

    def _run_once(self) -> int | None:
        """Start it and wait for its end. None: it could not be started; nothing is raised."""
        try:
            output = Output(lambda text: self._log.error("output", child=self.name, text=text))
        except OSError as error:
            self._complain("start", error)
            return None
        try:
            with self._changing:
                if self._stopping.is_set():
                    return None
                process = self._process = self._launch(output.write)
        except Exception as error:
            self._complain("start", error)
            return None
        finally:
            output.given()
        self._complaint = ""
        self._log.info("child started", child=self.name, child_pid=process.pid)
        self.keep_pid_file()
        try:
            code = process.wait()
        except OSError as error:  # somebody else waited for it
            self._complain("wait for its end", error)
            return None
        with self._changing:
            self._process = None
        output.wait(DRAIN_SECONDS if code not in (0, -signal.SIGKILL) else 0.0)
        self._last_words = output.end
        return code

    def _tell_death(self, code: int, pause_seconds: float) -> None:
        cause, self._hung = (self._hung and f"killed: {self._hung}") or _cause(code), ""
        self._log.error("child ended", child=self.name, cause=cause, deaths=self.deaths, again_in_seconds=pause_seconds)
        line = f"{self.name} ended ({cause}); it is started again: `marquee logs --process {self.name}` says more"
        self._try("tell of its death", lambda: self._on_event(line))

    def _try(self, what: str, work: Callable[[], Any]) -> None:
        try:
            work()
        except Exception as error:  # a full disk, a directory that was removed, a listener that fails
            self._complain(what, error)

    def _complain(self, what: str, error: Exception) -> None:
        complaint = f"{self.name}: cannot {what}: {error}"
        if complaint != self._complaint:
            self._complaint = complaint
            self._log.error("supervision", child=self.name, cannot=what, error=str(error))


def pid_of(home: Home, name: str) -> int:
    """The process id of a child of the supervisor of this home; 0 where none is known."""
    try:
        return int((home.run / f"{name}.pid").read_text())
    except (OSError, ValueError):
        return 0


def _write_pid(path: Path, pid: int) -> None:
    text = f"{pid}\n"
    if not path.exists() or path.read_text() != text:
        write_atomic(path, text)


def _cause(code: int) -> str:
    return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit status {code}"
