"""A talk says what to send and how long to wait, and ends in an answer with a type or in a ClientError."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from bento_services.calls.call import ONCE, Call, Line, Retries, change, said, segment, who
from bento_services.calls.errors import ClientError, NoAnswerInTime, NotReached, NotUnderstood, Unavailable
from bento_services.events.visibility import Visibility

SEEN: Call[Visibility] = Call("GET", "/api/v1/events/e1", Visibility)
ANSWER = httpx.Response(200, json={"event_id": "e1", "visible": True, "newer": "field"})
DOWN = httpx.Response(503, headers={"retry-after": "2"}, json={"error": {"code": "down", "details": {}}})
UNCHANGED = httpx.Response(503, headers={"retry-after": "0"}, json={"error": {"details": {"changed": "none"}}})
LOST, REFUSED = httpx.ReadError("cut"), httpx.ConnectError("nobody listens")
Reply = httpx.Response | Exception


def talked(call: Call[Any], replies: list[Any], retries: Retries = Retries()) -> tuple[Any, list[float], int]:
    """What a talk ends in, the pauses that it asked for, and how often it sent, when it gets these replies."""
    pauses: list[float] = []
    left = list(replies)
    with httpx.Client(base_url="http://x") as http:
        talk = call.talk(Line(http.build_request, retries))
        try:
            step = next(talk)
            while True:
                if isinstance(step, float):
                    pauses.append(step)
                    step = talk.send(None)
                    continue
                reply = left.pop(0)
                step = talk.throw(reply) if isinstance(reply, Exception) else talk.send(reply)
        except StopIteration as end:
            found = end.value
        except ClientError as error:
            found = error
    return found, pauses, len(replies) - len(left)


def test_an_answer_has_its_type_and_what_is_newer_is_ignored() -> None:
    assert talked(SEEN, [ANSWER]) == (Visibility("e1", True), [], 1)


def test_what_is_down_is_asked_again_when_it_says() -> None:
    assert talked(SEEN, [DOWN, DOWN, ANSWER]) == (Visibility("e1", True), [2.0, 2.0], 3)


def test_it_is_asked_so_often_and_no_more() -> None:
    error, pauses, sent = talked(SEEN, [DOWN] * 9, Retries(tries=3))
    assert isinstance(error, Unavailable)
    assert (pauses, sent) == ([2.0, 2.0], 3)
    assert talked(SEEN, [DOWN] * 9, ONCE)[1:] == ([], 1)


def test_whoever_would_wait_longer_than_wanted_is_told_at_once() -> None:
    error, pauses, sent = talked(SEEN, [DOWN] * 9, Retries(longest_pause_seconds=1.0))
    assert (error.retry_after_seconds, pauses, sent) == (2.0, [], 1)


@pytest.mark.parametrize("headers", [{}, {"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"}])
def test_an_answer_that_says_no_time_is_final(headers: dict[str, str]) -> None:
    assert talked(SEEN, [httpx.Response(503, headers=headers, json={"error": {}})] * 2)[2] == 1


def test_too_many_requests_are_sent_again_whatever_they_are() -> None:
    late = httpx.Response(429, headers={"retry-after": "0"}, json={"error": {}})
    put = change("PUT", "/api/v1/videos/v", Visibility, {}, {"if-match": '"3"'})
    assert talked(put, [late, ANSWER])[2] == 2


@pytest.mark.parametrize(
    ("headers", "reply", "sent"),
    [
        ({}, DOWN, 2),
        ({}, LOST, 2),
        ({"if-match": '"3"'}, DOWN, 1),
        ({"if-match": '"3"'}, LOST, 1),
        ({"if-match": '"3"'}, REFUSED, 2),
        ({"if-match": '"3"'}, UNCHANGED, 2),
    ],
)
def test_a_change_is_sent_again_unless_it_could_conflict_with_itself(
    headers: dict[str, str], reply: Reply, sent: int
) -> None:
    put = change("PUT", "/api/v1/videos/v", Visibility, {}, headers)
    assert talked(put, [reply, ANSWER])[2] == sent


def test_a_lost_connection_is_made_again_after_growing_pauses() -> None:
    answer, pauses, sent = talked(SEEN, [LOST, REFUSED, LOST, ANSWER])
    assert (answer, sent) == (Visibility("e1", True), 4)
    for number, pause in enumerate(pauses):
        assert 0.025 * 2**number <= pause <= 0.05 * 2**number
    error, _, sent = talked(SEEN, [LOST] * 9)
    assert (type(error), error.status, sent) == (NotReached, 0, 5)
    assert isinstance(error.__cause__, httpx.ReadError)


def test_who_got_no_answer_in_time_does_not_wait_again() -> None:
    error, pauses, sent = talked(SEEN, [httpx.ReadTimeout("late"), ANSWER])
    assert (type(error), pauses, sent) == (NoAnswerInTime, [], 1)


@pytest.mark.parametrize(
    "reply",
    [
        httpx.Response(200, text="<h1>Welcome</h1>"),
        httpx.Response(200, json={"event_id": "e1"}),
        httpx.Response(502, text="<h1>Bad gateway</h1>"),
    ],
)
def test_what_is_no_answer_of_this_api_is_said(reply: Reply) -> None:
    assert isinstance(talked(SEEN, [reply])[0], NotUnderstood)


def test_a_number_of_tries_below_one_is_an_error() -> None:
    with pytest.raises(ValueError, match="tries: expected 1 or more"):
        Retries(tries=0)


def test_parameters_and_headers_say_only_what_is_said() -> None:
    assert said(limit=0, cursor=None, category="", expired=True) == {"limit": 0, "expired": "true"}
    assert who() == {}
    assert who("ü/1", "s", {"device": "tv"}) == {
        "x-user-id": "%C3%BC/1",
        "x-session-id": "s",
        "x-context": '{"device": "tv"}',
    }
    assert segment("a/b ü") == "a%2Fb%20%C3%BC"
