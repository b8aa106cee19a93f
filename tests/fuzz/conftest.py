"""How long to look: some seconds by default, minutes with `pytest tests/fuzz --hypothesis-profile fuzz --timeout 0`."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

SLOW = [HealthCheck.too_slow, HealthCheck.filter_too_much]

settings.register_profile("fuzz", max_examples=20_000, deadline=None, suppress_health_check=SLOW)
