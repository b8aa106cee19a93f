"""Matrix factorization folds the viewer in from the freshest history."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np

from models.candidates.matrix_factorization import MatrixFactorization
from models.candidates.sources.factors import SPEC
from models.catalog import OfflineRequest

Ask = Callable[..., OfflineRequest]

FACTORS = np.array([[1, 0], [0, 1], [2, 0], [0, 2]], dtype=np.float32)
MODEL = MatrixFactorization.of(["a", "b", "c", "d"], FACTORS, confidence=10.0, regularization=0.1, half_life=0.0)


def source() -> Any:
    return SPEC.open(SimpleNamespace(factors=MODEL))  # type: ignore[arg-type]


def test_a_viewer_of_one_taste_finds_its_like_first(ask: Ask, unwatched: Any) -> None:
    assert source().find(ask(history_video_ids=["a"]), unwatched, 1).rows.tolist()[0] == 2
    assert source().find(ask(history_video_ids=["b"]), unwatched, 1).rows.tolist()[0] == 3


def test_a_viewer_of_unknown_videos_cannot_be_folded_in(ask: Ask, unwatched: Any) -> None:
    assert len(source().find(ask(history_video_ids=["f"]), unwatched, 2)) == 0


def test_a_release_without_factors_has_no_such_source() -> None:
    assert SPEC.open(SimpleNamespace(factors=None)) is None  # type: ignore[arg-type]
