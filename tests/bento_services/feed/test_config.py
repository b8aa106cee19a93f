"""The feed's numbers: those that cannot work are refused where they are set."""

from __future__ import annotations

from typing import Any

import pytest

from bento_services.feed.config import FeedConfig, RowSizes


@pytest.mark.parametrize("wrong", [{"candidates": 0}, {"diversified": 0}, {"rows": RowSizes(length=0)}])
def test_a_page_needs_candidates_and_places(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"candidates, diversified and rows\.length: expected at least 1"):
        FeedConfig(**wrong)


def test_a_size_is_given_to_a_source_that_exists() -> None:
    assert FeedConfig(source_sizes={"trending": 3}).source_sizes == {"trending": 3}
    with pytest.raises(ValueError, match=r"source_sizes: expected two_tower, .* found trendy"):
        FeedConfig(source_sizes={"trendy": 3})
