"""What keeps the processes of a served home running, and what it leaves behind: nothing."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from bento_services.admission.keys import AuthError
from bento_services.process.supervisor import running
from bento_services.process.workers import ServiceError
from feature_repo.core.errors import HomeError
from feature_repo.core.home import Home, World


@pytest.fixture
def promised(tmp_path: Path) -> Home:
    """A home that says it has a release, without one."""
    home = Home(tmp_path)
    home.write_world(World("empty", "simulator", "str", ("Drama",)))
    home.releases.mkdir()
    (home.releases / "champion").write_text("r-0123456789ab")
    return home


def test_a_home_without_a_release_says_what_to_run_first(tmp_path: Path) -> None:
    home = Home(tmp_path)
    with pytest.raises(HomeError, match="marquee simulate"), running(home):
        pass
    home.write_world(World("empty", "simulator", "str", ("Drama",)))
    with pytest.raises(HomeError, match="marquee promote"), running(home):
        pass


def test_a_network_address_without_keys_is_refused_unless_it_is_spelled_out(promised: Home) -> None:
    with pytest.raises(AuthError, match="--insecure"), running(promised, 0, 0, host="0.0.0.0"):
        pass


def test_a_port_that_is_taken_is_named(promised: Home) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ServiceError, match=f"{port}.*--http-port 0"), running(promised, port, 0):
            pass
        with pytest.raises(ServiceError, match=f"{port}.*--grpc-port 0"), running(promised, 0, port):
            pass
