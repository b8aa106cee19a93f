"""The page of a release says what passed, what failed, what changed, and asks nothing of the network."""

import re
from dataclasses import replace

from monitoring.pages.release import _gates, release_html
from monitoring.pages.release_facts import Example, ReleaseReport

PASSED = {"gate": "ranker auc", "kind": "accuracy", "value": 0.7, "bar": 0.6, "at_least": True, "passed": True}
FAILED = {"gate": "ranker ms", "kind": "latency", "value": 12.5, "bar": 10.0, "at_least": False, "passed": False}
FIRST = ReleaseReport(
    world="simulated",
    release_id="r-0123456789ab",
    created="2026-11-21T12:00:00+00:00",
    promoted=True,
    forced=False,
    gates=[PASSED],
    tables={
        "retrieval": [
            {"model": "two_tower", "viewers": 9.0, "ndcg_at_10": 0.25, "gini_at_10": 0.5, "absent": None},
            {"model": "popularity", "viewers": 9.0, "ndcg_at_10": 0.125, "gini_at_10": 0.75, "absent": None},
        ]
    },
    counts={"videos": 400},
    windows=[("two-tower model is trained on watches before", "18 November 2026")],
    curves={"two_tower": [{"loss": 3.0, "ndcg_at_10": 0.1}, {"loss": 2.0, "ndcg_at_10": 0.2}]},
    chosen={"two_tower": 2},
    settings={"two_tower": {"dim": "64"}},
    examples=[
        Example("someone new", False, 0, [], "full_funnel", [("Top picks", "", [("<b>Bold</b>", "Popular & new")])])
    ],
    changes=None,
    measured={},
)


def text(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page.partition("</style>")[2]))


def test_the_page_is_one_file_that_loads_nothing_and_runs_nothing() -> None:
    page = release_html(FIRST)
    assert re.findall(r"(?:src|href)=[\"']?(?!#|\.\./\.\./index\.html)[^\"'>\s]+", page) == []
    assert not re.search(r"<script|<link|@import|url\(|https?://", page)
    assert "prefers-color-scheme: dark" in page


def test_titles_are_text_and_never_markup() -> None:
    page = release_html(FIRST)
    assert "<b>Bold</b>" not in page
    assert "&lt;b&gt;Bold&lt;/b&gt;" in page
    assert "Popular &amp; new" in page


def test_the_first_release_says_that_there_was_no_champion() -> None:
    said = text(release_html(FIRST))
    assert "Promoted: the first release of this world" in said
    assert "This is the first champion" in said


def test_a_failed_gate_comes_first_with_its_value_and_its_bar() -> None:
    said = text(release_html(replace(FIRST, promoted=False, gates=[PASSED, FAILED])))
    assert "Not promoted: the champion stays" in said
    assert "1 of 2 gates passed. Failed: ranker ms (12.5000, at most 10)." in said
    assert said.index("✗ failed") < said.index("✓ passed")
    assert "Promoted by force" in text(release_html(replace(FIRST, forced=True, gates=[FAILED])))


def test_the_best_of_a_column_is_marked_and_less_inequality_is_better() -> None:
    page = release_html(FIRST)
    own = page[page.index("two-tower (this release)") :].partition("</tr>")[0]
    other = page[page.index(">popular<") :].partition("</tr>")[0]
    assert own.count('class="best"') == 2
    assert other.count('class="best"') == 0
    assert "absent" not in text(page)


def test_a_gate_without_data_is_shown_as_not_measured_and_not_as_failed() -> None:
    unmeasured = {**PASSED, "gate": "new videos", "value": None, "bar": None, "passed": False, "measured": False}
    table = _gates([PASSED, {**unmeasured, "why": "nobody watched one"}])
    assert "not measured" in table
    assert "failed" not in table


def test_the_rungs_are_a_table_where_they_were_measured() -> None:
    rung = {"ndcg_at_10": 0.25, "ndcg_at_10_lost": 0.0, "p50_ms": 9.5}
    rungs = [{"rung": "full_funnel", **rung}, {"rung": "static", **rung, "ndcg_at_10_lost": 60.0, "p50_ms": 0.5}]
    measured = {"viewers": 1400, "as_of": "2026-11-20T09:30:00+00:00", "rungs": rungs}
    page = release_html(replace(FIRST, ladder=measured))
    said = text(page)
    assert "full funnel" in said
    assert "1,400 viewers, asked as of 2026-11-20 09:30 UTC." in said
    assert "what this rung loses" in said
    static = page[page.index(">static<") :].partition("</tr>")[0]
    assert '<td class="best">0.5000' in static  # the faster one
    assert "full funnel" not in text(release_html(FIRST)).partition("Example pages")[0]
