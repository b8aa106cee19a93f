"""The steps of a release that show people what it is: its page, and the reports."""

from __future__ import annotations

from pathlib import Path

from feature_repo.core.home import Home
from feature_repo.core.progress import Progress
from feature_repo.core.steps import Result, Steps, code_of


def write_page(home: Home, steps: Steps, promoted: Result, progress: Progress) -> Path:
    """The page of a release; gives its file."""
    from monitoring.reports.release_report import page_of, write_release_report

    inputs = {"promotion": promoted, "code": code_of("monitoring.reports.release_report")}
    page = page_of(home, promoted["release_id"])
    steps.run("page", inputs, [page], lambda: write_release_report(home, promoted, progress))
    return page


def write_report(home: Home, progress: Progress) -> Result:
    from monitoring.reports.report import write_reports

    return write_reports(home, progress)
