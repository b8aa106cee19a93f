"""Events and feedback over gRPC: what HTTP takes, answers and refuses."""

from __future__ import annotations

from typing import Any

import grpc
import httpx
import pytest
from worlds.by_hand import Made
from worlds.http_api import FEEDBACK

from bento_services.rpc.generated import marquee_pb2

messages: Any = marquee_pb2


async def test_feedback_becomes_the_event_that_http_makes_of_it(stub: Any, http: httpx.AsyncClient, made: Made) -> None:
    said = {"video_id": "v1", "action": "dislike", "reason": "seen it"}
    over_grpc = await stub.SendFeedback(messages.SendFeedbackRequest(user_id="u1", **said))
    over_http = (await http.post(FEEDBACK, json=said, headers={"X-User-Id": "u1"})).json()
    assert (over_grpc.status, over_http["status"]) == ("accepted", "accepted")
    first, second = made.log.events
    assert (over_grpc.event_id, over_http["event_id"]) == (first.event_id, second.event_id)
    assert (first.user_id, first.video_id, first.event) == (second.user_id, second.video_id, second.event)
    assert (first.user_id, first.video_id, first.event) == ("u1", "v1", "dislike")


async def test_feedback_of_a_session_is_its_own_and_the_same_key_counts_once(stub: Any, made: Made) -> None:
    asked = messages.SendFeedbackRequest(session_id="s-1", video_id="v1", action="like", idempotency_key="k")
    assert (await stub.SendFeedback(asked)) == (await stub.SendFeedback(asked))
    assert [event.user_id for event in made.log.events] == ["s-1"]


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"video_id": "v1", "action": "like"}, "INVALID_ARGUMENT"),
        ({"user_id": "u1", "action": "like"}, "INVALID_ARGUMENT"),
        ({"user_id": "u1", "video_id": "v1", "action": "stare"}, "INVALID_ARGUMENT"),
        ({"user_id": "u1", "video_id": "v1", "action": "like", "reason": "x" * 129}, "INVALID_ARGUMENT"),
        ({"user_id": "u1", "video_id": "gone", "action": "like"}, "NOT_FOUND"),
    ],
)
async def test_feedback_is_refused_as_on_http_and_nothing_is_kept(
    stub: Any, made: Made, said: dict[str, str], code: str
) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await stub.SendFeedback(messages.SendFeedbackRequest(**said))
    assert refused.value.code() == grpc.StatusCode[code]
    assert made.log.events == []


async def test_an_event_is_visible_once_it_is_folded(stub: Any, made: Made) -> None:
    asked = messages.GetEventRequest(event_id="e1", user_id="u1")
    assert not (await stub.GetEvent(asked)).visible
    made.receipts.folded[("u1", "e1")] = 1
    assert (await stub.GetEvent(asked)).visible
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await stub.GetEvent(messages.GetEventRequest())
    assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT


async def test_picks_become_the_events_that_http_makes_of_them(stub: Any, http: httpx.AsyncClient, made: Made) -> None:
    said = {"video_ids": ["v1"], "genres": ["Drama"]}
    over_grpc = await stub.PickTitles(messages.PickTitlesRequest(session_id="s-1", **said))
    over_http = await http.post("/api/v1/onboarding", json=said, headers={"X-Session-Id": "s-1"})
    assert (over_grpc.accepted, over_http.json()["accepted"]) == (2, 2)
    told = [(one.user_id, one.event, one.video_id, one.about) for one in made.log.events]
    assert told[:2] == told[2:] == [("s-1", "pick", "v1", ""), ("s-1", "pick", "", "Drama")]
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await stub.PickTitles(messages.PickTitlesRequest(session_id="s-1", video_ids=["v99"]))
    assert refused.value.code() == grpc.StatusCode.NOT_FOUND
