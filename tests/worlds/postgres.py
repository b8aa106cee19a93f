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

import psycopg
import pytest

ACCOUNTS = ("postgres", "nobody")
START_SECONDS = 60.0
_numbers = count()


@contextmanager
def postgres() -> Iterator[str]:
    """The URL of a server without a database's name. Skips with a reason where there is none to start."""
    folder = Path(tempfile.mkdtemp(prefix="marquee-postgres-"))
    account = _account()
    if account:
        shutil.chown(folder, account["user"], account["group"])
    try:
        _run(
            _binary("initdb"),
            "-D",
            str(folder / "data"),
            "-U",
            "marquee",
            "-A",
            "trust",
            "-N",
            "--no-locale",
            **account,
        )
        with _serving(folder / "data", account) as url:
            yield url
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


@contextmanager
def _serving(data: Path, account: dict[str, Any]) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = {"listen_addresses": "127.0.0.1", "port": port, "unix_socket_directories": "", "fsync": "off"}
    options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    url = f"postgresql://marquee@127.0.0.1:{port}"
    with (data.parent / "log").open("wb") as log:
        server = subprocess.Popen([_binary("postgres"), "-D", str(data), *options], stderr=log, cwd="/", **account)
        try:
            _wait(url, server, data.parent / "log")
            yield url
        finally:
            server.send_signal(signal.SIGINT)  # SIGTERM would wait for connections that pools keep open
            try:
                server.wait(20)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


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
