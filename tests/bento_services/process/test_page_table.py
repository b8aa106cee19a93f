"""A page in a terminal: its rows with reasons, and what changed between two."""

from __future__ import annotations

from typing import Any

import pytest

from bento_services.process.page_table import print_changes, print_page

Captured = pytest.CaptureFixture[str]


def item(number: int, reason: str = "Popular this week") -> dict[str, Any]:
    return {
        "video_id": f"v{number}",
        "title": f"Video {number}",
        "reason": reason,
        "source": "trending",
        "score": 0.125,
    }


def page(*numbers: int, title: str = "Top picks") -> dict[str, Any]:
    rows = [{"title": title, "items": [item(number) for number in numbers]}]
    return {"rows": rows, "served_by": "popular", "release_id": "r-1", "stage_ms": {"sources": 1.25}}


def test_a_page_shows_five_videos_of_each_row_with_their_reasons(capsys: Captured) -> None:
    print_page(page(1, 2, 3, 4, 5, 6), explain=False)
    printed = capsys.readouterr().out
    assert printed.index("Top picks") < printed.index("Video 1") < printed.index("Video 5")
    assert "Popular this week" in printed
    assert "Video 6" not in printed
    assert "trending" not in printed


def test_an_explained_page_adds_sources_scores_and_times(capsys: Captured) -> None:
    print_page(page(1), explain=True)
    printed = capsys.readouterr().out
    assert "trending 0.125" in printed
    assert "answered by popular · release r-1 · ms: sources 1.2" in printed


def test_a_change_names_what_came_and_counts_what_left(capsys: Captured) -> None:
    print_changes(page(1, 2, 3), page(3, 4, title="Because you watched Video 1"), seconds=0.5)
    assert capsys.readouterr().out.splitlines() == [
        "the page changed after 0.50 s: 1 videos came, 2 left",
        "  + Video 4 — Popular this week",
        "  new row: Because you watched Video 1",
    ]
