"""The tables of marquee.toml that monitoring reads, and those of all layers."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Any

from feature_repo.core.settings import Section, refuse_misspelled, table_of
from monitoring.measures.drift_bars import DRIFT
from monitoring.reports.subject import REPORT

SECTIONS: tuple[Section[Any], ...] = (REPORT, DRIFT)


LIGHT_FIRST = ("feature_repo.settings", "bento_services.settings", "monitoring.settings", "training.settings")


def refuse_unknown(variables: Sequence[str]) -> None:
    """Raises SettingsError for a variable that is not a setting. Imports only the layers whose tables are named."""
    tables = {table_of(name) for name in variables}
    if "" in tables:
        refuse_misspelled(variables, every_section())
        return
    found: list[Section[Any]] = []
    for module in LIGHT_FIRST:
        if tables - {section.name for section in found}:
            found += import_module(module).SECTIONS
    refuse_misspelled(variables, found)


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
