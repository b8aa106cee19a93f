"""The two-tower source searches with the viewer's vector, and needs it."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from models.candidates.sources.two_tower import SPEC
from models.catalog import OfflineRequest
from models.retrieval.index import VideoIndex

Ask = Callable[..., OfflineRequest]

INDEX = VideoIndex.build(["c", "d"], np.array([[1, 0], [0, 1]], dtype=np.float32))


def test_the_vector_of_the_request_decides(ask: Ask, unwatched: Any) -> None:
    source: Any = SPEC.open(SimpleNamespace(index=INDEX, beside=None))  # type: ignore[arg-type]
    assert source.find(ask(user_vector=np.array([0.0, 1.0], dtype=np.float32)), unwatched, 2).rows.tolist() == [3, 2]


def test_a_request_without_one_is_refused(ask: Ask, unwatched: Any) -> None:
    source: Any = SPEC.open(SimpleNamespace(index=INDEX, beside=None))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="needs the viewer's vector"):
        source.find(ask(), unwatched, 2)
