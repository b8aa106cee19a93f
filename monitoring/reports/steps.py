"""The reporting steps: the page of a release, and the reports about its home."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from feature_repo.core.steps import Result, Step, StepContext


def _page_of(context: StepContext) -> Sequence[Path]:
    """Empty until the promote step has a result."""
    from monitoring.reports.release_report import page_of

    promoted = context.results.get("promote")
    return [page_of(context.home, promoted["release_id"])] if promoted else []


def _shown_on_page(context: StepContext) -> Sequence[Path]:
    from monitoring.reports.ladder_file import ladder_of

    promoted = context.results.get("promote")
    return [ladder_of(context.home, promoted["release_id"])] if promoted else []


def _write_page(context: StepContext) -> Result:
    from monitoring.reports.release_report import write_release_report

    return write_release_report(context.home, context.results["promote"], context.progress)


def _write_reports(context: StepContext) -> Result:
    from monitoring.reports.report import write_reports

    return write_reports(context.home, context.progress)


PAGE = Step(
    "page",
    _write_page,
    code=("monitoring.reports.release_report",),
    after=("promote",),
    reads=_shown_on_page,
    settings=lambda context: {"promotion": context.results.get("promote")},
    writes=_page_of,
)
REPORT = Step(
    "report",
    _write_reports,
    after=("promote",),
    reads=lambda context: [context.home.features],
    settings=lambda context: {"champion": context.results["promote"]["release_id"]},
    writes=lambda context: [context.home.reports / "index.html"],
)
