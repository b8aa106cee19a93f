"""The front page of the reports says what alarms, and trusts no name."""

from monitoring.pages.index import ALARM, QUIET, UNMEASURED, Card, index_html

QUALITY = Card("Quality", QUIET, "Good.", ("measure", "champion"), [("NDCG", "0.12")], [("the lists", "q.html")])
DRIFT = Card("Drift", ALARM, "3 of 9 moved.")
VECTORS = Card("Vectors", UNMEASURED, "too few")


def test_every_card_is_there_with_its_verdict_numbers_and_link() -> None:
    page = index_html("demo", "r-1", "today", [QUALITY, DRIFT, VECTORS])
    for shown in (
        "Quality",
        "Drift",
        "Vectors",
        "NDCG",
        "0.12",
        "3 of 9 moved.",
        "not measured",
        'href="q.html"',
        "r-1",
    ):
        assert shown in page
    assert page.count("<section>") == 3
    assert page.count("href=") == 1


def test_the_summary_counts_what_alarms() -> None:
    assert "1 of 2 reports raise an alarm" in index_html("demo", "r-1", "today", [QUALITY, DRIFT])
    assert "Nothing alarms" in index_html("demo", "r-1", "today", [QUALITY, VECTORS])


def test_a_name_cannot_bring_markup_into_the_page() -> None:
    page = index_html("<script>x</script>", "r-1", "today", [Card("<b>", QUIET, "&", rows=[("<i>", "{y}")])])
    assert "<script>" not in page
    assert "<b>" not in page
    assert "<i>" not in page
    assert "{y}" in page


def test_nothing_is_fetched_from_elsewhere() -> None:
    assert "http" not in index_html("demo", "r-1", "today", [QUALITY])
