"""The nearest videos by matrix factorization; the viewer is folded in from the freshest history."""

from __future__ import annotations

from typing import Any

import numpy as np

from models.candidates.sources.spec import SourceModels, SourceSpec, liked_history
from models.candidates.sources.vectors import Nearest
from models.catalog import ViewerRequest

Array = np.ndarray[Any, Any]


def _open(models: SourceModels) -> Nearest | None:
    factors = models.factors
    if factors is None:
        return None

    def vector(request: ViewerRequest) -> Array | None:
        vector: Array = factors.user_vectors([liked_history(request)])[0]
        return vector if vector.any() else None  # zeros: the model knows none of the viewer's watches

    return Nearest(factors.index, vector)


FACTORS = "matrix_factorization"
SPEC = SourceSpec(FACTORS, _open, size=100, weight_without_models=0.8)
