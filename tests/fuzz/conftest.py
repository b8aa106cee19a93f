"""How long to look: some seconds by default, as long as wished with `make fuzz`."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings

SLOW = [HealthCheck.too_slow, HealthCheck.filter_too_much]

settings.register_profile("fuzz", max_examples=20_000, deadline=None, suppress_health_check=SLOW)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--fuzz-cases", type=int, default=500, help="requests made of the API's document, at least")
    parser.addoption("--fuzz-seed", type=int, default=1, help="other requests: one seed, so that a change alone fails")
