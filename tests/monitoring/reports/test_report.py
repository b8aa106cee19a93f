"""One report that cannot be made is said on the index, and takes no other with it."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from feature_repo.core.errors import HomeError
from feature_repo.core.home import Home
from monitoring.pages.index import ALARM, QUIET, Card
from monitoring.reports import report
from monitoring.reports.report import write_reports


def test_a_home_without_a_release_names_the_command_to_run(tmp_path: Path) -> None:
    with pytest.raises(HomeError, match="marquee"):
        write_reports(Home.open(tmp_path))


def test_what_cannot_be_compared_is_said_and_the_rest_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def made(verdict: str) -> Any:
        return lambda subject, title, path: (
            Card(title, verdict, "A sentence.", pages=[("Page", path.name)]),
            {"n": path.write_text("page")},
        )

    def too_old(*_: Any) -> Any:
        raise HomeError("the features are older than the lake")

    world = SimpleNamespace(name="small", now_us=lambda: 0)
    monkeypatch.setattr(report, "champion_or_previous", lambda home: SimpleNamespace(release_id="r-0123456789ab"))
    monkeypatch.setattr(report, "Subject", SimpleNamespace(open=lambda *_: SimpleNamespace(world=world)))
    monkeypatch.setattr(report, "_feature_drift", too_old)
    for name, verdict in (("_feed_quality", ALARM), ("_user_vectors", QUIET), ("_video_vectors", QUIET)):
        monkeypatch.setattr(report, name, made(verdict))
    home = Home(tmp_path)
    page_of_a_release = home.reports / "release" / "r-0123456789ab" / "index.html"
    page_of_a_release.parent.mkdir(parents=True)
    page_of_a_release.write_text("release")
    (home.reports / "stale.html").write_text("from an older run")

    result = write_reports(home)
    assert result["feature_drift"] == {"not_measured": "the features are older than the lake"}
    assert [Path(page).name for page in result["pages"]] == [
        "feed_quality.html",
        "user_vectors.html",
        "video_vectors.html",
    ]
    assert result["alarms"] == ["Recommendation quality and diversity"]
    assert result["video_vectors"] == {"n": 4}
    index = (home.reports / "index.html").read_text()
    assert "the features are older than the lake." in index
    assert 'href="release/r-0123456789ab/index.html"' in index
    assert page_of_a_release.read_text() == "release"
    assert not (home.reports / "stale.html").exists()
