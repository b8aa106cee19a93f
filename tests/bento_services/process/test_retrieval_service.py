"""The retrieval service: what arrives over the wire, in the types that the models take."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from worlds.bento import RetrievalService


class Models:
    """A model and an index that remember what they were given."""

    given: Any = ()
    ids = ("v1", "v2")

    def user_vectors(self, *given: Any) -> np.ndarray:
        self.given = given
        return np.ones((len(given[0]), 2), dtype=np.float32)

    def search(self, *given: Any) -> tuple[np.ndarray, np.ndarray]:
        self.given = given
        return np.array([["v2"]], dtype=object), np.array([[0.5]], dtype=np.float32)


@pytest.fixture
def models() -> Models:
    return Models()


@pytest.fixture
def service(models: Models, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("MARQUEE_HOME", str(tmp_path))
    made: Any = RetrievalService  # BentoML makes a service of the class
    service = made.inner()
    service._parts = SimpleNamespace(get=lambda release_id: {"r-1": (models, models)}[release_id])
    return service


def test_no_context_of_the_viewer_is_none_to_the_model(service: Any, models: Models) -> None:
    assert service.user_vectors("r-1", [["v1"]], [[5]], np.array([9.0]), {}).tolist() == [[1.0, 1.0]]
    now_us, viewer_context = models.given[2:]
    assert (now_us.dtype, viewer_context) == (np.int64, None)
    service.user_vectors("r-1", [["v1"]], [[5]], np.array([9]), {"country": ["DE"]})
    assert models.given[3]["country"].dtype == object


def test_no_bits_allow_every_video(service: Any, models: Models) -> None:
    found = service.search("r-1", np.ones((1, 2)), 1, np.zeros(0, dtype=np.uint8))
    assert found == {"ids": [["v2"]], "scores": [[0.5]]}
    assert models.given[-1] is None
    service.search("r-1", np.ones((1, 2)), 1, np.array([0b01], dtype=np.uint8))
    assert models.given[2].mask().tolist() == [True, False]
    assert models.given[0].dtype == np.float32
