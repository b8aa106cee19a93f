"""Topics at the boundary of what a viewer likes: unfamiliar ones that are close to familiar ones.

Genres are close whose videos come from the same creators: who makes documentaries and travel films makes the one close
to the other for those who like either. That needs no model and no audience, so that it holds from the first day on. Of
an unknown creator each video stands for itself, and the genres that it bears are close.

G genres, V videos of the catalog, C creators.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from models.catalog import Catalog
from models.orders import CREATOR_CODES
from models.per_catalog import Followed

Array = np.ndarray[Any, Any]

LOOKED_AT = 50_000  # videos of a larger catalog, at equal distances
GROWN = 1.1  # times as large as it was, a catalog is looked at again
NEAR = 0.5  # of how close the closest genre is, from which others are close enough


@dataclass(frozen=True)
class _Kin:
    videos: int  # of the catalog that was looked at
    share_GG: Array  # row: of what a genre's creators make otherwise, the share that bears each genre


class _Kinship:
    def whole(self, catalog: Catalog) -> _Kin:
        rows = np.arange(0, len(catalog), max(len(catalog) // LOOKED_AT, 1))
        genres_NG = np.asarray(catalog.columns["genres"][rows], dtype=np.float64)
        creator_N = CREATOR_CODES.of(catalog)[rows]
        alone = creator_N < 0
        creator_N = np.where(alone, creator_N.max(initial=-1) + 1 + np.cumsum(alone), creator_N)
        codes, creator_N = np.unique(creator_N, return_inverse=True)
        made_CG = np.stack([np.bincount(creator_N, one, len(codes)) for one in genres_NG.T], axis=1)
        together_GG = made_CG.T @ (made_CG / np.maximum(made_CG.sum(axis=1, keepdims=True), 1.0))
        np.fill_diagonal(together_GG, 0.0)
        return _Kin(len(catalog), together_GG / np.maximum(together_GG.sum(axis=1, keepdims=True), 1e-12))

    def extended(self, kept: _Kin, catalog: Catalog, rows: Array) -> _Kin:
        return self.whole(catalog) if len(catalog) > GROWN * kept.videos else kept


_KIN: Followed[_Kin] = Followed(_Kinship())


def follow(catalog: Catalog) -> None:
    """What whoever publishes a catalog calls, before requests see it."""
    _KIN.of(catalog)


def boundary_topics(catalog: Catalog, affinity_G: Array) -> Array:
    """(G,) bool: the genres that this viewer does not usually watch and that are closest to those they do; none where
    nothing is close to anything."""
    familiar_G = affinity_G > affinity_G.mean()
    near_G = np.where(familiar_G, 0.0, _KIN.of(catalog).share_GG @ np.where(familiar_G, affinity_G, 0.0))
    boundary_G: Array = (near_G > 0) & (near_G >= NEAR * near_G.max(initial=0.0))
    return boundary_G
