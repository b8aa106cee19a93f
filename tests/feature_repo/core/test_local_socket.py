"""A running process is asked on a socket in its home, without a key."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path

from worlds.live import eventually

from feature_repo.core.home import Home
from feature_repo.core.local_socket import LocalSocket, ask, listening


def test_who_may_read_the_home_is_told_and_nobody_when_the_process_is_gone(tmp_path: Path) -> None:
    home = Home(tmp_path / ("deep" * 40))  # longer than the address of a socket may be
    assert ask(home, "service", "status") is None
    socket = LocalSocket(home, "service", {"status": lambda: {"ready": True}})
    assert ask(home, "service", "status") == {"ready": True}
    assert (home.run / "service.sock").stat().st_mode & 0o777 == 0o600
    shutil.rmtree(home.run)
    assert eventually(lambda: ask(home, "service", "status")) == {"ready": True}  # it is made again
    socket.close()
    assert ask(home, "service", "status") is None
    assert not (home.run / "service.sock").exists()


def test_the_socket_of_a_process_that_was_killed_is_replaced(tmp_path: Path) -> None:
    home = Home(tmp_path)
    first = LocalSocket(home, "service", {"n": lambda: 1})
    second = LocalSocket(home, "service", {"n": lambda: 2})
    assert ask(home, "service", "n") == 2
    second.close()
    first.close()


def test_a_question_without_an_answer_and_one_whose_answer_fails_get_none(tmp_path: Path) -> None:
    socket = LocalSocket(Home(tmp_path), "service", {"fails": lambda: 1 / 0, "n": lambda: 3})
    assert [ask(Home(tmp_path), "service", each) for each in ("unheard of", "fails", "n")] == [None, None, 3]
    socket.close()


def test_one_long_answer_holds_up_no_other(tmp_path: Path) -> None:
    done = threading.Event()
    socket = LocalSocket(Home(tmp_path), "supervisor", {"reload": lambda: done.wait(30), "n": lambda: 3})
    asking = threading.Thread(target=ask, args=(Home(tmp_path), "supervisor", "reload", 30.0))
    asking.start()
    assert ask(Home(tmp_path), "supervisor", "n") == 3
    done.set()
    asking.join()
    socket.close()


def test_those_who_listen_are_named(tmp_path: Path) -> None:
    sockets = [LocalSocket(Home(tmp_path), name, {}) for name in ("service-2", "processor")]
    assert listening(Home(tmp_path)) == ["processor", "service-2"]
    for socket in sockets:
        socket.close()
    assert listening(Home(tmp_path)) == []
