"""Headers and parameters that cannot be."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from worlds.http_api import HOME, error_of

from bento_services.admission import limits


@pytest.mark.parametrize(
    ("request_", "status", "code"),
    [
        ({"params": {"limit": "ten"}}, 400, "malformed"),
        ({"params": {"limit": 0}}, 422, "unprocessable"),
        ({"params": {"limit": "5.0"}}, 422, "unprocessable"),
        ({"params": {"limit": "1_0"}}, 422, "unprocessable"),
        ({"params": {"limit": "+5"}}, 422, "unprocessable"),
        ({"params": {"limit": "\u0665"}}, 422, "unprocessable"),
        ({"params": {"limit": "5" * 5000}}, 422, "unprocessable"),
        ({"params": {"category": "Drama"}}, 422, "unprocessable"),
        ({"params": {"limit": ["5", "6"]}}, 400, "malformed"),
        ({"params": {"limit": 101}}, 422, "unprocessable"),
        ({"params": {"cursor": "not-a-cursor"}}, 400, "malformed"),
        ({"params": {"cursor": "c" * (limits.MAX_CURSOR_LENGTH + 1)}}, 422, "unprocessable"),
        ({"headers": {"X-User-Id": "u" * 129}}, 422, "unprocessable"),
        ({"headers": {"X-Context": "{"}}, 400, "malformed"),
        ({"headers": {"X-Context": "[]"}}, 400, "malformed"),
        ({"headers": {"X-Context": '{"device": 3}'}}, 400, "malformed"),
        ({"headers": {"X-Context": '{"time_zone": "Mars/Olympus"}'}}, 422, "unprocessable"),
        ({"headers": {"X-Context": '{"time_zone": "../../etc/passwd"}'}}, 422, "unprocessable"),
        ({"headers": {"X-Context": '{"country": "Germany"}'}}, 422, "unprocessable"),
        ({"headers": {"X-Context": '{"utc_offset_minutes": NaN}'}}, 400, "malformed"),
        ({"headers": {"X-Context": '{"utc_offset_minutes": 9999}'}}, 422, "unprocessable"),
        ({"headers": {"X-Context": '{"a": ' + "[" * 40 + "]" * 40 + "}"}}, 400, "malformed"),
        ({"headers": {"X-Context": '{"a": "' + "x" * 5000 + '"}'}}, 400, "malformed"),
    ],
)
async def test_a_wrong_question_is_told_what_is_wrong(
    http: httpx.AsyncClient, request_: dict[str, Any], status: int, code: str
) -> None:
    error_of(await http.get(HOME, **request_), status, code)


@pytest.mark.parametrize("wrong", [{"limit": "5.0"}, {"limit": "1_0"}, {"limit": "0"}, {"explain": "yes"}])
async def test_the_parameter_that_is_wrong_is_named(http: httpx.AsyncClient, wrong: dict[str, str]) -> None:
    error = error_of(await http.get(HOME, params=wrong), 422, "unprocessable")
    (name,) = wrong
    assert error["message"].startswith(f"{name}: ")
    assert error["details"] == {"field": name}
