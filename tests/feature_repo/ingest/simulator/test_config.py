"""Sizes and dates that make no world are refused."""

from __future__ import annotations

from typing import Any

import pytest

from feature_repo.ingest.simulator.config import SimulatorConfig


@pytest.mark.parametrize("size", [{"users": 1}, {"videos": 5}, {"days": 1}, {"videos": 25}])
def test_a_world_too_small_to_be_one_is_refused(size: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="a world needs"):
        SimulatorConfig(**size)


def test_an_end_that_is_no_date_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="expected an ISO date such as 2026-11-21, found 'soon'"):
        SimulatorConfig(end="soon")


def test_a_world_ends_at_midnight_utc() -> None:
    assert SimulatorConfig(end="1970-01-03").end_us() == 2 * 86_400_000_000
