"""Everything that `marquee serve` keeps running, as one context manager: online store, event processor, service.

The supervisor holds the listening socket, so requests that arrive while the service restarts wait until it is back.
Children that die are restarted; when the supervisor dies, however it dies, they end by themselves.
"""

from __future__ import annotations

import fcntl
import http.client
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from types import FrameType

import feature_repo.settings
from bento_services.admission.keys import Keys, check_bind
from bento_services.process.child import Child, OnEvent
from bento_services.process.ports import Ports
from bento_services.settings import SECTIONS, SUPERVISOR
from feature_repo.core.errors import HomeError, MarqueeError
from feature_repo.core.home import Home
from feature_repo.core.processes import started_at
from feature_repo.core.settings import BENTOML_HOME, check, child_environment, read
from feature_repo.store.valkey_server import online_store
from models.release.store import require_sound


class ServiceError(MarqueeError):
    """The service does not start; the message says why or quotes the end of its log."""


@contextmanager
def running(
    home: Home,
    http_port: int = 8080,
    grpc_port: int = 8081,
    host: str = "127.0.0.1",
    insecure: bool = False,
    on_event: OnEvent = lambda line: None,
) -> Iterator[Ports]:
    """Serve this home for as long as the block lasts; ready to answer when it begins, nothing left when it ends.

    A port of 0 is chosen by the system. `on_event` is called, from another thread, when a child has died and is
    restarted. In the main thread, SIGTERM ends the block like Ctrl-C does.
    """
    home.world()
    check((*feature_repo.settings.SECTIONS, *SECTIONS), home.root)
    config = read(SUPERVISOR, home.root)
    if not (home.releases / "champion").exists():
        raise HomeError(f"no release is promoted in {home.root}: run `marquee train` and `marquee promote` first")
    require_sound(home)
    check_bind(host, Keys.of(home), insecure=insecure)
    with ExitStack() as stack:
        stack.enter_context(_sigterm_as_exit())
        stack.enter_context(_only_one(home))
        listener = stack.enter_context(_listener(host, http_port))
        ports = Ports(
            {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host),
            listener.getsockname()[1],
            _free_grpc_port(host, grpc_port),
            os.getpid(),
            started_at(os.getpid()),
        )
        environment = child_environment(
            MARQUEE_HOME=str(home.root),
            REDIS_URL=stack.enter_context(online_store(home)),
            MARQUEE_HOST=host,
            MARQUEE_GRPC_PORT=str(ports.grpc_port),
            MARQUEE_INSECURE="1" if insecure else "",
            MARQUEE_SERVICE_NEEDS_PROCESSOR="true",
            BENTOML_HOME=BENTOML_HOME.get() or str(home.root / "bentoml"),
            BENTOML_DO_NOT_TRACK="True",
            OMP_NUM_THREADS="1",  # a request is work for one core; more threads only compete
        )

        def child(name: str, module: str, *arguments: str, pass_fds: Sequence[int] = ()) -> Child:
            command = [sys.executable, "-m", module, *arguments, "--die-with-parent"]
            return Child(name, command, environment, home.run, on_event, pass_fds, config)

        socket_fd = listener.fileno()
        processor = child("processor", "feature_repo.stream.worker", "--home", str(home.root))
        service = child("service", "bento_services.process.serve", "--fd", str(socket_fd), pass_fds=[socket_fd])
        stack.callback(_stop, (service, processor), config.stop_seconds)
        processor.start()
        service.start()
        _wait_until_ready(service, ports, config.ready_seconds)
        stack.enter_context(ports.written(home))
        yield ports


def _stop(children: Sequence[Child], seconds: float) -> None:
    for child in children:
        child.ask_to_stop()
    deadline = time.monotonic() + seconds
    for child in children:
        child.wait(max(deadline - time.monotonic(), 0.1))


def _wait_until_ready(service: Child, ports: Ports, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not _is_ready(ports):
        if service.deaths:
            raise ServiceError(f"the service does not start: {service.last_error()}")
        if time.monotonic() > deadline:
            raise ServiceError(f"the service is not ready after {seconds:g} s: {service.last_error()}")
        time.sleep(0.05)


def _is_ready(ports: Ports) -> bool:
    # The listener exists before the service does, so connections wait; a short timeout lets us check on the child.
    connection = http.client.HTTPConnection(ports.host, ports.http_port, timeout=0.5)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


@contextmanager
def _listener(host: str, port: int) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except OSError as error:
            raise ServiceError(f"cannot listen on {host}:{port} ({error.strerror}); --http-port 0 takes any") from error
        listener.listen(1024)
        yield listener


def _free_grpc_port(host: str, port: int) -> int:
    """Checked here, where a good message is possible; the service binds it."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise ServiceError(f"cannot listen on {host}:{port} ({error.strerror}); --grpc-port 0 takes any") from error
        return int(probe.getsockname()[1])


@contextmanager
def _only_one(home: Home) -> Iterator[None]:
    """Two event processors under one name, or two owners of the ports file, would undo each other's work."""
    home.run.mkdir(parents=True, exist_ok=True)
    with open(home.run / "lock", "a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ServiceError(f"{home.root} is being served already (`marquee status` shows where)") from error
        yield


@contextmanager
def _sigterm_as_exit() -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def leave(number: int, frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        with suppress(ValueError):
            signal.signal(signal.SIGTERM, before)
