"""Tombstones: what they let count, and that they outlive the store."""

from __future__ import annotations

from pathlib import Path

import pytest

from feature_repo.core.files import FileError
from feature_repo.core.home import Home
from feature_repo.core.pseudonym import pseudonym
from feature_repo.store.connect import Client
from feature_repo.store.erased import (
    GRACE_SECONDS,
    NEVER,
    buried,
    bury,
    changes_so_far,
    counts,
    people,
    restore,
    tombstones,
)

AT = 1_760_000_000_000_000
GRACE = int(GRACE_SECONDS * 1e6)


@pytest.mark.parametrize(
    ("timestamp_us", "appended_us", "until", "offset_seconds", "expected"),
    [
        (AT - 1, AT + 2 * GRACE, AT, 0.0, False),  # an old event, sent late
        (AT + 2 * GRACE, AT - 1, AT, 0.0, False),  # in the log already, by a clock that is ahead
        (AT + GRACE, AT + GRACE, AT, 0.0, False),  # on its way
        (AT + GRACE + 1, AT + GRACE + 1, AT, 0.0, True),
        (AT + GRACE + 1, 0, AT, 0.0, True),  # nobody knows when it was appended
        (AT - 100_000_000 + GRACE + 1, AT + GRACE + 1, AT, -100.0, True),  # the world's clock stands 100 s back
        (AT - 100_000_000 + GRACE, AT + GRACE + 1, AT, -100.0, False),
        (2**61, 2**61, NEVER, 0.0, False),
    ],
)
def test_what_happened_after_a_tombstone_counts(
    timestamp_us: int, appended_us: int, until: int, offset_seconds: float, expected: bool
) -> None:
    assert counts(timestamp_us, appended_us, until, offset_seconds) is expected


def test_a_tombstone_is_in_the_store_and_comes_back_after_the_store_lost_it(store: Client, tmp_path: Path) -> None:
    home = Home(tmp_path)
    bury(home, store, "u1", 5)
    bury(home, store, "u2", NEVER)
    expected = {pseudonym("u1"): 5, pseudonym("u2"): NEVER}
    assert tombstones(store) == buried(home) == expected
    before = changes_so_far(store)
    restore(home, store)
    assert changes_so_far(store) == before  # nothing was lacking
    store.flushdb()
    restore(home, store)
    assert tombstones(store) == expected
    assert changes_so_far(store) > 0
    assert (people(home).stat().st_mode & 0o777) == 0o700


def test_damaged_tombstones_are_an_error_and_bring_nobody_back(store: Client, tmp_path: Path) -> None:
    home = Home(tmp_path)
    bury(home, store, "u1", 5)
    (people(home) / "tombstones.json").write_text("{")
    with pytest.raises(FileError, match="tombstones"):
        buried(home)
