"""Curves as a picture and as a page."""

from pathlib import Path

from training.judge.protocols.diversity_chart import NDCG, PANELS, draw


def row(name: str, family: str, trade_off: float, ndcg: float) -> dict[str, object]:
    return {"name": name, "family": family, "trade_off": trade_off, NDCG: ndcg, **{panel: 0.5 for panel, _ in PANELS}}


ROWS = [
    row("relevance", "relevance", 1.0, 0.30),
    row("mmr-0.90", "mmr", 0.9, 0.29),
    row("mmr-0.90-floor-0.10", "mmr, floor 0.1", 0.9, 0.28),
    row("dpp-0.90", "dpp", 0.9, 0.27),
]


def test_both_are_written_and_the_page_names_the_choice_and_every_family(tmp_path: Path) -> None:
    paths = draw(tmp_path / "small", ROWS, "mmr-0.90", 0.01)
    assert Path(paths["png"]).read_bytes().startswith(b"\x89PNG")
    page = Path(paths["html"]).read_text()
    assert "The star is the choice: <code>mmr-0.90</code>" in page
    assert "1% of that lost" in page
    assert "mmr, floor 0.1" in page


def test_where_nothing_was_chosen_the_page_says_so(tmp_path: Path) -> None:
    page = Path(draw(tmp_path, ROWS, None, 0.02)["html"]).read_text()
    assert "Nothing was chosen" in page
