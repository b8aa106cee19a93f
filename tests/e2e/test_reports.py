"""The reports of a real small world: every page there, every number finite, the old ones replaced."""

import json
import math
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from feature_repo.core.home import Home
from feature_repo.jobs.build_features import build_features
from monitoring.reports.report import write_reports


@pytest.fixture(scope="module")
def written(small_world: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Home, dict[str, Any]]:
    home = Home.open(tmp_path_factory.mktemp("reported"))
    for part in ("lake", "releases"):
        shutil.copytree(small_world / part, home.root / part)
    shutil.copy(small_world / "world.json", home.root)
    build_features(home)  # whoever served this world since may have added to its lake
    home.reports.mkdir()
    (home.reports / "stale.html").write_text("from an older run")
    return home, write_reports(home)


def test_the_index_links_every_page_that_was_written(written: tuple[Home, dict[str, Any]]) -> None:
    home, result = written
    index = (home.reports / "index.html").read_text()
    pages = [Path(page) for page in result["pages"]]
    assert len(pages) >= 4
    assert all(page.stat().st_size > 100_000 and f'href="{page.name}"' in index for page in pages)
    assert result["index"] == str(home.reports / "index.html")


def test_the_reports_of_an_older_run_are_gone(written: tuple[Home, dict[str, Any]]) -> None:
    assert not (written[0].reports / "stale.html").exists()


def test_the_headline_numbers_are_finite_and_fit_into_json(written: tuple[Home, dict[str, Any]]) -> None:
    result = written[1]
    numbers = list(_numbers(json.loads(json.dumps(result))))
    assert len(numbers) > 20
    assert all(math.isfinite(number) for number in numbers)
    assert 0 < result["feed_quality"]["champion"]["ndcg_at_10"] < 1
    assert 0 <= result["feature_drift"]["share"] <= 1


def test_what_cannot_be_compared_is_said_and_the_rest_is_written(small_world: Path, tmp_path: Path) -> None:
    home = Home.open(tmp_path)
    for part in ("lake", "releases"):
        shutil.copytree(small_world / part, home.root / part)
    shutil.copy(small_world / "world.json", home.root)
    result = write_reports(home)  # without features
    assert "not_measured" in result["feature_drift"]
    assert "ndcg_at_10" in result["feed_quality"]["champion"]
    assert "not measured" in (home.reports / "index.html").read_text()


def _numbers(value: Any) -> Iterator[float]:
    if isinstance(value, dict):
        for inner in value.values():
            yield from _numbers(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _numbers(inner)
    elif isinstance(value, float | int):
        yield float(value)
