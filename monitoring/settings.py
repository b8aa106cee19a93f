"""The tables of marquee.toml that this layer reads."""

from __future__ import annotations

from typing import Any

from feature_repo.core.settings import Section
from monitoring.measures.drift import DRIFT
from monitoring.reports.subject import REPORT

SECTIONS: tuple[Section[Any], ...] = (REPORT, DRIFT)
