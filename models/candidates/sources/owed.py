"""New videos that are owed impressions (models/page/delivery.py), drawn at random: the further behind, the likelier."""

from __future__ import annotations

import numpy as np

from models.allowed import Allowed
from models.candidates.sources.explore import EXPLORE
from models.candidates.sources.spec import NOTHING, Found, SourceModels, SourceSpec
from models.catalog import ViewerRequest


class Owed:
    """The score is the pace."""

    def find(self, request: ViewerRequest, allowed: Allowed, n: int) -> Found:
        rows, pace = request.delivery.owed(request.catalog)
        kept = allowed[rows] if len(rows) else np.zeros(0, dtype=bool)
        if not kept.any():
            return NOTHING
        rows, pace = rows[kept], pace[kept]
        # The largest of log(weight) + Gumbel noise are draws by weight, without putting any back (Vieira 2014).
        drawn = np.argsort(-np.log(pace) - request.rng(OWED).gumbel(size=len(rows)))[:n]
        return Found(rows[drawn], pace[drawn])


def _open(models: SourceModels) -> Owed:
    return Owed()


OWED = "owed"
SPEC = SourceSpec(OWED, _open, size=20, size_fused=20, never_cut=True, measured=False)
AT_RANDOM = frozenset({EXPLORE, OWED})  # what these find is drawn anew for every page
