"""A beat is heard once, costs nothing when nobody listens, and never waits."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from feature_repo.core.pulse import MOST_BYTES, Pulse, PulseReader


@pytest.fixture
def reader() -> Iterator[PulseReader]:
    reader = PulseReader()
    yield reader
    reader.close()


def test_a_beat_is_heard_once(reader: PulseReader) -> None:
    pulse = Pulse(reader.write_fd)
    assert not reader.heard()
    pulse.beat()
    pulse.beat()
    assert reader.heard() == {os.getpid()}
    assert not reader.heard()


def test_nobody_waits_for_a_reader_that_is_stopped(reader: PulseReader) -> None:
    pulse = Pulse(reader.write_fd)
    for _ in range(2 * MOST_BYTES):
        pulse.beat()
    while reader.heard():
        continue
    pulse.beat()
    assert reader.heard()


def test_without_a_watcher_a_beat_is_nothing() -> None:
    Pulse().beat()
    read, write = os.pipe()
    os.close(read)
    Pulse(write).beat()
    os.close(write)
