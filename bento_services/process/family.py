"""The children of `marquee serve`, and how they are started, replaced and stopped."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

import feature_repo.settings
from bento_services.process import forkserver
from bento_services.process.child import Child, OnEvent
from bento_services.process.family_metrics import FamilyMetrics
from bento_services.process.hang_watch import HangWatch, Patient
from bento_services.process.launch import NOTHING, ForkServer, Launch, spawned
from bento_services.process.workers import Workers, cores
from bento_services.settings import SECTIONS, SERVICE, SUPERVISOR, SupervisorConfig
from feature_repo.core import logs
from feature_repo.core.errors import FAILED, MarqueeError
from feature_repo.core.home import Home
from feature_repo.core.local_socket import Answers
from feature_repo.core.log_reader import last_error
from feature_repo.core.metrics import QUESTION, told
from feature_repo.core.pulse import PulseReader
from feature_repo.core.settings import check, read


class Family:
    """Fork server, event processor, and the workers that make pages."""

    def __init__(
        self,
        home: Home,
        environment: Mapping[str, str],
        config: SupervisorConfig,
        socket_fd: int,
        workers: int | None,
        on_event: OnEvent,
    ) -> None:
        """`socket_fd`: from which the workers accept connections. `workers`: None leaves their number to settings."""
        self.home = home
        self.log = logs.logger_of(home, "supervisor")
        self._environment = environment
        self._config = config
        self._socket_fd = socket_fd
        self._count = workers
        self._on_event = on_event
        self._fork_server = ForkServer(environment)
        self._children: list[Child] = []
        self._pulse = PulseReader()
        self._hangs = HangWatch()
        leave_seconds = read(SERVICE, home.root).drain_seconds + config.stop_seconds
        self._workers = Workers(self._worker, self._hangs, config, leave_seconds, self.last_words)
        self._at_home = ("--home", str(home.root), "--log-to-home", "--die-with-parent")

    def start(self) -> None:
        """Start all but further workers: the first one checks the release for them."""
        self.log.info("serving", home=str(self.home.root))
        if forkserver.is_possible():
            self._start(self._child("forkserver", self._fork_server.launch))
        beating = {"--pulse-fd": self._pulse.write_fd}
        launch = self._launch("processor", "feature_repo.stream.worker", self._at_home, beating)
        processor = self._start(self._child("processor", launch))
        self._hangs.watch(Patient(processor, self._pulse, self._config))
        self._first = self._workers.add()
        self.service = self._first.child
        self._hangs.start()

    def complete(self) -> None:
        """Start the further workers; all are ready when this returns. Raises ServiceError."""
        for worker in (self._first, *[self._workers.add() for _ in range(_count(self._config) - 1)]):
            self._workers.wait_until_ready(worker)

    def reload(self) -> dict[str, Any]:
        """Replace every worker by one that has read marquee.toml anew. The answer has `error` if that was not done."""
        began = time.monotonic()
        try:
            check((*feature_repo.settings.SECTIONS, *SECTIONS), self.home.root)
            config = read(SUPERVISOR, self.home.root, workers=self._count)
            replaced = self._workers.replace(_count(config))
        except MarqueeError as error:
            self.log.error("not reloaded", error=str(error))
            return {"error": str(error), "exit_status": FAILED}
        seconds = round(time.monotonic() - began, 1)
        self.log.info("reloaded", replaced=replaced, seconds=seconds)
        return {"replaced": replaced, "seconds": seconds, **self.status()}

    def status(self) -> dict[str, Any]:
        return {"workers": self._workers.to_json()}

    @property
    def answers(self) -> Answers:
        """To what the supervisor is asked on its socket."""
        metrics = FamilyMetrics(self.home, lambda: (*self._children, *self._workers))
        return {"status": self.status, "reload": self.reload, QUESTION: lambda: told(metrics)}

    def stop(self) -> None:
        """Ask all to end, the last started first, and kill whoever is late."""
        deadline = time.monotonic() + self._config.stop_seconds
        self._hangs.close()
        self._workers.ask_to_stop()
        for child in self._workers:  # before what they need
            child.wait(max(deadline - time.monotonic(), 0.1))
        for child in reversed(self._children):
            child.ask_to_stop()
        for child in reversed(self._children):
            child.wait(max(deadline - time.monotonic(), 0.1))
        self._fork_server.close()
        self._workers.close()
        self._pulse.close()
        self.log.info("stopped")

    def keep_files(self) -> None:
        for child in (*self._children, *self._workers):
            child.keep_pid_file()

    def last_words(self, child: Child) -> str:
        """Why a worker ended: the last error in its log, else its stderr."""
        words = last_error(self.home, child.name) or child.last_words()
        return f"{words or 'it reported no error'}; `marquee logs --process {child.name}` says more"

    def _worker(self, name: str, pulse_fd: int) -> Child:
        inherited = {"--fd": self._socket_fd, "--pulse-fd": pulse_fd}
        arguments = (*self._at_home, "--name", name)
        return self._child(name, self._launch(name, "bento_services.process.serve", arguments, inherited))

    def _launch(
        self, name: str, module: str, arguments: Sequence[str], inherited: Mapping[str, int] = NOTHING
    ) -> Launch:
        if forkserver.is_possible():
            return self._fork_server.forked(name, module, arguments, inherited)
        return spawned([sys.executable, "-m", module, *arguments], self._environment, inherited)

    def _child(self, name: str, launch: Launch) -> Child:
        return Child(name, launch, self.home.run, self.log, self._on_event, self._config)

    def _start(self, child: Child) -> Child:
        self._children.append(child)
        child.start()
        return child


def _count(config: SupervisorConfig) -> int:
    return config.workers or cores()
