"""The nearest videos by the two-tower model; new videos, in its index or beside it, have vectors of their content."""

from __future__ import annotations

from typing import Any

import numpy as np

from models.candidates.sources.spec import SourceModels, SourceSpec
from models.candidates.sources.vectors import Nearest
from models.catalog import ViewerRequest

Array = np.ndarray[Any, Any]


def _vector(request: ViewerRequest) -> Array:
    if request.user_vector is None:
        raise ValueError("the two-tower source needs the viewer's vector")
    return request.user_vector


def _open(models: SourceModels) -> Nearest:
    return Nearest(models.index, _vector, models.beside)


TWO_TOWER = "two_tower"
SPEC = SourceSpec(TWO_TOWER, _open, size=250, optional=False, needs_user_vector=True)
