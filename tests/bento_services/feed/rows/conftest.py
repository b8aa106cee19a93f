"""Six candidates of two sources, and a viewer of the first two."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from bento_services.feed.candidates import Candidates
from models.candidates.columns import ANCHOR, CREATOR, EXPLORE_POOL
from models.catalog import CatalogTable


@pytest.fixture
def candidates() -> Candidates:
    """Videos 2 to 5 from "near", best first; 3 and 1 from "far". Creators: 5 has its own, the others one."""
    near = Candidates.found("near", [2, 3, 4, 5], [0.1, 0.4, 0.3, 0.2])
    far = Candidates.found("far", [3, 1], [2.0, 1.0], **{ANCHOR: np.array([0, 0]), EXPLORE_POOL: np.array([9, 9])})
    merged = Candidates.merged([near, far])
    return merged.with_columns({CREATOR: np.array([7, 7, 7, 8, 7])})


@pytest.fixture
def asked() -> Any:
    columns = {"title": np.array(["Alpha", "Beta", "Gamma", "Delta", "Epsilon", "Zeta"], dtype=object)}
    columns["expires_timestamp_us"] = np.zeros(6, dtype=np.int64)
    catalog = CatalogTable(np.array(["a", "b", "c", "d", "e", "f"], dtype=object), columns)
    viewer = SimpleNamespace(history_ids=["a", "b"], watches=2)
    return SimpleNamespace(catalog=catalog, now_us=1, viewer=viewer, picked=frozenset())


@pytest.fixture
def sizes() -> Any:
    return SimpleNamespace(length=3, least=2, anchors=1, newcomer_watches=2)
