"""Settings of the index: kinds and sizes, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from models.retrieval.index_config import IndexConfig


def test_lists_grow_with_the_root_of_the_catalog_up_to_a_limit() -> None:
    config = IndexConfig()
    assert [config.lists_of(videos) for videos in (0, 100, 250_000, 1_000_000, 4_000_000)] == [1, 40, 2000, 4000, 4096]


@pytest.mark.parametrize(("dim", "codes"), [(64, 64), (128, 64), (100, 50), (13, 13), (67, 1)])
def test_codes_divide_the_numbers_of_a_vector(dim: int, codes: int) -> None:
    assert IndexConfig().codes_of(dim) == codes


@pytest.mark.parametrize(
    "wrong", [{"index": "hnsw"}, {"lists": 0}, {"probes": 0}, {"code_bytes": 0}, {"shards": 0}, {"shards": 1001}]
)
def test_what_makes_no_sense_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="expected"):
        IndexConfig(**wrong)
