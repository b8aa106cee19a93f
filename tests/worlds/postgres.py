"""A real PostgreSQL on loopback for tests, where its binaries are installed.

It refuses to run as root, who therefore starts it under another account.
"""

from __future__ import annotations

import glob
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest

ACCOUNTS = ("postgres", "nobody")
START_SECONDS = 60.0
_numbers = count()


class Postgres:
    """A server in a folder of its own, always at the same address. `url` names no database."""

    def __init__(self, folder: Path) -> None:
        self._data, self._account = folder / "data", _account()
        if self._account:
            shutil.chown(folder, self._account["user"], self._account["group"])
        made = ("-D", str(self._data), "-U", "marquee", "-A", "trust", "-N", "--no-locale")
        _run(_binary("initdb"), *made, **self._account)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]
        self.url = f"postgresql://marquee@127.0.0.1:{self._port}"
        self._server: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Returns once it answers, whatever a killed one has left behind."""
        settings = {"listen_addresses": "127.0.0.1", "port": self._port, "unix_socket_directories": "", "fsync": "off"}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        command = [_binary("postgres"), "-D", str(self._data), *options]
        with (self._data.parent / "log").open("ab") as log:
            self._server = subprocess.Popen(command, stderr=log, cwd="/", **self._account)
        _wait(self.url, self._server, self._data.parent / "log")

    def kill(self) -> None:
        """With -9, each of its processes: one that was left would keep its successor from the data."""
        assert self._server is not None
        everyone = psutil.Process(self._server.pid).children(recursive=True)
        for process in (self._server, *everyone):
            with suppress(psutil.NoSuchProcess):
                process.kill()
        self._server.wait()

    def stop(self) -> None:
        if self._server is None or self._server.poll() is not None:
            return
        self._server.send_signal(signal.SIGINT)  # SIGTERM would wait for connections that pools keep open
        try:
            self._server.wait(20)
        except subprocess.TimeoutExpired:
            self._server.kill()
            self._server.wait()


@contextmanager
def postgres() -> Iterator[Postgres]:
    """A server that runs. Skips with a reason where there is none to start."""
    folder = Path(tempfile.mkdtemp(prefix="marquee-postgres-"))
    try:
        server = Postgres(folder)
        try:
            server.start()
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def new_database(server: str) -> str:
    """The URL of an empty database of its own, which sorts text as people do: the catalog must not rely on it."""
    name = f"test_{os.getpid()}_{next(_numbers)}"
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        sorting = "LOCALE_PROVIDER icu ICU_LOCALE 'en-US'"
        connection.execute(f"CREATE DATABASE {name} ENCODING 'UTF8' {sorting} TEMPLATE template0".encode())
    return f"{server}/{name}"


def _binary(name: str) -> str:
    found = shutil.which(name) or next(iter(sorted(glob.glob(f"/usr/lib/postgresql/*/bin/{name}"))), None)
    if found is None:
        pytest.skip(f"PostgreSQL's {name} is not installed")
    return found


def _account() -> dict[str, Any]:
    if os.geteuid() != 0:
        return {}
    for name in ACCOUNTS:
        with suppress(KeyError):
            entry = pwd.getpwnam(name)
            return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    pytest.skip(f"PostgreSQL refuses to run as root, and there is no account {' or '.join(ACCOUNTS)}")


def _run(*command: str, **account: Any) -> None:
    subprocess.run(command, check=True, capture_output=True, cwd="/", **account)


def _wait(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + START_SECONDS
    while True:
        try:
            psycopg.connect(f"{url}/postgres", connect_timeout=2).close()
            return
        except psycopg.OperationalError:
            if server.poll() is not None or time.monotonic() > end:
                raise AssertionError(f"PostgreSQL does not start: {log.read_text()[-2000:]}") from None
            time.sleep(0.05)
