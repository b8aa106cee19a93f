"""What a report looks at: videos by their rows, viewers' vectors in batches, days as people write them."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import pytest

from monitoring.reports import subject as module
from monitoring.reports.subject import Subject, day


class Retrieval:
    """Answers with how long each history was, and remembers how many it was asked at once."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    def user_vectors(self, histories: Any, times: Any, now_us: Any, context: Any) -> np.ndarray:
        self.asked.append(len(histories))
        assert len(times) == len(now_us) == len(context) == len(histories)
        return np.array([[len(history)] for history in histories], dtype=np.float32)


def made(**fields: Any) -> Subject:
    empty = dict.fromkeys(Subject.__dataclass_fields__)
    return Subject(**cast("dict[str, Any]", {**empty, **fields}))


def test_videos_that_are_not_in_the_catalog_are_left_out() -> None:
    assert made(row_of={"v1": 0, "v2": 1}).rows(["v2", "gone", "v1", "v2"]).tolist() == [1, 0, 1]


def test_vectors_come_in_order_from_the_end_of_each_history(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BATCH", 2)
    retrieval = Retrieval()

    class Context:
        def columns(self, users: Any, now_us: Any) -> Any:
            return list(users)

    told = {
        name: Context() for name in Subject.__dataclass_fields__ if name in ("askers", "viewer_context", "contexts")
    }
    subject = made(
        world=type("World", (), {"history_length": 2}),
        release=type("Release", (), {"retrieval": retrieval}),
        **told,
    )
    histories = [["v1"], ["v1", "v2", "v3"], []]
    vectors = subject.user_vectors(["a", "b", "c"], histories, [[1], [1, 2, 3], []], 9)
    assert vectors.tolist() == [[1.0], [2.0], [0.0]]
    assert retrieval.asked == [2, 1]


def test_a_moment_is_a_day_in_utc() -> None:
    assert day(0) == "1 January 1970"
