"""What the page says while parts of the service are away, and that it mends itself."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from worlds.browser import NEEDS_CHROMIUM, Visit, axe, browser, faults_of
from worlds.live import store_pid

from bento_services.process.supervisor import running
from feature_repo.core.home import Home

NOT_COPIED = shutil.ignore_patterns("run", "*.sock", "address.json")
pytestmark = [pytest.mark.browser, NEEDS_CHROMIUM]


@pytest.fixture
def visit(served: Any) -> Iterator[Visit]:
    with browser() as chromium:
        yield Visit(chromium, served.url, bypass_csp=True)


def expect(locator: Any) -> Any:
    from playwright.sync_api import expect as expected

    return expected(locator, None)


def test_a_page_of_a_lower_rung_says_so_and_becomes_personal_by_itself(visit: Visit, served: Any) -> None:
    page = visit.whole(f"/?viewer={served.viewer}")
    store = psutil.Process(store_pid(served.home))
    store.suspend()
    try:
        page.reload()
        notice = page.locator("[data-notice='rung']")
        expect(notice).to_contain_text("This is a simpler page than usual", timeout=20_000)
        assert page.locator(".card").count() > 0
        assert faults_of(page, axe()) == []
        notice.locator("button").focus()
    finally:
        store.resume()
    expect(notice).to_have_count(0, timeout=60_000)
    expect(page.locator("h1")).to_have_text(f"For {served.viewer}")
    assert page.locator(".row").count() >= 3


def test_a_service_that_is_away_is_said_and_asked_until_it_answers(small_world: Path, tmp_path: Path) -> None:
    shutil.copytree(small_world, tmp_path / "world", symlinks=True, ignore=NOT_COPIED)
    home = Home.open(tmp_path / "world")
    with browser() as chromium:
        with running(home, http_port=0, grpc_port=0) as ports:
            visit = Visit(chromium, ports.http_url, bypass_csp=True)
            page = visit.whole("/?viewer=u00182")
        page.locator("#places [data-place='trending']").click()
        alert = page.locator("[role='alert'] h2")
        expect(alert).to_have_text("Marquee does not answer")
        assert page.locator("[role='alert'] .buttons").inner_text().split("\n") == ["Try again now", "Go home"]
        assert faults_of(page, axe()) == []
        with running(home, http_port=ports.http_port, grpc_port=0):
            expect(alert).to_have_count(0, timeout=60_000)
            expect(page.locator("h1")).to_have_text("Trending now")
            expect(page.locator(".card").nth(5)).to_be_visible()
            page.close()
