"""What a Host header may be, and which hosts are this machine."""

from __future__ import annotations

import pytest

from bento_services.admission.hosts import host_named, is_loopback


@pytest.mark.parametrize(
    ("header", "host"),
    [
        ("localhost", "localhost"),
        ("LOCALHOST:8080", "localhost"),
        ("127.0.0.1:1", "127.0.0.1"),
        ("[::1]:8080", "::1"),
        ("[0:0::1]", "::1"),
        ("marquee.example:65535", "marquee.example"),
        ("a_b-c.example", "a_b-c.example"),
    ],
)
def test_a_host_is_a_name_or_an_address_and_perhaps_a_port(header: str, host: str) -> None:
    assert host_named(header) == host


@pytest.mark.parametrize(
    "header",
    [
        "",
        " localhost",
        "localhost ",
        "localhost:80@evil.example",
        "evil.example@localhost",
        "[::1].evil.example",
        "[::1]evil",
        "::1",
        "[::1",
        "[127.0.0.1]",
        "[::1%lo]",
        "localhost:",
        "localhost:http",
        "localhost:65536",
        "localhost:80:80",
        "localhost:80, evil.example",
        "localhost,evil.example",
        "localhost/",
        "localhost\x00",
        "localhost\n",
        "lócalhost",
        "%6cocalhost",
        ":80",
    ],
)
def test_anything_else_is_no_host(header: str) -> None:
    assert host_named(header) is None


def test_loopback_is_an_address_or_localhost() -> None:
    assert [host for host in ("127.0.0.1", "127.8.8.8", "::1", "localhost") if not is_loopback(host)] == []
    hosts = ("0.0.0.0", "10.0.0.1", "elsewhere", "127.0.0.1.elsewhere", "localhost.elsewhere", "")
    assert [host for host in hosts if is_loopback(host)] == []
