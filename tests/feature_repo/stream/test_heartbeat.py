"""A consumer is known by what it says of itself, for as long as it says it."""

from __future__ import annotations

import os

import msgspec

from feature_repo.core.processes import started_at
from feature_repo.store.connect import Client
from feature_repo.store.layout import CONSUMERS, PROCESSOR, SINK
from feature_repo.stream.heartbeat import Beat, beat, beats, forget, is_processing, this_machine

KEY = PROCESSOR + "processor-0"


def test_what_a_consumer_says_is_read_until_it_takes_it_back(store: Client) -> None:
    beat(store, KEY, 3, {"folded": 7})
    heard = beats(store)[KEY]
    assert (heard.pid, heard.lag, heard.host, heard.started) == (
        os.getpid(),
        3,
        this_machine(),
        started_at(os.getpid()),
    )
    assert msgspec.json.decode(store.get(KEY))["folded"] == 7
    assert 0 < store.ttl(KEY) <= 10
    assert is_processing(store)
    forget(store, KEY)
    assert beats(store) == {}
    assert not is_processing(store)


def test_a_consumer_that_fell_silent_is_not_among_them(store: Client) -> None:
    store.sadd(CONSUMERS, KEY)
    assert beats(store) == {}


def test_a_writer_of_the_lake_is_no_processor(store: Client) -> None:
    beat(store, SINK + "sink-0", 0, {})
    assert not is_processing(store)


def test_the_word_of_a_processor_that_was_killed_stands_for_a_while_and_tells_that_it_is_gone(store: Client) -> None:
    gone = Beat(os.getpid(), 1, this_machine(), started_at(os.getpid()) + 1)
    store.sadd(CONSUMERS, KEY)
    store.set(KEY, msgspec.json.encode(gone))
    assert is_processing(store)  # its supervisor starts it again
    assert beats(store)[KEY].is_gone
    elsewhere = msgspec.structs.replace(gone, host="another machine")
    assert not elsewhere.is_gone  # that one cannot be looked at from here
