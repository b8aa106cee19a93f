"""Tries are counted in the store, and a note of what is being handled tells who was at it when the process ended."""

from __future__ import annotations

import pytest

from feature_repo.store.connect import Client, StoreDown, connect
from feature_repo.store.layout import HANDLING, TRIES
from feature_repo.stream.log.protocol import Record
from feature_repo.stream.tries import Tries

ONE, TWO = Record("1-0", "u", b""), Record("2-0", "u", b"")


def of(store: Client) -> Tries:
    """As another process would have it."""
    return Tries(store, "g", "a")


def test_what_was_being_handled_when_the_process_ended_was_tried_once(store: Client) -> None:
    store.set(f"{HANDLING}g:a:t", b'["1-0","2-0"]')
    tries = of(store)
    assert (tries.of("t", ONE), tries.of("t", TWO), tries.of("other", ONE)) == (1, 1, 0)
    assert not store.exists(f"{HANDLING}g:a:t")
    assert of(store).of("t", ONE) == 1  # counted once, not again by every start


@pytest.mark.parametrize("error", [None, ValueError(), KeyboardInterrupt()])
def test_a_handling_that_is_left_by_whatever_way_leaves_no_note(store: Client, error: BaseException | None) -> None:
    tries = of(store)
    try:
        with tries.handling("t", [ONE]):
            assert store.get(f"{HANDLING}g:a:t") == b'["1-0"]'
            if error is not None:
                raise error
    except (ValueError, KeyboardInterrupt):
        pass
    assert of(store).of("t", ONE) == 0


def test_failures_count_over_restarts_and_are_forgotten_when_the_record_is_done(store: Client) -> None:
    assert [of(store).failed("t", ONE) for _ in range(3)] == [1, 2, 3]
    tries = of(store)
    tries.forget("t", ["1-0", "2-0"])
    assert tries.of("t", ONE) == of(store).of("t", ONE) == 0
    assert not store.exists(f"{TRIES}g:t")


def test_another_group_and_another_consumer_have_notes_of_their_own(store: Client) -> None:
    store.set(f"{HANDLING}g:a:t", b'["1-0"]')
    assert Tries(store, "other", "a").of("t", ONE) == Tries(store, "g", "b").of("t", ONE) == 0


def test_a_store_that_is_away_says_so() -> None:
    with pytest.raises(StoreDown):
        of(connect("redis://127.0.0.1:1")).of("t", ONE)
