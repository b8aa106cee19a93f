"""A running service follows its keys, closes where it cannot, and opens by no accident."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from worlds.live import eventually

from bento_services.admission import key_ring
from bento_services.admission.key_file import create_key, revoke_all, revoke_key, rotate_key
from bento_services.admission.key_ring import KeyRing, last_used
from bento_services.admission.keys import keys_path, used_path
from bento_services.admission.problem import Problem
from feature_repo.core.home import Home


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


@pytest.fixture
def ring(home: Home) -> Iterator[KeyRing]:
    ring = KeyRing(home)
    yield ring
    ring.close()


def knows(ring: KeyRing, key: str) -> bool:
    try:
        return bool(ring.current.caller(key))
    except Problem:
        return False


def test_a_key_that_was_made_rotated_or_revoked_is_followed(ring: KeyRing, home: Home) -> None:
    assert ring.current.keyless
    old = create_key(home, "web", ["serve"])
    ring.look()
    assert knows(ring, old)
    new = rotate_key(home, "web")
    ring.look()
    assert [knows(ring, key) for key in (old, new)] == [False, True]
    revoke_key(home, "web")
    ring.look()
    assert not knows(ring, new)
    assert not ring.current.keyless


def test_a_broken_or_absent_file_closes_until_it_is_mended(ring: KeyRing, home: Home) -> None:
    key = create_key(home, "web", ["serve"])
    content = keys_path(home).read_bytes()
    for breaks in (
        lambda: keys_path(home).write_text("{}"),
        lambda: keys_path(home).unlink(),
        lambda: revoke_all(home),
    ):
        breaks()
        ring.look()
        assert ring.current.closed
        assert not knows(ring, key)
        keys_path(home).write_bytes(content)
        ring.look()
        assert not ring.current.closed
        assert knows(ring, key)


def test_a_service_that_starts_again_without_its_file_is_closed(home: Home) -> None:
    create_key(home, "web", ["serve"])
    keys_path(home).unlink()
    assert KeyRing(home).current.closed
    revoke_all(home)
    assert KeyRing(home).current.keyless


def test_the_thread_takes_up_a_change_and_what_it_cannot_do_closes(
    home: Home, ring: KeyRing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_ring, "LOOK_SECONDS", 0.01)
    ring.follow()
    key = create_key(home, "web", ["serve"])
    eventually(lambda: knows(ring, key))
    fails = [True]
    look = ring.look

    def once() -> None:
        if fails:
            raise MemoryError(fails.pop())
        look()

    monkeypatch.setattr(ring, "look", once)
    eventually(lambda: not fails)
    eventually(lambda: knows(ring, key))  # it goes on


def test_when_a_key_was_last_used_is_noted_soon_and_then_seldom(
    ring: KeyRing, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    create_key(home, "web", ["serve"])
    ring.look()
    (key,) = ring.current.keys
    assert last_used(home) == {}
    ring.used(key.key_id)
    ring.note()
    noted = used_path(home).read_bytes()
    assert abs(last_used(home)[key.key_id].timestamp() - time.time()) < 60
    ring.used(key.key_id)
    ring.note()
    assert used_path(home).read_bytes() == noted
    monkeypatch.setattr(key_ring, "NOTE_SECONDS", 0.0)
    used_path(home).write_text("{")
    ring.used(key.key_id)
    ring.note()
    assert list(json.loads(used_path(home).read_bytes())) == [key.key_id]


def test_a_disk_that_is_full_costs_no_more_than_the_note(
    ring: KeyRing, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, content: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(key_ring, "write_atomic", full)
    ring.used("abc")
    ring.note()
    assert ring._noted == {}


def _pipe(path: Path) -> None:
    os.mkfifo(path)


def _endless(path: Path) -> None:
    path.symlink_to("/dev/zero")


def _loop(path: Path) -> None:
    path.symlink_to(path)


def _huge(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(10 << 30)


@pytest.mark.parametrize("put", [_pipe, _endless, _loop, _huge, Path.mkdir])
def test_what_is_put_in_the_place_of_the_file_closes_and_holds_nobody_up(
    ring: KeyRing, home: Home, put: Callable[[Path], None]
) -> None:
    key = create_key(home, "web", ["serve"])
    ring.look()
    content = keys_path(home).read_bytes()
    keys_path(home).unlink()
    put(keys_path(home))
    looking = threading.Thread(target=ring.look, daemon=True)
    looking.start()
    looking.join(5)
    assert not looking.is_alive()
    assert ring.current.closed
    assert not knows(ring, key)
    keys_path(home).rmdir() if keys_path(home).is_dir() else keys_path(home).unlink()
    keys_path(home).write_bytes(content)
    ring.look()
    assert knows(ring, key)


def test_a_note_of_the_last_use_that_is_a_pipe_holds_nobody_up(home: Home) -> None:
    used_path(home).parent.mkdir(parents=True, exist_ok=True)
    os.mkfifo(used_path(home))
    reading = threading.Thread(target=last_used, args=(home,), daemon=True)
    reading.start()
    reading.join(5)
    assert not reading.is_alive()
