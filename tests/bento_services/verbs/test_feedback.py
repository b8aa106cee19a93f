"""Feedback is an event like any other, of whoever says it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from worlds.by_hand import Made

from bento_services.admission.callers import ANYBODY_HERE
from bento_services.admission.problem import Problem
from bento_services.verbs.feedback import ACTIONS, feedback


@pytest.fixture
def made() -> Iterator[Made]:
    made = Made()
    yield made
    made.engine.close()


async def said(made: Made, sent: Any, user_id: str = "u1", session_id: str = "") -> Any:
    return await feedback(made.engine, sent, caller=ANYBODY_HERE, user_id=user_id, session_id=session_id, key="")


async def test_every_action_becomes_its_event(made: Made) -> None:
    for action in ACTIONS:
        found = await said(made, {"item_id": "v1", "action": action})
        assert found.event_id == made.log.events[-1].event_id
    assert [event.event for event in made.log.events] == list(ACTIONS)


@pytest.mark.parametrize(
    ("sent", "user_id", "status"),
    [
        ("like", "u1", 400),
        ({"action": "like"}, "u1", 400),
        ({"video_id": "v1", "action": "like"}, "", 400),
        ({"video_id": "v1", "item_id": "v2", "action": "like"}, "u1", 422),
        ({"video_id": "v1", "action": "stare"}, "u1", 422),
        ({"video_id": "v1", "action": "like", "reason": 5}, "u1", 422),
        ({"video_id": "gone", "action": "like"}, "u1", 404),
    ],
)
async def test_what_is_none_is_refused_and_nothing_is_kept(made: Made, sent: Any, user_id: str, status: int) -> None:
    with pytest.raises(Problem) as refused:
        await said(made, sent, user_id)
    assert refused.value.status == status
    assert made.log.events == []
