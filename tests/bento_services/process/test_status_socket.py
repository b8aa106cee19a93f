"""The state of a running service is read from its home, without a key."""

from __future__ import annotations

import shutil
from pathlib import Path

from worlds.live import eventually

from bento_services.process.status_socket import NAME, StatusSocket, ask
from feature_repo.core.home import Home


def test_who_may_read_the_home_is_told_and_nobody_when_the_service_is_gone(tmp_path: Path) -> None:
    home = Home(tmp_path / ("deep" * 40))  # longer than the address of a socket may be
    assert ask(home) is None
    socket = StatusSocket(home, lambda: {"ready": True})
    assert ask(home) == {"ready": True}
    assert (home.run / NAME).stat().st_mode & 0o777 == 0o600
    shutil.rmtree(home.run)
    assert eventually(lambda: ask(home)) == {"ready": True}  # it is made again
    socket.close()
    assert ask(home) is None
    assert not (home.run / NAME).exists()


def test_the_socket_of_a_service_that_was_killed_is_replaced(tmp_path: Path) -> None:
    home = Home(tmp_path)
    first = StatusSocket(home, lambda: {"n": 1})
    second = StatusSocket(home, lambda: {"n": 2})
    assert ask(home) == {"n": 2}
    second.close()
    first.close()
