"""Mapping files: what they may say, and how a mistake is told."""

from collections.abc import Callable
from pathlib import Path

import pytest

from feature_repo.core.files import FileError
from feature_repo.ingest.table.mapping import read_mapping


def test_a_text_is_a_column_and_one_file_a_list_of_one(own: Callable[..., Path]) -> None:
    mapping = read_mapping(own())
    (films,), (views,) = mapping.sources["videos"], mapping.sources["events"]
    assert films.fields["title"].column == "name"
    assert views.fields["timestamp_us"].unit == "s"
    assert mapping.name == "own"
    assert [file.name for file in mapping.files()] == ["films.csv", "views.csv"]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('video_id = "id"', "", r"videos\.fields: expected video_id, title, duration_seconds; missing video_id"),
        ('event = { constant = "watch" }', "", r"missing event \(or a table \[events\.rating\]\)"),
        ('title = "name"', 'titel = "name"', r"videos\.fields\.titel: expected one of video_id, title"),
        ('title = "name"', "title = { colum = 'name' }", r"videos\.fields\.title\.colum: expected one of column"),
        ('title = "name"', "title = { column = 'name', constant = 'x' }", "expected one of column, columns, constant"),
        ('unit = "minutes"', 'unit = "min"', r"duration_seconds\.unit: expected one of seconds, minutes"),
        ('files = "films.csv"', 'files = "films.csv"\nencoding = "utf8mb4"', "encoding: expected one as utf-8"),
        ('files = "films.csv"', 'files = "films.csv"\nheadr = 1', r"videos\.headr: expected one of files"),
        ('unit = "s"', 'unit = "s", timezone = "Berlin"', "timezone: expected a name as Europe/Berlin"),
        ("[[videos]]", "[[films]]", "films: expected one of name, timezone, clock, videos"),
        ('watch_seconds = "seconds"', "[events.rating]\ncolumn = 'x'", "expected event or rating, found both"),
    ],
)
def test_a_mistake_is_told_with_its_key(own: Callable[..., Path], old: str, new: str, said: str) -> None:
    with pytest.raises(FileError, match=said):
        read_mapping(own(old, new))


def test_a_pattern_finds_its_files_in_order_and_one_without_files_is_told(own: Callable[..., Path]) -> None:
    path = own('"views.csv"', '"views*.csv"', views2__csv="who,film,at,seconds\n")
    assert [file.name for file in read_mapping(path).files()] == ["films.csv", "views.csv", "views2.csv"]
    gone = read_mapping(own('"views.csv"', '"seen/*.csv"'))
    with pytest.raises(FileError, match=r"expected files: seen/\*\.csv, found none"):
        gone.files()
