"""Bars of drift outside their range are refused."""

import pytest

from monitoring.measures.drift_bars import DriftBars


def test_bars_outside_their_range_are_refused() -> None:
    with pytest.raises(ValueError, match="share"):
        DriftBars(share=0.0)
