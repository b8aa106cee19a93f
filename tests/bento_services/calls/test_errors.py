"""Every refusal has a type, by which a caller decides what to do."""

from __future__ import annotations

import httpx
import pytest

from bento_services.calls import errors
from bento_services.calls.errors import NoAnswerInTime, NotReached, NotUnderstood, lost, refusal
from bento_services.rpc.service import CODES

KINDS = {
    errors.InvalidRequest: (400, 405, 408, 413, 415, 422, 431),
    errors.NotAllowed: (401, 403),
    errors.NotFound: (404,),
    errors.Conflict: (409, 412),
    errors.TooManyRequests: (429,),
    errors.Unavailable: (503, 504),
    errors.Faulty: (500,),
}


@pytest.mark.parametrize(("kind", "status"), [(kind, status) for kind, found in KINDS.items() for status in found])
def test_a_status_has_its_type(kind: type, status: int) -> None:
    said = {"code": "c", "message": "m", "request_id": "q-1", "details": {"field": "limit"}}
    error = refusal(httpx.Response(status, headers={"retry-after": "3"}, json={"error": said}))
    assert type(error) is kind
    assert (error.status, error.code, error.request_id, error.details) == (status, "c", "q-1", {"field": "limit"})
    assert (str(error), error.retry_after_seconds) == (f"{status} c: m (request q-1)", 3.0)


def test_every_status_that_the_service_has_is_among_them() -> None:
    assert set(CODES) <= {status for found in KINDS.values() for status in found}


@pytest.mark.parametrize("text", ["<h1>", "[]", '"error"', "{}", '{"error": 5}', '{"error": null}'])
def test_what_is_not_in_the_words_of_the_service_is_not_understood(text: str) -> None:
    error = refusal(httpx.Response(502, text=text))
    assert type(error) is NotUnderstood
    assert text in str(error)


def test_no_answer_is_an_error_of_the_client_too() -> None:
    assert type(lost(httpx.ConnectError("refused"))) is NotReached
    assert type(lost(httpx.ReadTimeout(""))) is NoAnswerInTime
    assert "ReadTimeout" in str(lost(httpx.ReadTimeout("")))
