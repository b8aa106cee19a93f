"""The reporting steps: the page of a release, and the reports about its home."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from feature_repo.core.steps import Making, Result, Step


def _page_of(making: Making) -> Sequence[Path]:
    """No file before the promote step has a result."""
    from monitoring.reports.release_report import page_of

    promoted = making.results.get("promote")
    return [page_of(making.home, promoted["release_id"])] if promoted else []


def _write_page(making: Making) -> Result:
    from monitoring.reports.release_report import write_release_report

    return write_release_report(making.home, making.results["promote"], making.progress)


def _write_reports(making: Making) -> Result:
    from monitoring.reports.report import write_reports

    return write_reports(making.home, making.progress)


PAGE = Step(
    "page",
    _write_page,
    code=("monitoring.reports.release_report",),
    after=("promote",),
    settings=lambda making: {"promotion": making.results.get("promote")},
    writes=_page_of,
)
REPORT = Step(
    "report",
    _write_reports,
    after=("promote",),
    reads=lambda making: [making.home.features],
    settings=lambda making: {"champion": making.results["promote"]["release_id"]},
    writes=lambda making: [making.home.reports / "index.html"],
)
