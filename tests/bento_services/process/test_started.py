"""The engine of an application is there once its service has started."""

from __future__ import annotations

import pytest

from bento_services.process.started import Started


def test_an_engine_is_asked_for_after_the_start_only() -> None:
    started = Started()
    assert not started.is_ready
    with pytest.raises(AssertionError, match="before the service has started"):
        started()
