"""The tables of marquee.toml that monitoring reads, and those of all layers."""

from __future__ import annotations

from typing import Any

from feature_repo.core.settings import Section
from monitoring.measures.drift_bars import DRIFT
from monitoring.reports.subject import REPORT

SECTIONS: tuple[Section[Any], ...] = (REPORT, DRIFT)


def every_section() -> tuple[Section[Any], ...]:
    """The tables of every layer; only the top layer may import all of them."""
    import bento_services.settings
    import feature_repo.settings
    import training.settings

    return (
        *bento_services.settings.SECTIONS,
        *feature_repo.settings.SECTIONS,
        *training.settings.SECTIONS,
        *SECTIONS,
    )
