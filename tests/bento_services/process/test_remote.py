"""What travels to the two services, and what is answered on this side."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from bento_services.process.remote import RemoteIndex, RemoteRanker, RemoteRetrieval
from models.bits import Bits
from models.encoding.ranker import RankerEncoding


class Recorded:
    """A call that remembers what it was asked and gives one answer."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.asked: list[tuple[Any, ...]] = []

    def __call__(self, api: str, *arguments: Any) -> Any:
        self.asked.append((api, *arguments))
        return self.answer


def test_histories_travel_as_plain_lists_under_the_id_of_the_release() -> None:
    call = Recorded([[1.0, 0.0]])
    remote = RemoteRetrieval(SimpleNamespace(), call, "r-1")  # type: ignore[arg-type]
    context = {"country": np.array(["DE"], dtype=object)}
    vectors = remote.user_vectors([("v1",)], [np.array([5])], np.array([9], dtype=np.int32), context)  # type: ignore[list-item]
    assert vectors.tolist() == [[1.0, 0.0]]
    ((api, release_id, histories, times, now_us, viewer_context),) = call.asked
    assert (api, release_id, histories, times) == ("user_vectors", "r-1", [["v1"]], [[5]])
    assert (now_us.dtype, viewer_context) == (np.int64, {"country": ["DE"]})


def test_no_filter_travels_as_an_empty_set_of_bits() -> None:
    call = Recorded({"ids": [["v2"]], "scores": [[0.5]]})
    remote = RemoteIndex(SimpleNamespace(ids=["v1", "v2"]), call, "r-1")  # type: ignore[arg-type]
    ids, scores = remote.search(np.ones((1, 2)), 1)
    remote.search(np.ones((1, 2)), 1, Bits.of(np.array([True, False])))
    assert (ids.tolist(), ids.dtype, scores.dtype) == ([["v2"]], object, np.float32)
    assert [asked[-1].tolist() for asked in call.asked] == [[], [0b01]]


def test_the_ranking_service_is_not_asked_about_no_candidates() -> None:
    encoding = RankerEncoding((), (), (), (), {})
    local = SimpleNamespace(encoding=encoding, rank=lambda asked: {"score": []})
    call = Recorded(None)
    asked: Any = SimpleNamespace(rows=np.zeros(0, dtype=np.int64))
    assert RemoteRanker(local, call, "r-1").rank(asked) == {"score": []}  # type: ignore[arg-type]
    assert call.asked == []
