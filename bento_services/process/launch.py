"""Two ways to start a child of the supervisor: as a new process, or forked by the fork server."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Protocol

import msgspec

from bento_services.process.forkserver import ADOPTED_SECONDS, MAX_MESSAGE, Order, adopting_orphans
from feature_repo.core.processes import tied_to_parent

START_SECONDS, ANSWER_SECONDS = 60.0, 5.0  # of the fork server, which has to import before its first answer


class Running(Protocol):
    """A child process. `wait` gives its exit status, or minus the signal that killed it, as subprocess does."""

    @property
    def pid(self) -> int: ...

    def wait(self) -> int: ...

    def terminate(self) -> None: ...

    def send_signal(self, number: int) -> None: ...

    def kill(self) -> None: ...


# Starts a child whose stdout and stderr are a descriptor. Raises OSError.
Launch = Callable[[int], Running]


NOTHING: Mapping[str, int] = {}


def spawned(command: Sequence[str], environment: Mapping[str, str], inherited: Mapping[str, int] = NOTHING) -> Launch:
    """Run a command, which ends with this process. `inherited`: descriptors that it gets, by the options that tell it
    their numbers."""
    options = [word for option, number in inherited.items() for word in (option, str(number))]

    def launch(output: int) -> Running:
        return subprocess.Popen(
            tied_to_parent([*command, *options]),
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            pass_fds=tuple(inherited.values()),
            start_new_session=True,  # Ctrl-C reaches the supervisor, which stops the others in order
        )

    return launch


class ForkServer:
    """The supervisor's side of forkserver.py. `launch` starts it, or starts it again; `forked` has it fork a child."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self._asking = threading.Lock()
        self._orders: socket.socket | None = None
        self._server: Running | None = None

    def launch(self, output: int) -> Running:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            module = "bento_services.process.forkserver"
            server = spawned([sys.executable, "-m", module], self._environment, {"--fd": theirs.fileno()})(output)
        ours.settimeout(START_SECONDS)
        before, self._orders, self._server = self._orders, ours, server
        if before is not None:
            before.close()
        return server

    def forked(
        self, name: str, module: str, arguments: Sequence[str], inherited: Mapping[str, int] = NOTHING
    ) -> Launch:
        """Run the `main` of a module in a forked process. `inherited`: as for `spawned`."""

        def launch(output: int) -> Running:
            order = Order(name, module, [*arguments], os.getpid(), [*inherited])
            with open(os.devnull, "rb") as nothing, self._asking, adopting_orphans():
                return Forked(self._ask(order, [nothing.fileno(), output, output, *inherited.values()]))

        return launch

    def close(self) -> None:
        if self._orders is not None:
            self._orders.close()

    def _ask(self, order: Order, descriptors: Sequence[int]) -> int:
        """The id of the process that was forked. Raises OSError when the fork server is away or cannot fork; one that
        says nothing is killed, hence started again."""
        orders = self._orders
        if orders is None:
            raise ConnectionError("the fork server has not started yet")
        try:
            socket.send_fds(orders, [msgspec.json.encode(order)], [*descriptors])
            answer = orders.recv(MAX_MESSAGE).decode()
        except TimeoutError:
            if self._server is not None:
                self._server.kill()
            raise
        orders.settimeout(ANSWER_SECONDS)
        if not answer:
            raise ConnectionError("the fork server is away")
        if not answer.isdigit():
            raise OSError(f"the fork server cannot fork: {answer}")
        return int(answer)


class Forked:
    """A process that was forked by another one, and becomes our child when the one in between has ended."""

    def __init__(self, pid: int) -> None:
        """Raises OSError when it does not become our child."""
        self.pid = pid
        self._ended = False
        self._signalling = threading.Lock()  # its id is given to no other process before it was waited for
        deadline = time.monotonic() + ADOPTED_SECONDS
        while not self._is_ours():
            if time.monotonic() > deadline:
                raise ChildProcessError(f"process {pid} was forked, but did not become a child of this one")
            time.sleep(0.001)

    def _is_ours(self) -> bool:
        try:
            os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG)
        except ChildProcessError:
            return False
        return True

    def wait(self) -> int:
        os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)
        with self._signalling:
            _, status = os.waitpid(self.pid, 0)
            self._ended = True
        return os.waitstatus_to_exitcode(status)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def send_signal(self, number: int) -> None:
        with self._signalling, suppress(ProcessLookupError):
            if not self._ended:
                os.kill(self.pid, number)
