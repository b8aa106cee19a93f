"""New videos that are owed impressions (models/page/delivery.py), drawn at random: the further behind, the likelier."""

from __future__ import annotations

import numpy as np

from models.allowed import Allowed
from models.candidates.sources.explore import EXPLORE
from models.candidates.sources.spec import NOTHING, Found, SourceModels, SourceSpec
from models.catalog import ViewerRequest

FEW = 8  # times what is asked for: among fewer, each is looked at


class Owed:
    """The score is the pace."""

    def find(self, request: ViewerRequest, allowed: Allowed, n: int) -> Found:
        rows, pace = request.delivery.owed(request.catalog)
        if not len(rows):
            return NOTHING
        rng = request.rng(OWED)
        if len(rows) > FEW * n:
            # Draws that put back what they drew, without repeats and what may not be shown, are draws without either.
            total = np.cumsum(pace)
            drawn = np.minimum(np.searchsorted(total, rng.random(FEW * n) * total[-1], side="right"), len(rows) - 1)
            distinct = np.fromiter(dict.fromkeys(drawn.tolist()), dtype=np.int64)
            first = distinct[allowed[rows[distinct]]][:n]
            if len(first) == n:
                return Found(rows[first], pace[first])
        kept = allowed[rows]
        rows, pace = rows[kept], pace[kept]
        # The largest of log(weight) + Gumbel noise are draws by weight, without putting any back (Vieira 2014).
        by_weight = np.argsort(-np.log(pace) - rng.gumbel(size=len(rows)))[:n]
        return Found(rows[by_weight], pace[by_weight])


def _open(models: SourceModels) -> Owed:
    return Owed()


OWED = "owed"
SPEC = SourceSpec(OWED, _open, size=20, size_fused=20, never_cut=True, measured=False)
AT_RANDOM = frozenset({EXPLORE, OWED})  # what these find is drawn anew for every page
