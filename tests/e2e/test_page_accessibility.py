"""axe-core finds nothing serious or critical on any view of the page, wide and narrow."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from worlds.browser import NARROW, NEEDS_CHROMIUM, WIDE, Visit, axe, browser, faults_of

pytestmark = [pytest.mark.browser, NEEDS_CHROMIUM]


@pytest.fixture(scope="module")
def source() -> str:
    return axe()


@pytest.fixture(scope="module")
def chromium(source: str) -> Iterator[Any]:
    with browser() as chromium:
        yield chromium


def why(page: Any) -> None:
    page.locator(".why").first.click()
    page.locator("#why summary").click()


def at_the_end(page: Any) -> None:
    page.locator("#end").click()
    page.locator("#cancel").wait_for()


def liked(page: Any) -> None:
    page.locator("[data-action='like']").click()
    page.locator("#undo").wait_for()


def more(page: Any) -> None:
    page.locator("#more").click()
    page.locator(".row.grid .card").first.wait_for()
    page.locator("#behind summary").click()


def asked_for_a_key(page: Any) -> None:
    page.evaluate("document.getElementById('key').showModal()")


VIEWS: dict[str, tuple[str, Callable[[Any], None] | None]] = {
    "home": ("", None),
    "home with more, and what is behind it": ("", more),
    "why": ("", why),
    "a key is asked for": ("", asked_for_a_key),
    "categories": ("browse=", None),
    "a category": ("browse={category}", None),
    "trending": ("list=trending", None),
    "new in a category": ("list=new&category={category}", None),
    "search": ("q=", None),
    "results": ("q=a&creator=c0000&channel=One", None),
    "nothing found": ("q=zzzzqqqq&category={category}", None),
    "a video": ("video={video}", None),
    "a video that is liked": ("video={video}", liked),
    "no such video": ("video=none", None),
    "welcome": ("welcome=", None),
    "player": ("watch={video}", None),
    "up next": ("watch={video}", at_the_end),
}


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
def test_no_view_has_a_serious_fault(chromium: Any, source: str, served: Any, size: tuple[int, int]) -> None:
    named = {
        "category": served.get("browse")["categories"][0],
        "video": served.get("recommendations/home", "u00182")["recommendations"][0]["video_id"],
    }
    found = {}
    visit = Visit(chromium, served.url, size, bypass_csp=True)  # axe's source is not the page's own
    for name, (address, act) in VIEWS.items():
        page = visit.open(f"/?viewer=u00182&{address.format(**named)}")
        if act:
            act(page)
        found[name] = faults_of(page, source)
    assert visit.open("/?viewer=u00182").locator("h1").count() == 1
    visit.page.goto(f"{served.url}/docs")
    visit.page.locator("#api[aria-busy='false']").wait_for()
    found["docs"] = faults_of(visit.page, source)
    visit.page.close()
    assert {name: faults for name, faults in found.items() if faults} == {}


def test_what_axe_must_find_is_found(chromium: Any, source: str, served: Any) -> None:
    """Else the test above could pass because nothing is looked at."""
    page = Visit(chromium, served.url, bypass_csp=True).open("/?viewer=u00182&browse=")
    page.evaluate("document.querySelector('#q').removeAttribute('id')")
    page.evaluate("document.querySelector('.find label').remove()")
    page.evaluate("document.querySelector('.find input').removeAttribute('placeholder')")
    page.evaluate("document.querySelector('h1').style.color = '#222'")
    found = " ".join(faults_of(page, source))
    page.close()
    assert "critical label" in found
    assert "serious color-contrast" in found
