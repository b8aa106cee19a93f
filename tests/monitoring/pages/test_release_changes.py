"""What changed against the champion is told in figures, recommendations, settings, windows and rules."""

import re
from dataclasses import replace

from monitoring.pages.release_changes import changes_html
from monitoring.pages.release_facts import Changes, Recommendations

CHANGED = Changes(
    champion="r-ba9876543210",
    settings=[("ranker.width", "64", "128")],
    policy=["-max_per_creator = 3", "+max_per_creator = 2"],
    windows=[("ranker learns until", "1 May", "2 May")],
    figures=[{"figure": "ranker auc", "ours": 0.7, "champions": 0.65, "error": 0.01}],
    viewers=9,
    why_not="",
    recommendations=Recommendations(60, 0.6, 0.3, 0.0, [("Rising", 1, 9)], [("Falling", 9, 1)]),
)


def text(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


def test_what_changed_is_told_in_figures_recommendations_settings_windows_and_rules() -> None:
    said = text(changes_html(CHANGED))
    for part in (
        "Against r-ba9876543210",
        "ranker auc 0.6500 0.7000 +0.0500 ± 0.0100",
        "Of 60 viewers' first ten recommendations, 60 % are the same videos; 100 % of the lists differ, 70 % begin",
        "Rising 1 9",
        "Falling 9 1",
        "ranker.width 64 128",
        "ranker learns until 1 May 2 May",
        "-max_per_creator = 3 +max_per_creator = 2",
    ):
        assert part in said, part
    incomparable = replace(CHANGED, figures=[], why_not="it was trained on other columns")
    assert "could not be compared: it was trained on other columns." in text(changes_html(incomparable))


def test_titles_and_lines_of_a_policy_are_text_and_never_markup() -> None:
    seen = Recommendations(1, 0.5, 0.5, 0.0, [("<b>Rising</b>", 1, 9)], [])
    page = changes_html(replace(CHANGED, champion="<i>", policy=["+<u>"], why_not="<s>", recommendations=seen))
    assert not re.search(r"<(b>Rising|i>|u>|s>)", page)
    assert "&lt;b&gt;Rising&lt;/b&gt;" in page
    assert "Videos shown less: none." in text(page)


def test_the_first_release_has_nothing_to_be_compared_with() -> None:
    assert "This is the first champion" in text(changes_html(None))


def test_the_same_data_settings_and_rules_are_said_to_be_the_same() -> None:
    said = text(changes_html(replace(CHANGED, windows=[("until", "1 May", "1 May")], settings=[], policy=[])))
    for part in ("The same time windows.", "The same settings of both models.", "The same rules."):
        assert part in said
