"""HTTP/1.1 within limits, over real sockets: heads, bodies, silence, and what is no HTTP at all."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest
from worlds.raw_http import GET, Address, connected, exchanged, one_answer, problem_of, said, served

from bento_services.admission.limits import Limits

QUICK = Limits(head_seconds=0.5, send_seconds=0.5, receive_seconds=0.5, idle_seconds=1, max_connections=3)
FULL_HEAD = 16 * 1024


@pytest.fixture(scope="module")
def address() -> Iterator[Address]:
    with served() as address:
        yield address


@pytest.fixture
def quick() -> Iterator[Address]:
    with served(QUICK) as address:
        yield address


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # somebody speaks TLS
        b"no such thing\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET http:// HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"CONNECT elsewhere:443 HTTP/1.1\r\nHost: elsewhere\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX-A: \x00\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -5\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.0\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"GET / HTTP/2.0\r\nHost: localhost\r\n\r\n",
        b"GET http://elsewhere/ HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET http://user@localhost/ HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET ftp://localhost/ HTTP/1.1\r\nHost: localhost\r\n\r\n",
    ],
)
def test_what_is_no_http_gets_a_400_in_our_shape(address: Address, sent: bytes) -> None:
    problem_of(exchanged(address, sent), 400, "malformed")


def test_an_address_may_say_the_host_again(address: Address) -> None:
    sent = b"GET http://LocalHost:80/a HTTP/1.1\r\nHost: localhost:80\r\nConnection: close\r\n\r\n"
    assert exchanged(address, sent).startswith(b"HTTP/1.1 200 ")


def test_a_head_may_be_as_large_as_the_limit_and_not_a_byte_more(address: Address) -> None:
    def head(size: int) -> bytes:
        start = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nX-A: "
        counted = len(b"/Host: localhost\r\nConnection: close\r\nX-A: \r\n")
        return start + b"a" * (size - counted) + b"\r\n\r\n"

    assert exchanged(address, head(FULL_HEAD)).startswith(b"HTTP/1.1 200 ")
    problem_of(exchanged(address, head(FULL_HEAD + 1)), 431, "head_too_large")
    problem_of(exchanged(address, head(200_000)), 431, "head_too_large")


@pytest.mark.parametrize("endless", [b"GET /" + b"a" * 9000, b"GET / HTTP/1.1\r\nX-A: " + b"a" * 9000])
def test_a_head_without_end_is_cut_off_at_the_limit(address: Address, endless: bytes) -> None:
    client = connected(address, endless)
    client.sendall(b"a" * 9000)
    problem_of(said(client), 431, "head_too_large")


def test_half_a_head_gets_a_408_and_silence_is_closed_without_a_word(quick: Address) -> None:
    half = connected(quick, GET[:-2])
    silent = connected(quick)
    problem_of(said(half), 408, "too_slow")
    assert said(silent) == b""


def test_a_second_request_on_a_connection_has_the_same_limits(quick: Address) -> None:
    client = connected(quick, GET)
    assert one_answer(client)[0] == 200
    client.sendall(GET[:10])
    problem_of(said(client), 408, "too_slow")


def test_a_connection_is_kept_between_requests_and_not_for_ever(quick: Address) -> None:
    client = connected(quick, GET)
    assert one_answer(client)[0] == 200
    client.sendall(GET)
    assert one_answer(client)[0] == 200
    assert said(client) == b""


def test_pipelined_requests_are_all_answered_also_before_one_that_is_none(address: Address) -> None:
    assert exchanged(address, GET + GET + b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n").count(b"200 OK") == 3
    assert exchanged(address, GET.replace(b"/ ", b"/slow ") + b"nonsense\r\n\r\n").count(b"200 OK") == 1


def test_a_request_refused_before_its_body_came_keeps_its_answer_and_its_connection(address: Address) -> None:
    client = connected(address, b"POST /early HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\n")
    assert one_answer(client) == (200, b"")
    client.sendall(b"hello" + GET)
    assert one_answer(client)[0] == 200
    client.close()


def test_a_body_that_nobody_waits_for_any_more_does_not_hold_the_connection(quick: Address) -> None:
    client = connected(quick, b"POST /early HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nh")
    assert one_answer(client)[0] == 200
    assert said(client) == b""


def test_a_trailer_does_not_pass_for_a_header(address: Address) -> None:
    chunked = b"POST / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    answer = exchanged(address, chunked + b"1\r\na\r\n0\r\nAuthorization: Bearer mine\r\n\r\n")
    assert b"x-seen: host,connection,transfer-encoding\r\n" in answer


def test_an_offer_of_another_protocol_is_answered_in_this_one(address: Address) -> None:
    """As Java's client makes it with every first request, those with a body included."""
    offer = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAAAAIAAAAA\r\n"
    post = b"POST / HTTP/1.1\r\nHost: localhost\r\n" + offer + b"Content-Length: 5\r\n\r\nhello"
    client = connected(address, post)
    assert one_answer(client) == (200, b"hello")
    client.sendall(post[:-5])
    client.sendall(post[-5:])
    assert one_answer(client) == (200, b"hello")
    client.sendall(GET)
    assert one_answer(client)[0] == 200
    client.close()


def test_a_client_that_does_not_read_its_answer_is_cut_off(quick: Address) -> None:
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.settimeout(10)
    client.connect(quick)
    client.sendall(GET.replace(b"/ ", b"/large "))
    others = [connected(quick, GET.replace(b"/ ", b"/slow ")) for _ in range(2)]
    assert all(one_answer(other)[0] == 200 for other in others)  # a second later
    for other in others:
        other.close()
    got = said(client)
    assert len(got) < 30_000_000


def test_with_all_connections_owed_an_answer_a_new_one_gets_a_503(quick: Address) -> None:
    busy = [connected(quick, GET.replace(b"/ ", b"/slow ")) for _ in range(3)]
    refused = said(connected(quick))
    problem_of(refused, 503, "overloaded")
    assert b"retry-after: 1\r\n" in refused
    assert all(one_answer(client)[0] == 200 for client in busy)
    for client in busy:
        client.close()


def test_half_open_connections_make_room_for_a_client_that_asks(address: Address) -> None:
    with served(Limits(max_connections=3)) as crowded:
        halves = [connected(crowded, GET[:-2]) for _ in range(10)]
        asks = connected(crowded, GET)
        assert one_answer(asks)[0] == 200
        for client in (asks, *halves):
            client.close()
