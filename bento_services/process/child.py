"""A child process that is restarted when it dies and ends with its supervisor. It has a log and a pid file."""

from __future__ import annotations

import re
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from bento_services.settings import SupervisorConfig
from feature_repo.core.files import write_atomic
from feature_repo.core.processes import tied

OnEvent = Callable[[str], None]


class Child:
    """A process that is restarted when it dies. Its pid file and log are in `HOME/run`."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        environment: Mapping[str, str],
        run: Path,
        on_event: OnEvent,
        pass_fds: Sequence[int] = (),
        config: SupervisorConfig = SupervisorConfig(),
    ) -> None:
        self.name = name
        self.log = run / "logs" / f"{name}.log"
        self.deaths = 0
        self._command = command
        self._environment = environment
        self._pid_path = run / f"{name}.pid"
        self._on_event = on_event
        self._pass_fds = tuple(pass_fds)
        self._config = config
        self._stopping = threading.Event()
        self._changing = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._keep_running, name=name, daemon=True)

    def start(self) -> None:
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self.log.unlink(missing_ok=True)
        self._thread.start()

    def ask_to_stop(self) -> None:
        self._stopping.set()
        with self._changing:
            if self._process is not None and self._process.poll() is None:
                self._process.terminate()

    def wait(self, seconds: float) -> None:
        """Wait for its end; kill it after `seconds`."""
        if self._thread.ident is None:
            return
        self._thread.join(seconds)
        if self._thread.is_alive() and self._process is not None:
            self._process.kill()
            self._thread.join()
        self._pid_path.unlink(missing_ok=True)

    def last_error(self) -> str:
        """The last exception of its log, or its last line, without the trace; and where the log is."""
        lines = self.log.read_text(errors="replace")[-20_000:].splitlines() if self.log.exists() else []
        said = [line.strip() for line in lines if line.strip()]
        errors = [line for line in said if re.match(r"[\w.]*(Error|Exception|Down|Refused|Unsafe)\b: ", line)]
        last = (errors or said or ["it said nothing"])[-1]
        return f"{last[:500]}; its log: {self.log}"

    def _keep_running(self) -> None:
        pause_seconds = self._config.first_pause_seconds
        while not self._stopping.is_set():
            started = time.monotonic()
            code = self._run_once()
            if self._stopping.is_set():
                return
            self.deaths += 1
            if time.monotonic() - started > self._config.healthy_seconds:
                pause_seconds = self._config.first_pause_seconds
            self._on_event(f"{self.name} ended ({_cause(code)}); it is started again. Its log: {self.log}")
            self._stopping.wait(pause_seconds)
            pause_seconds = min(2 * pause_seconds, self._config.longest_pause_seconds)

    def _run_once(self) -> int:
        with open(self.log, "ab") as log:
            with self._changing:
                if self._stopping.is_set():
                    return 0
                self._process = subprocess.Popen(
                    tied(self._command),
                    env=dict(self._environment),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    pass_fds=self._pass_fds,
                    start_new_session=True,  # Ctrl-C reaches the supervisor, which stops the others in order
                )
            write_atomic(self._pid_path, f"{self._process.pid}\n")
            return self._process.wait()


def _cause(code: int) -> str:
    return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit status {code}"
