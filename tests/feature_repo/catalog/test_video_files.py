"""Videos of a file, and where each stands in it."""

from __future__ import annotations

import json

import pytest

from feature_repo.catalog.errors import Fault, InvalidVideos
from feature_repo.catalog.video_files import placed, read_videos

A, B = {"video_id": "a"}, {"video_id": "b"}


@pytest.mark.parametrize(
    ("content", "places"),
    [
        ('{"video_id": "a"}', ["f, line 1"]),
        ('\ufeff{"video_id": "a"}\n\n{"video_id": "b"}\n', ["f, line 1", "f, line 3"]),
        ('{\n "video_id":\n "a"\n}\n', ["f"]),
        (' [{"video_id": "a"},\n {"video_id": "b"}]', ["f, video 1", "f, video 2"]),
        ("", []),
    ],
)
def test_an_object_a_list_and_lines_are_read(content: str, places: list[str]) -> None:
    read = read_videos(content.encode(), "f")
    assert read.places == places
    assert read.videos == [A, B][: len(places)]


def test_what_was_read_of_the_catalog_may_be_put_again() -> None:
    whole = {**A, "version": 3, "changed_us": 5, "taken_down_us": 7}
    assert read_videos(json.dumps(whole).encode(), "f").videos == [A]


@pytest.mark.parametrize(
    ("content", "where"),
    [
        (b'{"video_id": "a"}\n{"video_id": }\n', "f, line 2: expected JSON"),
        (b'{"video_id": "a"}\nmore\n', "f, line 2: expected JSON"),
        (b'[{"video_id": "a"},]', "f: expected JSON"),
        (b'{"video_id": "a", "video_id": "b"}', "f, line 1: expected JSON, found the name 'video_id' twice"),
        (b"\xff\xfe", "f, line 1: expected JSON"),
    ],
)
def test_what_is_no_json_is_named_by_its_line(content: bytes, where: str) -> None:
    with pytest.raises(InvalidVideos, match=f"^{where}.*; nothing was changed$"):
        read_videos(content, "f")


def test_a_fault_is_named_by_the_place_of_its_video() -> None:
    error = placed(InvalidVideos([Fault("title", "text", None, 1, "b")], 2), ["f, line 1", "f, line 3"])
    assert str(error) == "f, line 3: title: expected text, found None; nothing was changed"
