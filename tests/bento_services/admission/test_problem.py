"""One shape for whatever goes wrong."""

from __future__ import annotations

import json

from bento_services.admission.problem import OVERLOADED, Problem, malformed, unavailable, unprocessable


def test_an_error_has_one_shape_for_programs_and_people() -> None:
    problem = Problem(404, "unknown_video", "no video has this id", {"video_id": "v9"})
    assert json.loads(problem.body("q-1")) == {
        "error": {
            "code": "unknown_video",
            "message": "no video has this id",
            "request_id": "q-1",
            "details": {"video_id": "v9"},
        }
    }
    assert list(json.loads(problem.body("q-1"))["error"]) == ["code", "message", "request_id", "details"]


def test_a_caller_is_told_when_to_come_back_and_how_to_say_who_it_is() -> None:
    assert OVERLOADED.headers() == {"content-type": "application/json", "retry-after": "1"}
    assert unavailable("later", 7).headers()["retry-after"] == "7"
    assert Problem(401, "not_authenticated", "who?").headers()["www-authenticate"] == "Bearer"


def test_what_cannot_be_read_is_malformed_and_what_cannot_be_is_unprocessable() -> None:
    assert (malformed("x", field="a").status, malformed("x", field="a").details) == (400, {"field": "a"})
    assert (unprocessable("x").status, unprocessable("x").code) == (422, "unprocessable")
