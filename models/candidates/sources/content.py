"""Videos whose content resembles what the viewer watched last."""

from __future__ import annotations

from models.candidates.sources.neighbours import Neighbours
from models.candidates.sources.spec import SourceModels, SourceSpec


def _open(models: SourceModels) -> Neighbours | None:
    return Neighbours(models.content) if models.content is not None else None


CONTENT = "content"
SPEC = SourceSpec(CONTENT, _open, size=50, weight_without_models=0.7)
