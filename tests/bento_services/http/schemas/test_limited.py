"""The document says of a field what the table of limits does."""

from __future__ import annotations

from functools import cache
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bento_services.admission.problem import Problem
from bento_services.catalog.incoming import NAMES, videos_stated
from bento_services.catalog.video import INSIDE, MOMENTS, OUTSIDE
from bento_services.http.schemas.limited import about_field, event_field, video_field
from feature_repo.catalog.video import REQUIRED
from feature_repo.events import EventError, normalize
from feature_repo.limits import LIMITS, Clock, LimitError, check
from feature_repo.schema import ABOUT

FILM = {"title": "Paper Orbit", "duration_seconds": 60}
FIELDS = [name for name, limit in LIMITS["events"].items() if limit.kind not in ("moment", "text")]
# What Python and the validator have in common: they know different versions of Unicode.
assigned = st.characters(exclude_categories=["Cn", "Cs"])
fractions = st.floats(allow_nan=False).filter(lambda one: one % 1 != 0)
values = st.one_of(st.text(assigned, max_size=130), st.integers(-(2**64), 2**64), fractions)


@cache
def fits(field: str) -> Any:
    return jsonschema_rs.validator_for(event_field(field)).is_valid


@pytest.mark.parametrize("field", FIELDS)
@settings(deadline=None)
@given(values)
def test_a_value_is_taken_when_it_fits_its_schema(field: str, value: object) -> None:
    try:
        check("events", field, value, Clock(0))
        taken = value != "" or field in ("surface", "device", "request_id")  # else: the same as to leave it out
    except LimitError:
        taken = False
    assert fits(field)(value) == taken


@pytest.mark.parametrize("field", LIMITS["about"])
@settings(deadline=None)
@given(values)
def test_what_an_event_is_about_is_taken_when_it_fits_its_schema(field: str, value: object) -> None:
    kind = next(kind for kind, name in ABOUT.items() if name == field)
    try:
        normalize({"user_id": "u", "item_id": "v", "event": kind, field: value}, clock=Clock(0))
        taken = True
    except EventError:
        taken = False
    assert jsonschema_rs.validator_for(about_field(field)).is_valid(value) == taken or value == ""


VIDEO_FIELDS = [INSIDE[name] for name in NAMES if name not in MOMENTS and name not in ("video_id", "title")]
stated = st.one_of(
    values, st.none(), st.lists(st.text(assigned, max_size=4), max_size=3), st.sampled_from(["DE", "en"])
)


@cache
def video_fits(column: str) -> Any:
    return jsonschema_rs.validator_for(video_field(column, required=column in REQUIRED)).is_valid


@pytest.mark.parametrize("column", VIDEO_FIELDS)
@settings(deadline=None)
@given(stated)
def test_a_field_of_a_video_is_taken_when_it_fits_its_schema(column: str, value: object) -> None:
    try:
        videos_stated({"videos": [{"video_id": "v", **FILM, OUTSIDE[column]: value}]})
        taken = True
    except Problem:
        taken = False
    assert video_fits(column)(value) == taken
