"""Never more connections than descriptors allow, and the one that is least missed goes first."""

from __future__ import annotations

import resource

import pytest

from bento_services.admission.limits import Limits
from bento_services.http.connections import Connections, State, most_connections

THREE = Limits(max_connections=3, head_seconds=5, receive_seconds=10, send_seconds=20)


class Client:
    def __init__(self) -> None:
        self.dropped = False
        self.closing = False
        self.expired: list[State] = []

    def is_closing(self) -> bool:
        return self.closing

    def drop(self) -> None:
        self.dropped = True

    def expire(self, state: State) -> None:
        self.expired.append(state)


class Clock:
    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def full(*states: State) -> tuple[Connections, list[Client]]:
    connections, clients = Connections(THREE, Clock()), [Client() for _ in states]
    for client, state in zip(clients, states, strict=True):
        assert connections.admit(client)
        connections.enter(client, state)
    return connections, clients


def test_one_more_pushes_out_what_is_least_missed() -> None:
    order = (State.CLOSING, State.HEAD, State.BODY, State.STALLED, State.IDLE)
    for better in range(1, len(order)):
        connections, clients = full(State.BUSY, order[better], order[better - 1])
        assert connections.admit(Client())
        assert [client.dropped for client in clients] == [False, False, True]
        assert len(connections) == 3


def test_of_two_alike_the_one_that_is_so_for_longer_goes() -> None:
    connections, clients = full(State.HEAD, State.HEAD, State.HEAD)
    connections.enter(clients[0], State.BUSY)
    connections.enter(clients[0], State.HEAD)
    assert connections.admit(Client())
    assert [client.dropped for client in clients] == [False, True, False]


def test_where_all_are_owed_an_answer_the_new_one_is_turned_away() -> None:
    connections, clients = full(State.BUSY, State.BUSY, State.BUSY)
    assert not connections.admit(Client())
    assert not any(client.dropped for client in clients)
    connections.leave(clients[1])
    assert connections.admit(Client())


def test_what_lasts_too_long_is_ended_and_what_goes_on_is_not() -> None:
    clock = Clock()
    connections, head, busy = Connections(THREE, clock), Client(), Client()
    connections.admit(head)
    connections.admit(busy)
    connections.enter(busy, State.BUSY)
    clock.seconds = 4.9
    connections.enter(head, State.HEAD)  # one more byte of its head gives it no more time
    connections.sweep()
    assert head.expired == []
    clock.seconds = 5.0
    connections.sweep()
    assert head.expired == [State.HEAD]
    clock.seconds = 1e6
    connections.sweep()
    assert busy.expired == []


def test_a_client_that_does_not_take_its_last_bytes_is_cut_off() -> None:
    clock = Clock()
    connections, client = Connections(THREE, clock), Client()
    connections.admit(client)
    client.closing = True
    connections.sweep()
    clock.seconds = 20
    connections.sweep()
    assert client.expired == [State.CLOSING]


@pytest.mark.parametrize(("descriptors", "most"), [(1024, 512), (600, 344), (100, 1), (resource.RLIM_INFINITY, 512)])
def test_the_limit_leaves_descriptors_for_everything_else(
    monkeypatch: pytest.MonkeyPatch, descriptors: int, most: int
) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda kind: (descriptors, descriptors))
    assert most_connections(Limits()) == most
