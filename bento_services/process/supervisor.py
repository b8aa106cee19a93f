"""Everything that `marquee serve` keeps running, as one context manager: online store, event processor, service.

The supervisor holds the listening socket, so requests that arrive while the service restarts wait until it is back.
Children that die are restarted; when the supervisor dies, however it dies, they end by themselves.
"""

from __future__ import annotations

import http.client
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from types import FrameType

import feature_repo.settings
from bento_services.admission.keys import Keys, check_bind
from bento_services.process import forkserver, status_socket
from bento_services.process.child import Child, OnEvent
from bento_services.process.hang_watch import HangWatch, Patient
from bento_services.process.launch import NOTHING, ForkServer, Launch, spawned
from bento_services.process.ports import Ports
from bento_services.settings import SECTIONS, SUPERVISOR, SupervisorConfig
from feature_repo.core import logs
from feature_repo.core.errors import HomeError, MarqueeError
from feature_repo.core.home import Home
from feature_repo.core.log_reader import last_error
from feature_repo.core.processes import started_at
from feature_repo.core.pulse import PulseReader
from feature_repo.core.serving_lock import serving
from feature_repo.core.settings import BENTOML_HOME, check, child_environment, read
from feature_repo.store.valkey_server import online_store
from models.release.store import require_sound

FILES_SECONDS = 1.0  # between two looks at the files in HOME/run


class ServiceError(MarqueeError):
    """The service cannot start; the message says why or quotes the end of its log."""


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

        family = _Family(home, environment, config, on_event)
        stack.callback(family.stop)
        family.start(listener.fileno())
        _wait_until_ready(family, ports, config)
        stack.enter_context(ports.written(home))
        stack.enter_context(_kept(family, ports, home))
        yield ports


class _Family:
    """The children, and how they are started."""

    def __init__(self, home: Home, environment: Mapping[str, str], config: SupervisorConfig, on_event: OnEvent) -> None:
        self.home = home
        self.log = logs.logger_of(home, "supervisor")
        self._environment = environment
        self._config = config
        self._on_event = on_event
        self._fork_server = ForkServer(environment)
        self._children: list[Child] = []
        self._pulses = {"processor": PulseReader(), "service": PulseReader()}

    def start(self, socket_fd: int) -> None:
        self.log.info("serving", home=str(self.home.root))
        if forkserver.is_possible():
            self._start("forkserver", self._fork_server.launch)
        at_home = ("--home", str(self.home.root), "--log-to-home", "--die-with-parent")
        beating = {name: {"--pulse-fd": pulse.write_fd} for name, pulse in self._pulses.items()}
        processor = self._launch("processor", "feature_repo.stream.worker", at_home, beating["processor"])
        self.processor = self._start("processor", processor)
        inherited = {"--fd": socket_fd, **beating["service"]}
        self.service = self._start(
            "service", self._launch("service", "bento_services.process.serve", at_home, inherited)
        )
        watched = ((self.processor, self._pulses["processor"]), (self.service, self._pulses["service"]))
        self._hangs = HangWatch([Patient(child, pulse, self._config) for child, pulse in watched])
        self._hangs.start()

    def stop(self) -> None:
        """Ask all to end, the last started first, and kill whoever is late."""
        deadline = time.monotonic() + self._config.stop_seconds
        self._hangs.close()
        for child in reversed(self._children):
            child.ask_to_stop()
        for child in reversed(self._children):
            child.wait(max(deadline - time.monotonic(), 0.1))
        self._fork_server.close()
        for pulse in self._pulses.values():
            pulse.close()
        self.log.info("stopped")

    def keep_files(self) -> None:
        for child in self._children:
            child.keep_pid_file()

    def _launch(
        self, name: str, module: str, arguments: Sequence[str], inherited: Mapping[str, int] = NOTHING
    ) -> Launch:
        if forkserver.is_possible():
            return self._fork_server.forked(name, module, arguments, inherited)
        return spawned([sys.executable, "-m", module, *arguments], self._environment, inherited)

    def _start(self, name: str, launch: Launch) -> Child:
        child = Child(name, launch, self.home.run, self.log, self._on_event, self._config)
        self._children.append(child)
        child.start()
        return child


@contextmanager
def _kept(family: _Family, ports: Ports, home: Home) -> Iterator[None]:
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


def _wait_until_ready(family: _Family, ports: Ports, config: SupervisorConfig) -> None:
    """Until pages can be given, and events be taken; pages do not wait for a processor that does not start."""
    began = time.monotonic()
    while not _is_ready(ports):
        if family.service.deaths:
            raise ServiceError(f"the service does not start: {_last_words(family)}")
        if time.monotonic() > began + config.ready_seconds:
            raise ServiceError(f"the service is not ready after {config.ready_seconds:g} s: {_last_words(family)}")
        time.sleep(0.02)
    ready = time.monotonic()
    while not _takes_events(family.home) and time.monotonic() < ready + config.processor_seconds:
        time.sleep(0.02)


def _last_words(family: _Family) -> str:
    """Why the service ended: the last error in its log, else its stderr."""
    words = last_error(family.home, "service") or family.service.last_words()
    return f"{words or 'it reported no error'}; `marquee logs --process service` says more"


def _takes_events(home: Home) -> bool:
    status = status_socket.ask(home)
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
