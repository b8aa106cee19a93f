"""What a caller says of a request's context becomes fields of the query, or is told what is wrong with it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bento_services.admission.context import context_fields, read_context, request_id_of
from bento_services.admission.problem import Problem

NOW_US = 1_758_000_000_000_000  # 16 September 2025


@pytest.mark.parametrize(
    ("context", "fields"),
    [
        ({}, {}),
        ({"device": "tv", "mood": "blue"}, {"device": "tv"}),
        ({"country": "de"}, {"country": "DE"}),
        ({"country": ""}, {"country": ""}),
        ({"time_zone": "Asia/Kolkata"}, {"utc_offset_minutes": 330}),
        ({"time_zone": ""}, {"utc_offset_minutes": 0}),
        ({"utc_offset_minutes": -60, "time_zone": "Asia/Kolkata"}, {"utc_offset_minutes": -60}),
        ({"deadline_ms": 1}, {"deadline_ms": 1}),
        ({"last_watched_item_id": "v2", "device": None}, {"last_watched_item_id": "v2"}),
    ],
)
def test_a_context_becomes_fields_of_the_query(context: dict[str, Any], fields: dict[str, Any]) -> None:
    assert context_fields(context, NOW_US) == fields
    assert read_context(json.dumps(context), NOW_US) == fields


@pytest.mark.parametrize(("days_later", "minutes"), [(0, 120), (100, 60)], ids=["summer", "winter"])
def test_a_time_zone_has_the_offset_of_the_worlds_moment(days_later: int, minutes: int) -> None:
    moment_us = NOW_US + days_later * 86_400_000_000
    assert context_fields({"time_zone": "Europe/Berlin"}, moment_us) == {"utc_offset_minutes": minutes}


@pytest.mark.parametrize(
    ("context", "status", "field"),
    [
        ({"device": 3}, 400, "device"),
        ({"device": "d" * 129}, 422, "device"),
        ({"country": "Germany"}, 422, "country"),
        ({"country": "d1"}, 422, "country"),
        ({"utc_offset_minutes": "60"}, 400, "utc_offset_minutes"),
        ({"utc_offset_minutes": True}, 400, "utc_offset_minutes"),
        ({"utc_offset_minutes": 841}, 422, "utc_offset_minutes"),
        ({"time_zone": "Mars/Olympus"}, 422, "time_zone"),
        ({"time_zone": "../../etc/passwd"}, 422, "time_zone"),
        ({"deadline_ms": 0}, 422, "deadline_ms"),
        ({"deadline_ms": 10_001}, 422, "deadline_ms"),
    ],
)
def test_what_cannot_be_is_named(context: dict[str, Any], status: int, field: str) -> None:
    with pytest.raises(Problem, match=f"{field}: expected") as refused:
        context_fields(context, NOW_US)
    assert (refused.value.status, refused.value.details) == (status, {"field": field})


def test_a_header_is_a_json_object_in_any_language() -> None:
    for ascii_only in (True, False):
        header = json.dumps({"device": "Küche"}, ensure_ascii=ascii_only)
        assert read_context(header, NOW_US) == {"device": "Küche"}


@pytest.mark.parametrize("header", ["{", "[]", '"tv"', '{"a": "' + "x" * 4096 + '"}'])
def test_a_header_that_is_no_context_is_malformed(header: str) -> None:
    with pytest.raises(Problem, match="X-Context") as refused:
        read_context(header, NOW_US)
    assert refused.value.status == 400


@pytest.mark.parametrize("asked", ["mine-1", "a.b_c", "x" * 64])
def test_a_callers_own_request_id_is_kept(asked: str) -> None:
    assert request_id_of(asked) == asked


@pytest.mark.parametrize("asked", ["", "x" * 65, "two words", "a\nb", "ü", "a/b"])
def test_one_that_could_forge_a_log_line_is_replaced(asked: str) -> None:
    first, second = request_id_of(asked), request_id_of(asked)
    assert first.startswith("q-")
    assert first != second
