"""Prices of exposure: only videos that have one, rounded and in the same order whatever they were given in."""

from pathlib import Path

from models.page.exposure import FILE, ExposurePrices


def test_a_video_without_a_price_costs_nothing() -> None:
    assert ExposurePrices({"a": 0.25}).of(["b", "a", "b"]).tolist() == [0.0, 0.25, 0.0]
    assert len(ExposurePrices().of([])) == 0


def test_prices_too_small_to_matter_are_not_kept(tmp_path: Path) -> None:
    ExposurePrices({"b": 0.123456, "a": 0.5, "c": 0.00001}).save(tmp_path / "exposure")
    assert ExposurePrices.load(tmp_path / "exposure").price_of == {"a": 0.5, "b": 0.1235}
    written = (tmp_path / "exposure" / FILE).read_text()
    ExposurePrices({"a": 0.5, "b": 0.123456}).save(tmp_path / "exposure")
    assert (tmp_path / "exposure" / FILE).read_text() == written
