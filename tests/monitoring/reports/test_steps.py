"""The page of a release is made once for the same promotion and the same code."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from feature_repo.core.home import Home
from feature_repo.core.steps import StepContext, Steps
from monitoring.reports import release_report
from monitoring.reports.steps import PAGE


def test_the_page_is_written_once_and_again_where_it_is_gone_or_the_rungs_were_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, written = Home.open(tmp_path), []

    def write(home: Home, promotion: Any, progress: Any) -> dict[str, Any]:
        page = release_report.page_of(home, promotion["release_id"])
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text("<html>")
        written.append(promotion["release_id"])
        return {"page": str(page)}

    monkeypatch.setattr(release_report, "write_release_report", write)
    context = StepContext(home, results={"promote": {"release_id": "r-1"}})
    Steps(home).take(PAGE, context)
    (page,) = PAGE.writes(context)
    assert page == home.reports / "release" / "r-1" / "index.html"
    Steps(home).take(PAGE, context)
    assert written == ["r-1"]
    page.unlink()
    Steps(home).take(PAGE, context)
    assert written == ["r-1", "r-1"]
    ladder = home.releases / "r-1" / "ladder.json"
    ladder.parent.mkdir(parents=True)
    ladder.write_text("{}")
    Steps(home).take(PAGE, context)
    Steps(home).take(PAGE, context)
    assert written == ["r-1"] * 3
