"""Implied exposures: what was passed over is drawn by popularity and was never taken."""

from __future__ import annotations

import numpy as np

from feature_repo.ingest.implied import PASSED_OVER, imply_exposures


def test_passed_over_videos_are_never_taken_ones_and_follow_popularity() -> None:
    rng = np.random.default_rng(0)
    video_N = np.concatenate([np.zeros(900, dtype=np.int64), rng.integers(1, 60, size=600)])
    user_N = np.concatenate([np.arange(900), rng.integers(900, 1000, size=600)])
    implied = imply_exposures(user_N, video_N, 60, rng)
    taken = set(zip(user_N.tolist(), video_N.tolist(), strict=True))
    viewers = user_N[implied.taken_R]
    assert len(implied) == 1500
    for viewer, passed in zip(viewers.tolist(), implied.passed_RW.tolist(), strict=True):
        assert len(set(passed)) == PASSED_OVER
        assert not taken & {(viewer, video) for video in passed}
    others = implied.passed_RW[viewers >= 900]
    assert (others == 0).mean() > 5 * (others == 1).mean()  # video 0 is the popular one


def test_a_viewer_of_everything_has_passed_over_nothing() -> None:
    implied = imply_exposures(np.zeros(3, dtype=np.int64), np.arange(3), 3, np.random.default_rng(0))
    assert (implied.passed_RW == -1).all()
