"""Everything that `marquee serve` keeps running, as one context manager: online store, event processor, service.

The supervisor holds the listening socket, so requests that arrive while the service restarts wait until it is back.
Children that die are restarted; when the supervisor dies, however it dies, they end by themselves.
"""

from __future__ import annotations

import http.client
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from types import FrameType

import feature_repo.settings
from bento_services.admission.keys import Keys, check_bind
from bento_services.process.child import OnEvent
from bento_services.process.family import Family
from bento_services.process.ports import Ports
from bento_services.process.workers import NAME, ServiceError
from bento_services.settings import SECTIONS, SUPERVISOR, SupervisorConfig
from feature_repo.core.errors import HomeError
from feature_repo.core.home import Home
from feature_repo.core.local_socket import LocalSocket, ask
from feature_repo.core.processes import started_at
from feature_repo.core.serving_lock import serving
from feature_repo.core.settings import BENTOML_HOME, check, child_environment, read
from feature_repo.store.valkey_server import online_store
from models.release.store import require_sound

FILES_SECONDS = 1.0  # between two looks at the files in HOME/run


@contextmanager
def running(
    home: Home,
    http_port: int = 8080,
    grpc_port: int = 8081,
    host: str = "127.0.0.1",
    insecure: bool = False,
    workers: int | None = None,
    on_event: OnEvent = lambda line: None,
) -> Iterator[Ports]:
    """Serve this home for as long as the block lasts; ready to answer when it begins, nothing left when it ends.

    A port of 0 is chosen by the system. `workers`: processes that make pages, 0 for one per core; None: what the
    settings say, also when they are read again at a reload. `on_event` is called, from another thread, when a child has
    died and is restarted. In the main thread, SIGTERM ends the block like Ctrl-C does.
    """
    home.world()
    check((*feature_repo.settings.SECTIONS, *SECTIONS), home.root)
    config = read(SUPERVISOR, home.root, workers=workers)
    if not (home.releases / "champion").exists():
        raise HomeError(f"no release is promoted in {home.root}: run `marquee train` and `marquee promote` first")
    check_bind(host, Keys.of(home), insecure=insecure)
    with ExitStack() as stack:
        stack.enter_context(_sigterm_as_exit())
        stack.enter_context(_only_one(home))
        listener = stack.enter_context(_listener(host, http_port))
        ports = Ports(
            {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host),
            listener.getsockname()[1],
            stack.enter_context(_grpc_port(host, grpc_port)),
            os.getpid(),
            started_at(os.getpid()),
        )
        require_sound(home)
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

        family = Family(home, environment, config, listener.fileno(), workers, on_event)
        stack.callback(family.stop)
        family.start()
        _wait_until_ready(family, ports, config)
        family.complete()
        stack.callback(LocalSocket(home, "supervisor", family.answers).close)
        stack.enter_context(ports.written(home))
        stack.enter_context(_kept(family, ports, home))
        yield ports


@contextmanager
def _kept(family: Family, ports: Ports, home: Home) -> Iterator[None]:
    """Write the files of a running supervisor again when they are gone, or could not be written: the disk was full."""
    stopping = threading.Event()

    def keep() -> None:
        failed = ""
        while not stopping.wait(FILES_SECONDS):
            family.keep_files()
            try:
                ports.keep(home)
                failed = ""
            except OSError as error:
                if failed != str(error):
                    family.log.error("supervision", cannot="write ports.json", error=str(error))
                failed = str(error)

    thread = threading.Thread(target=keep, name="run-files", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join()


def _wait_until_ready(family: Family, ports: Ports, config: SupervisorConfig) -> None:
    """Until pages can be given, and events be taken; pages do not wait for a processor that does not start."""
    began = time.monotonic()
    while not _is_ready(ports):
        if family.service.deaths:
            raise ServiceError(f"the service does not start: {family.last_words(family.service)}")
        if time.monotonic() > began + config.ready_seconds:
            why = family.last_words(family.service)
            raise ServiceError(
                f"the service is not ready after {config.ready_seconds:g} s ([supervisor] ready_seconds): {why}"
            )
        time.sleep(0.02)
    ready = time.monotonic()
    while not _takes_events(family.home) and time.monotonic() < ready + config.processor_seconds:
        time.sleep(0.02)


def _takes_events(home: Home) -> bool:
    status = ask(home, NAME, "status")
    return status is not None and bool(status["events"]["ready"])


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


@contextmanager
def _grpc_port(host: str, port: int) -> Iterator[int]:
    """The port, which nobody else can take inside the block. Each worker listens on it itself once it is ready, because
    gRPC takes no socket that was opened for it (SO_REUSEPORT)."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    kept = socket.socket(family)
    with kept:
        try:
            with socket.socket(family) as probe:  # without SO_REUSEPORT, which would share it with another service
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind((host, port))
                port = probe.getsockname()[1]
            kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            kept.bind((host, port))  # without listening: no connection comes here
        except OSError as error:
            raise ServiceError(f"cannot listen on {host}:{port} ({error.strerror}); --grpc-port 0 takes any") from error
        yield port


@contextmanager
def _only_one(home: Home) -> Iterator[None]:
    """Two event processors under one name, or two owners of the ports file, would undo each other's work."""
    home.run.mkdir(parents=True, exist_ok=True)
    with serving(home) as alone:
        if not alone:
            raise ServiceError(f"{home.root} is being served already (`marquee status` shows where)")
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
