"""Videos watched by viewers who also watched what this viewer watched last."""

from __future__ import annotations

from models.candidates.sources.neighbours import Neighbours
from models.candidates.sources.spec import SourceModels, SourceSpec


def _open(models: SourceModels) -> Neighbours:
    return Neighbours(models.item_cf)


ITEM_ITEM = "item_item"
SPEC = SourceSpec(ITEM_ITEM, _open, size=100, weight_without_models=0.9)
