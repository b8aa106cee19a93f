"""The tables of marquee.toml that this layer reads, and those of all layers."""

from __future__ import annotations

from typing import Any

from feature_repo.core.settings import Section
from monitoring.measures.drift_bars import DRIFT
from monitoring.reports.subject import REPORT

SECTIONS: tuple[Section[Any], ...] = (REPORT, DRIFT)


def every_section() -> tuple[Section[Any], ...]:
    """Those of every layer; only here all of them can be seen."""
    import bento_services.settings
    import feature_repo.settings
    import training.settings

    return (
        *bento_services.settings.SECTIONS,
        *feature_repo.settings.SECTIONS,
        *training.settings.SECTIONS,
        *SECTIONS,
    )
