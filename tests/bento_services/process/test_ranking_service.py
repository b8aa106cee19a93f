"""The ranking service: numbers arrive over the wire and reach the model in its types."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from worlds.bento import RankingService

from models.encoding.ranker import RankerInputs


@pytest.fixture
def asked() -> list[RankerInputs]:
    return []


@pytest.fixture
def service(asked: list[RankerInputs], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    def forward(inputs: RankerInputs) -> np.ndarray:
        asked.append(inputs)
        return np.full((len(inputs.dense), 2), 0.25, dtype=np.float32)

    monkeypatch.setenv("MARQUEE_HOME", str(tmp_path))
    made: Any = RankingService  # BentoML makes a service of the class
    service = made.inner()
    service._rankers = SimpleNamespace(get=lambda release_id: {"r-1": SimpleNamespace(forward=forward)}[release_id])
    return service


def test_inputs_keep_their_places_and_get_the_types_of_the_model(service: Any, asked: list[RankerInputs]) -> None:
    sent = [np.full((3, 1), float(place)) for place in range(5)]
    assert service.probabilities("r-1", *sent).tolist() == [[0.25, 0.25]] * 3
    (inputs,) = asked
    *columns, left = inputs
    assert left is None  # the trees are evaluated there
    assert [column.flat[0] for column in columns] == [0, 1, 2, 3, 4]
    assert [column.dtype for column in columns] == [np.float32, np.int64, np.int64, np.int64, np.float32]


def test_the_model_is_that_of_the_release_that_was_asked_for(service: Any) -> None:
    with pytest.raises(KeyError, match="r-2"):
        service.probabilities("r-2", *[np.zeros((1, 1))] * 5)
