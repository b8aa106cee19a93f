"""The demo watches the first pick of a page to its end, and says what the watch changed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from worlds.by_hand import WORLD, item

from bento_services.feed.page import Page, Row
from bento_services.process import demo
from bento_services.process.ports import Ports
from feature_repo.core.home import Home


def page(*numbers: int) -> Page:
    items = tuple(msgspec.structs.replace(item(n, "top_picks"), title=f"Video {n}", duration=60.0 * n) for n in numbers)
    row = Row("top_picks", "Top picks", "", items)
    return Page("q", (row,), items, None, "popular", "r", {}, {}, 0)


class Service:
    """A client whose page loses what was watched."""

    def __init__(self, url: str) -> None:
        self.sent: list[dict[str, Any]] = []
        services.append(self)

    def home(self, viewer: str) -> Page:
        return page(1, 2)

    def send(self, event: dict[str, Any]) -> str:
        self.sent.append(event)
        return "a receipt"

    def home_after(self, receipt: str, viewer: str) -> Page:
        assert receipt == "a receipt"
        return page(2, 3)


services: list[Service] = []


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    @contextmanager
    def running(home: Home, http_port: int, grpc_port: int) -> Iterator[Ports]:
        yield Ports(host="127.0.0.1", http_port=8080, grpc_port=8081)

    services.clear()
    monkeypatch.setattr(demo, "running", running)
    monkeypatch.setattr(demo, "Client", Service)
    opened = Home(tmp_path)
    opened.write_world(WORLD)
    return opened


def test_the_first_pick_is_watched_to_its_end_and_the_change_is_printed(
    home: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(demo, "wait_for_interrupt", lambda: pytest.fail("--once does not stay up"))
    demo.converse(home, 0, 0, once=True)
    (service,) = services
    assert service.sent == [{"user_id": "u1", "item_id": "v1", "event": "watch", "duration_sec": 60.0}]
    printed = capsys.readouterr().out
    assert "u1 watches “Video 1” to the end" in printed
    assert re.search(r"the page changed after 0\.\d+ s: 1 videos came, 1 left", printed)
    assert "Ctrl-C" not in printed


def test_without_once_it_stays_up_and_prints_where(
    home: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    waited: list[bool] = []
    monkeypatch.setattr(demo, "wait_for_interrupt", lambda: waited.append(True))
    demo.converse(home, 0, 0, once=False)
    assert waited == [True]
    printed = capsys.readouterr().out
    assert "page      http://127.0.0.1:8080/" in printed
    assert "gRPC      127.0.0.1:8081" in printed


def test_a_page_without_top_picks_gives_its_first_recommendation() -> None:
    picks = page(9)
    shown = msgspec.structs.replace(picks, rows=(Row("popular", "", "", ()),))
    assert demo._something_to_watch(shown) == picks.recommendations[0]
