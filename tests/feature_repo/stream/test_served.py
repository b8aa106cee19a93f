"""A served page as the log keeps it: readers pass over what they do not know."""

from __future__ import annotations

import msgspec
import pytest

from feature_repo.stream.served import ServedItem, ServedPage, decode_served, encode_served

PAGE = ServedPage(
    request_id="r1", user_id="u1", timestamp_us=5, items=[ServedItem(video_id="v1", position=0, propensity=0.5)]
)


def test_a_page_comes_back_as_it_was() -> None:
    assert decode_served(encode_served(PAGE)) == PAGE


def test_fields_of_a_newer_writer_are_passed_over() -> None:
    written = {**msgspec.json.decode(encode_served(PAGE)), "candidates": [1, 2, 3]}
    assert decode_served(msgspec.json.encode(written)) == PAGE


def test_what_lacks_a_field_is_no_page() -> None:
    with pytest.raises(msgspec.ValidationError, match="request_id"):
        decode_served(b'{"user_id": "u1", "timestamp_us": 5, "items": []}')
