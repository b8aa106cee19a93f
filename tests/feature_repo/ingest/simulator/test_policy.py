"""Pages of the simulated service: what may not be shown is not, and propensities are true."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from feature_repo.ingest.simulator.policy import plackett_luce


def test_propensities_are_the_probabilities_of_the_draws() -> None:
    """Against counting: 40,000 pages of two slots from five videos, one of them not allowed."""
    rng = np.random.default_rng(0)
    score = np.log(np.array([4.0, 3.0, 2.0, 1.0, 9.0], dtype=np.float32))
    score_AV = np.tile(score, (40_000, 1))
    allowed_AV = np.tile(np.array([True, True, True, True, False]), (40_000, 1))
    top_AP, propensity_AP = plackett_luce(rng, score_AV, allowed_AV, 2)
    assert (top_AP != 4).all()
    for video, share in enumerate((0.4, 0.3, 0.2, 0.1)):
        first = top_AP[:, 0] == video
        assert np.allclose(propensity_AP[first, 0], share, atol=1e-6)
        assert first.mean() == pytest.approx(share, abs=0.01)
    after_0 = top_AP[:, 0] == 0
    assert np.allclose(propensity_AP[after_0 & (top_AP[:, 1] == 1), 1], 3 / 6, atol=1e-6)
    assert (top_AP[after_0, 1] == 1).mean() == pytest.approx(0.5, abs=0.02)


def test_no_video_is_shown_before_it_is_out_nor_where_nor_to_whom_it_may_not_be(shown: pd.DataFrame) -> None:
    assert (shown.timestamp_us >= shown.published_timestamp_us).all()
    assert (shown.maturity <= shown.maturity_limit).all()
    held = shown[shown.countries.map(len) > 0]
    assert len(held)
    assert all(country in allowed for country, allowed in zip(held.country, held.countries, strict=True))
    assert (shown.timestamp_us >= shown.signup_timestamp_us).all()
