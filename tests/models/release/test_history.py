"""What became of releases: lines that are only added, and a torn one costs nothing but itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from feature_repo.core.home import Home
from models.release.history import (
    FORCED,
    HISTORY,
    PROMOTED,
    REFUSED,
    ROLLED_BACK,
    Entry,
    last_served,
    read_history,
    record,
)


def entry(release_id: str, outcome: str = PROMOTED) -> Entry:
    return Entry(
        "2026-01-01T00:00:00+00:00", release_id, outcome, "marquee promote", why=("a gate",), figures={"auc": 0.5}
    )


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def test_a_home_without_releases_has_no_history(home: Home) -> None:
    assert read_history(home) == []
    assert last_served(home, 3) == []


def test_entries_are_read_as_they_were_recorded_oldest_first(home: Home) -> None:
    said = [entry("r-1"), entry("r-2", REFUSED)]
    for one in said:
        record(home, one)
    assert read_history(home) == said


def test_a_torn_line_is_passed_over_and_what_follows_it_is_whole(home: Home) -> None:
    record(home, entry("r-1"))
    with (home.releases / HISTORY).open("ab") as file:
        file.write(b'{"at": "2026')
    record(home, entry("r-2"))
    assert [one.release_id for one in read_history(home)] == ["r-1", "r-2"]
    assert (home.releases / HISTORY).read_bytes().count(b"\n") == 3


def test_a_field_of_a_later_revision_is_passed_over(home: Home) -> None:
    record(home, entry("r-1"))
    file = home.releases / HISTORY
    file.write_text(file.read_text().replace('{"at"', '{"of_later": 1, "at"'))
    assert read_history(home) == [entry("r-1")]


def test_what_served_last_is_named_once_and_what_was_refused_is_not(home: Home) -> None:
    for release_id, outcome in (("r-1", PROMOTED), ("r-2", FORCED), ("r-3", REFUSED), ("r-1", ROLLED_BACK)):
        record(home, entry(release_id, outcome))
    assert last_served(home, 5) == ["r-1", "r-2"]
    assert last_served(home, 1) == ["r-1"]
