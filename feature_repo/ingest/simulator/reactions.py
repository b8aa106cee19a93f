"""Viewers' reactions to a page: clicks, watch time, likes. A click needs utility and examination.

A active viewers, P places of a page
"""

from __future__ import annotations

from typing import Any

import numpy as np

from feature_repo.ingest.simulator.catalog import Catalog
from feature_repo.ingest.simulator.log import Reaction, Shown, Visits
from feature_repo.ingest.simulator.viewers import Viewers

Array = np.ndarray[Any, Any]

LENGTH_TASTE = (-0.45, 0.0, 0.35)  # per device: utility of a doubled duration
CLICK_THRESHOLD = 2.4
PLEASURE_SPREAD = 0.9  # of what a watched video turns out to be, around its utility
EXAMINATION_DECAY = 0.12  # P(a place is looked at) = 1 / (1 + decay * place)


def react(
    rng: np.random.Generator, catalog: Catalog, viewers: Viewers, visits: Visits, device_A: Array, shown: Shown
) -> Reaction:
    """Each viewer's reaction to their page."""
    utility_AP = utility(catalog, viewers, visits, device_A, shown)
    examined_P = 1.0 / (1.0 + EXAMINATION_DECAY * np.arange(utility_AP.shape[1]))
    clicked_AP = rng.random(utility_AP.shape) < sigmoid(utility_AP - CLICK_THRESHOLD) * examined_P[None, :]
    pleasure_AP = utility_AP - CLICK_THRESHOLD + rng.normal(0, PLEASURE_SPREAD, utility_AP.shape)
    fraction_AP = np.where(clicked_AP, watched_fraction(rng, pleasure_AP), 0.0)
    shape = clicked_AP.shape
    liked_AP = clicked_AP & (rng.random(shape) < 0.30 * sigmoid(2 * pleasure_AP)) & (fraction_AP > 0.5)
    disliked_AP = clicked_AP & (rng.random(shape) < 0.25 * sigmoid(-2 * pleasure_AP)) & (fraction_AP < 0.5)
    shared_AP = liked_AP & (rng.random(shape) < 0.15)
    return Reaction(clicked_AP, fraction_AP, liked_AP, disliked_AP, shared_AP)


def watched_fraction(rng: np.random.Generator, pleasure: Array) -> Array:
    """The watch fraction: viewers finish videos they enjoy, and skip ones that bore them."""
    fraction = rng.beta(1.0 + 3.0 * sigmoid(pleasure), 1.6, pleasure.shape)
    to_the_end = rng.random(pleasure.shape) < 0.75 * sigmoid(pleasure + 0.5)
    skipped = rng.random(pleasure.shape) < 0.25 * sigmoid(-pleasure - 0.5)
    fraction = np.where(to_the_end, rng.uniform(0.9, 1.0, pleasure.shape), fraction)
    watched: Array = np.where(skipped, rng.uniform(0.0, 0.05, pleasure.shape), fraction)
    return watched


def utility(catalog: Catalog, viewers: Viewers, visits: Visits, device_A: Array, shown: Shown) -> Array:
    """(A, P): taste, phase, mood, loyalty, next episode, quality, freshness, language, length for the device."""
    active, video_AP = visits.user_A, shown.video_AP
    last, awaited = viewers.last[active], viewers.awaited[active]
    taste_AG = viewers.taste(visits.elapsed)[active]
    mood_AP = (last >= 0)[:, None] & (catalog.topic[video_AP] == catalog.topic[last][:, None])
    utility_AP: Array = (
        2.5 * np.einsum("ag,apg->ap", taste_AG, catalog.genre_VG[video_AP])
        + 4.2 * (catalog.topic[video_AP] == viewers.phase[active][:, None])
        + 0.6 * mood_AP
        + 0.8 * np.minimum(viewers.loyalty.numbers(active[:, None], catalog.creator[video_AP]), 1.5)
        + 3.4 * (video_AP == awaited[:, None])
        + 0.7 * catalog.quality[video_AP]
        + 0.5 * shown.fresh_AP
        + 0.5 * (catalog.language[video_AP] == viewers.language(active)[:, None])
        + np.array(LENGTH_TASTE)[device_A][:, None] * np.log2(catalog.duration_seconds[video_AP] / 700.0).clip(-2, 2)
        + viewers.breadth[active][:, None]
    )
    return utility_AP


def sigmoid(x: Array) -> Array:
    value: Array = 1.0 / (1.0 + np.exp(-x))
    return value
