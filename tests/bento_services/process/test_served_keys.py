"""Keys of a service that runs: every change is in effect within a second, over HTTP and gRPC, without a restart."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import grpc
import httpx
import pytest
from worlds.live import eventually

from bento_services.admission.key_file import create_key, revoke_key, rotate_key, token_of
from bento_services.admission.keys import keys_path
from bento_services.process.ports import Ports
from bento_services.process.supervisor import running
from bento_services.rpc.generated import marquee_pb2 as messages
from bento_services.rpc.generated.marquee_pb2_grpc import MarqueeStub
from feature_repo.core.home import Home

SECONDS = 5.0  # a second, on a machine that does nothing else


@pytest.fixture(scope="module")
def ports(own_home: Home) -> Iterator[Ports]:
    with running(own_home, 0, 0) as ports:
        yield ports


@pytest.fixture
def statuses(ports: Ports) -> Iterator[Callable[[str], tuple[int, str]]]:
    """What a key is answered, over HTTP and over gRPC."""
    with (
        httpx.Client(base_url=ports.http_url) as http,
        grpc.insecure_channel(f"{ports.host}:{ports.grpc_port}") as channel,
    ):
        stub = MarqueeStub(channel)

        def asked(key: str) -> tuple[int, str]:
            headers = {"authorization": f"Bearer {key}"} if key else {}
            status = http.get("/api/v1/recommendations/home", headers=headers).status_code
            try:
                stub.GetHome(messages.GetHomeRequest(), metadata=tuple(headers.items()))
            except grpc.RpcError as refused:
                return status, refused.code().name
            return status, "OK"

        yield asked


def test_keys_that_are_made_rotated_broken_and_revoked_are_followed(
    own_home: Home, statuses: Callable[[str], tuple[int, str]], ports: Ports, tmp_path: Path
) -> None:
    good, unknown, closed = (200, "OK"), (401, "UNAUTHENTICATED"), (503, "UNAVAILABLE")
    assert statuses("") == good
    old = create_key(own_home, "web", ["serve"])
    create_key(own_home, "app", ["serve"], viewers="token")
    token = token_of(own_home, "app", "Zoë", timedelta(minutes=5))
    eventually(lambda: statuses("") == unknown, SECONDS)
    eventually(lambda: statuses(old) == statuses(token) == good, SECONDS)
    new = rotate_key(own_home, "web")
    eventually(lambda: statuses(old) == unknown and statuses(new) == good, SECONDS)
    content = keys_path(own_home).read_bytes()
    for broken in (b"", b"{}", None):
        keys_path(own_home).unlink() if broken is None else keys_path(own_home).write_bytes(broken)
        eventually(lambda: statuses(new) == statuses("") == closed, SECONDS)
        assert httpx.get(f"{ports.http_url}/livez").status_code == 200
        assert "keys.json" in httpx.get(f"{ports.http_url}/api/v1/status").json()["error"]["message"]
        keys_path(own_home).write_bytes(content)
        eventually(lambda: statuses(new) == good, SECONDS)
    revoke_key(own_home, "web")
    eventually(lambda: statuses(new) == unknown and statuses(token) == good, SECONDS)
