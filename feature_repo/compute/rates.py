"""Outcome rates of past exposures, by key. `models/encoding/rates.py` fits them and looks them up for any key.

To add one, add an entry to RATES: the parts of its key, and the weight of its prior in exposures. A new part must also
be computed in ExposureRates.codes and, for the lake, in training/data/rate_tables.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from feature_repo.compute.feature import Entity, Feature
from feature_repo.schema import FLOAT, RANK_SERVICE

OUTCOMES = ("click", "long_view")


class Rate(NamedTuple):
    parts: tuple[str, ...]  # codes that make up its key
    prior: float  # weight, in exposures
    entity: Entity
    of: str  # whose exposures are counted


RATES: Mapping[str, Rate] = {
    "user": Rate(("user_id",), 5.0, "user", "this viewer"),
    "video": Rate(("video_id",), 10.0, "video", "this video"),
    "creator": Rate(("creator_id",), 10.0, "video", "videos of this creator"),
    "user_genre": Rate(("user_id", "genre"), 3.0, "user x video", "this viewer and videos of this genre"),
    "user_creator": Rate(("user_id", "creator_id"), 2.0, "user x video", "this viewer and videos of this creator"),
    "user_length": Rate(("user_id", "length"), 3.0, "user x video", "this viewer and videos of about this length"),
    "user_surface": Rate(("user_id", "surface"), 3.0, "user", "this viewer on this surface"),
    "video_surface": Rate(("video_id", "surface"), 5.0, "video", "this video on this surface"),
}


def rate_names(key: str) -> tuple[str, ...]:
    """The columns of a key: a rate per outcome, and the number of exposures."""
    return (*(f"rate:{key}:{outcome}" for outcome in OUTCOMES), f"rate:{key}:shown")


# In the order of the ranker's columns: all rates, then all counts.
NAMES = (*(name for key in RATES for name in rate_names(key)[:-1]), *(rate_names(key)[-1] for key in RATES))


def _registered(name: str) -> Feature:
    key, outcome = name.split(":")[1:]
    of, shown = RATES[key].of, outcome == "shown"
    return Feature(
        name=name,
        kind="rate",
        entity=RATES[key].entity,
        dtype=FLOAT,
        description=f"Exposures of {of}" if shown else f"Share of the exposures of {of} that led to a {outcome}",
        unit="log(1 + exposures)" if shown else "share minus the surface's mean",
        owner="ranking",
        computed_by="models.encoding.rates:ExposureRates",
        ranker="number",
        services=(RANK_SERVICE,),
        per_request="surface" in RATES[key].parts,
    )


FEATURES = tuple(_registered(name) for name in NAMES)
