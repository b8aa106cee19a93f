"""The embedded server as a child process: found, joined, brought back, gone with its parent."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import redis
from worlds.live import ROOT, eventually

from feature_repo.core.home import Home
from feature_repo.core.logs import LogsConfig
from feature_repo.store import valkey_server
from feature_repo.store.config import StoreConfig
from feature_repo.store.connect import connect
from feature_repo.store.valkey_server import EmbeddedValkey, Patience, ValkeyError, online_store, running_url


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home.open(tmp_path)


def test_a_store_is_found_only_while_it_runs(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    assert running_url(home) is None
    with online_store(home) as url:
        assert running_url(home) == url
    assert running_url(home) is None
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1/0")
    assert running_url(home) is None


def test_what_was_written_is_there_after_a_restart_at_the_same_address(home: Home) -> None:
    with online_store(home) as first:
        connect(first).set("a", "1")
    with pytest.raises(redis.ConnectionError):
        connect(first).ping()
    with online_store(home) as second:
        assert second == first
        assert connect(second).get("a") == b"1"


def test_a_second_holder_joins_the_server_of_the_first(home: Home) -> None:
    first, second = EmbeddedValkey(home.valkey), EmbeddedValkey(home.valkey)
    url = first.start()
    try:
        assert second.start() == url
        assert first.pid
        assert second.pid is None
        second.stop()
        assert connect(url).ping()
    finally:
        first.stop()


def test_the_holder_that_stays_brings_the_server_back(home: Home) -> None:
    first, second = EmbeddedValkey(home.valkey), EmbeddedValkey(home.valkey)
    url = first.start()
    try:
        second.start()
        connect(url).set("a", "1")
        first.stop()
        eventually(lambda: second.pid)
        eventually(lambda: _answers(url))
        assert connect(url).get("a") == b"1"
    finally:
        second.stop()


def test_a_killed_server_comes_back_with_every_acknowledged_write_and_clients_follow(home: Home) -> None:
    server = EmbeddedValkey(home.valkey)
    url = server.start()
    client = connect(url)
    written = 0
    try:
        for _ in range(3):
            for _ in range(200):
                client.set(f"key-{written}", written)
                written += 1
            _kill(server, url)
            assert client.mget([f"key-{n}" for n in range(written)]) == [str(n).encode() for n in range(written)]
    finally:
        server.stop()


@pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler to make a disk slow with")
def test_a_server_killed_while_the_disk_is_slow_has_lost_nothing(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = (
        "#include <unistd.h>\nint fsync(int f) { return usleep(900000); }\nint fdatasync(int f) { return fsync(f); }\n"
    )
    (tmp_path / "slow.c").write_text(slow)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", tmp_path / "slow.so", tmp_path / "slow.c"], check=True)
    monkeypatch.setenv("LD_PRELOAD", str(tmp_path / "slow.so"))
    server = EmbeddedValkey(home.valkey)
    url = server.start()
    client, written = connect(url, 5.0), 0
    try:
        started = time.monotonic()
        while time.monotonic() - started < 2.5:
            client.set(f"key-{written}", written)
            written += 1
        _kill(server, url)
        assert client.mget([f"key-{n}" for n in range(written)]) == [str(n).encode() for n in range(written)]
    finally:
        server.stop()


def test_what_was_written_is_brought_to_the_disk_every_second(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[str] = []
    monkeypatch.setattr(os, "fdatasync", lambda fd: synced.append(os.readlink(f"/proc/self/fd/{fd}")))
    with online_store(home) as url:
        connect(url).set("a", "1")
        eventually(lambda: any(file.endswith(".incr.aof") for file in synced))


def test_without_supervision_a_killed_server_stays_away(home: Home) -> None:
    server = EmbeddedValkey(home.valkey, supervise=False)
    url = server.start()
    assert server.pid
    os.kill(server.pid, signal.SIGKILL)
    time.sleep(0.5)
    assert not _answers(url)
    server.stop()


def test_the_server_dies_with_the_process_that_started_it(home: Home) -> None:
    code = (
        "import sys, time\n"
        "from feature_repo.core.home import Home\n"
        "from feature_repo.store.valkey_server import online_store\n"
        "with online_store(Home.open(sys.argv[1])) as url:\n"
        "    print(url, flush=True)\n"
        "    time.sleep(60)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(home.root)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout
        url = parent.stdout.readline().strip()
        assert connect(url).ping()
        parent.kill()
    eventually(lambda: not _answers(url), 5)


def test_a_copied_home_has_a_server_of_its_own(home: Home, tmp_path: Path) -> None:
    with online_store(home) as original:
        connect(original).set("a", "original")
        shutil.copytree(home.valkey, tmp_path / "copy" / "valkey")
        with online_store(Home.open(tmp_path / "copy")) as copy:
            assert copy != original
            connect(copy).set("a", "copy")
            assert connect(original).get("a") == b"original"


def test_a_port_that_another_takes_between_the_look_and_the_start_is_left_to_it(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with online_store(home):
        pass
    copy = Home.open(shutil.copytree(home.root, tmp_path / "copy"))
    looks = itertools.count()
    free = valkey_server.is_free
    monkeypatch.setattr(valkey_server, "is_free", lambda port: next(looks) == 1 or free(port))
    with online_store(home) as first, online_store(copy) as second:
        assert first != second
        assert connect(second).ping()
    assert next(looks) >= 4


def test_nobody_gets_in_without_the_password_and_nobody_runs_scripts(home: Home) -> None:
    with online_store(home) as url:
        address = json.loads((home.valkey / "address.json").read_text())
        with pytest.raises(redis.AuthenticationError):
            connect(f"redis://127.0.0.1:{address['port']}/0").ping()
        with pytest.raises(redis.exceptions.NoPermissionError):
            connect(url).eval("return 1", 0)
        assert stat.S_IMODE((home.valkey / "address.json").stat().st_mode) == 0o600


@pytest.mark.parametrize("name", ["[2026]", 'the "new" one', "it's", "st*r", "\N{HIRAGANA LETTER A} b"])
def test_a_home_may_have_any_name_that_can_be_shown(tmp_path: Path, name: str) -> None:
    with online_store(Home.open(tmp_path / name)) as url:
        assert connect(url).ping()
    assert (tmp_path / name / "valkey" / "valkey.log").exists()


def test_a_server_of_your_own_is_used_instead(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://elsewhere:6379/3")
    with online_store(home) as url:
        assert url == "redis://elsewhere:6379/3"
    assert not home.valkey.exists()


def test_a_server_that_cannot_start_says_what_it_said(home: Home) -> None:
    with online_store(home) as url:
        connect(url).set("a", "1")
    for part in (home.valkey / "appendonlydir").glob("*.incr.aof"):
        part.write_bytes(b"this is no append-only file\n" * 50)
    with pytest.raises(ValkeyError, match=r"(?s)does not start in .*[Bb]ad file format"), online_store(home):
        pass


def test_a_paused_server_fails_a_command_in_time(home: Home) -> None:
    server = EmbeddedValkey(home.valkey)
    client = connect(server.start())
    assert server.pid
    os.kill(server.pid, signal.SIGSTOP)
    try:
        started = time.monotonic()
        with pytest.raises(redis.TimeoutError):
            client.get("a")
        assert time.monotonic() - started < 0.2
    finally:
        os.kill(server.pid, signal.SIGCONT)
        server.stop()


def _kill(server: EmbeddedValkey, url: str) -> None:
    """And wait until it is back."""
    assert server.pid
    os.kill(server.pid, signal.SIGKILL)
    eventually(lambda: _answers(url), 30)


def _answers(url: str) -> bool:
    try:
        return bool(connect(url).ping())
    except redis.RedisError:
        return False


def test_the_servers_own_log_is_rotated_while_it_writes(home: Home) -> None:
    log = home.valkey / "valkey.log"
    server = EmbeddedValkey(
        home.valkey, StoreConfig(sync_seconds=0.05), logs=LogsConfig(max_file_bytes=1024, kept_files=2)
    )
    client = connect(server.start(), 5.0)
    try:

        def noise() -> bool:
            with suppress(redis.ResponseError):  # one is at work
                client.bgrewriteaof()  # it writes some lines about it
            return Path(f"{log}.2").exists()

        eventually(noise, 30)
        eventually(log.exists)
        assert not Path(f"{log}.3").exists()
        assert client.ping()
    finally:
        client.close()
        server.stop()


def test_a_server_that_loads_for_long_is_waited_for_as_long_as_it_goes_on(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    with online_store(home) as url, connect(url) as client, client.pipeline(transaction=False) as pipe:
        for number in range(25_000):
            pipe.set(f"k{number}", "x" * 200)
        pipe.execute()
    monkeypatch.setattr(valkey_server, "_configuration", slowed(valkey_server._configuration))
    server = EmbeddedValkey(home.valkey, StoreConfig(start_seconds=3.0))
    started = time.monotonic()
    try:
        with connect(server.start(), 5.0) as client:
            assert client.dbsize() == 25_000
        assert time.monotonic() - started > 4.0
    finally:
        server.stop()


def slowed(configuration: Callable[[Any], str]) -> Callable[[Any], str]:
    """A fifth of a millisecond for each command that is loaded; the server answers between a thousand of them."""
    return lambda address: configuration(address) + "key-load-delay 200\n"


def test_patience_ends_after_so_long_without_progress() -> None:
    patience = Patience(0.2)
    assert not patience.ends(1)
    time.sleep(0.15)
    assert not patience.ends(2)
    time.sleep(0.15)
    assert not patience.ends(2)
    time.sleep(0.15)
    assert patience.ends(2)
