"""The context's schema is what is read of it."""

from __future__ import annotations

import jsonschema_rs
import pytest

from bento_services.admission.context import context_fields
from bento_services.admission.problem import Problem
from bento_services.http.schemas.context import SCHEMA

GOOD = [
    {},
    {"device": "tv", "country": "no", "time_zone": "Europe/Oslo", "utc_offset_minutes": -840, "deadline_ms": 10_000},
    {"device": "", "country": "", "time_zone": "", "last_watched_item_id": ""},
    dict.fromkeys(SCHEMA["properties"]),
]
BAD = [
    {"device": " tv"},
    {"device": 7},
    {"country": "NOR"},
    {"country": "ÅÄ"},
    {"time_zone": 1},
    {"utc_offset_minutes": 841},
    {"utc_offset_minutes": "60"},
    {"deadline_ms": 0},
    {"last_watched_item_id": "a\n"},
]


@pytest.mark.parametrize("context", GOOD)
def test_what_fits_is_read(context: dict[str, object]) -> None:
    assert jsonschema_rs.is_valid(SCHEMA, context)
    context_fields(context, 0)


@pytest.mark.parametrize("context", BAD)
def test_what_does_not_is_refused(context: dict[str, object]) -> None:
    assert not jsonschema_rs.is_valid(SCHEMA, context)
    with pytest.raises(Problem):
        context_fields(context, 0)
