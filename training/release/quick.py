"""The settings of `marquee release --quick`: a small model in minutes, for trying a large catalog.

Most videos of a large catalog have few watches or none, and are found by content, which one epoch learns. The ranker
learns from a sample. Gates and everything else are as in any release, whose figures a quick one does not reach.
"""

from __future__ import annotations

from typing import Any

from feature_repo.core.steps import StepContext

TWO_TOWER: dict[str, Any] = {"epochs": 1, "patience": 1, "refit_epochs": 0, "max_validation_viewers": 100}
RANKER: dict[str, Any] = {"max_rows": 30_000, "max_epochs": 3, "tree_rounds": 30, "refit": False}
EVALUATION: dict[str, Any] = {"max_rows": 10_000, "max_viewers": 200}


def overridden(context: StepContext, quick: dict[str, Any], *options: str) -> dict[str, Any]:
    """What a command overrides of a table of settings: `quick` where it asks for that, and options that were given."""
    asked = quick if context.options.get("quick") else {}
    return {**asked, **context.chosen(*options)}
