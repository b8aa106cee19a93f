"""One definition of an answer's fields: gRPC's messages are the answers' fields under their names."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from worlds.by_hand import item

from bento_services.catalog.answers import (
    VideoChanged,
    VideoHistory,
    VideoList,
    VideosWritten,
    VideoVersion,
    VideoWritten,
)
from bento_services.catalog.video import Video, VideoFields
from bento_services.events.intake import Receipt
from bento_services.feed.page import Item, Page, Row
from bento_services.rpc.generated import marquee_pb2
from bento_services.rpc.messages import JSON, message_of, set_fields

messages: Any = marquee_pb2
PAIRS = [
    (Item, messages.Item),
    (Row, messages.Row),
    (Page, messages.GetHomeResponse),
    (Receipt, messages.SendEventsResponse),
    (Video, messages.Video),
    (VideoFields, messages.VideoFields),
    (VideoWritten, messages.VideoWritten),
    (VideoVersion, messages.VideoVersion),
    (VideosWritten, messages.VideosWritten),
    (VideoList, messages.VideoList),
    (VideoChanged, messages.VideoChanged),
    (VideoHistory, messages.VideoHistory),
]


@pytest.mark.parametrize(("answer", "message"), PAIRS)
def test_a_message_has_exactly_the_fields_of_its_answer(answer: Any, message: Any) -> None:
    fields = {field.name.removesuffix(JSON) for field in message.DESCRIPTOR.fields}
    assert fields == {field.name for field in msgspec.structs.fields(answer)}


def test_what_has_no_type_in_proto_is_json_text_and_none_is_left_out() -> None:
    plain = message_of(item(1, "top_picks"), messages.Item)
    assert plain.trace_json == ""
    traced = msgspec.structs.replace(item(1, "top_picks"), trace={"b": 0.5, "a": [1]})
    assert message_of(traced, messages.Item).trace_json == '{"a":[1],"b":0.5}'
    page = Page("q", (), (), None, "full_funnel", "r-1", {"kept": True}, {"score": 1.5}, 7, ("late",))
    sent = message_of(page, messages.GetHomeResponse)
    assert (sent.cursor, sent.certificate_json, dict(sent.stage_ms)) == ("", '{"kept":true}', {"score": 1.5})
    assert (sent.candidates, list(sent.warnings)) == (7, ["late"])


def test_rows_hold_their_items() -> None:
    row = Row("top_picks", "Top picks", "From what you watch", (item(1, "top_picks"), item(2, "top_picks")))
    message = message_of(row, messages.Row)
    assert [one.video_id for one in message.items] == ["v1", "v2"]
    assert list(message.items[0].sources) == ["two_tower", "trending"]


def test_an_optional_zero_is_said_and_a_plain_one_is_not() -> None:
    assert set_fields(messages.Event(user_id="u1", position=0, duration_sec=0)) == {"user_id": "u1", "position": 0}
    assert set_fields(messages.Context(utc_offset_minutes=0, device="")) == {"utc_offset_minutes": 0}
