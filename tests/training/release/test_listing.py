"""The releases of a home, with what became of those that are gone or damaged."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from worlds.untrained import releases, untrained_home

from models.release.history import Entry, record
from models.release.manifest import Manifest
from training.release.listing import figures_of, listing


def test_what_is_there_removed_and_damaged_is_listed_the_newest_first(tmp_path: Path) -> None:
    home = untrained_home(tmp_path / "home")
    champion, other = releases(home)
    gone = "r-00000000000c"
    record(home, Entry("2001-01-01", gone, "promoted", "marquee promote", figures={"auc": 0.75}))
    record(home, Entry("2100-01-01", other, "refused", "marquee promote", ("auc",), champion=champion))
    (home.releases / other / "manifest.json").write_text("{}")
    found = listing(home)
    assert (found["champion"], found["previous"]) == (champion, None)
    rows = {row["release_id"]: row for row in found["releases"]}
    assert list(rows) == [other, champion, gone]
    assert [row["state"] for row in rows.values()] == ["damaged", "there", "removed"]
    assert "manifest.json" in rows[other]["problem"]
    assert [row["pointer"] for row in rows.values()] == ["", "champion", ""]
    assert rows[gone]["figures"] == {"ndcg_at_10": None, "recall_at_50": None, "auc": 0.75, "gauc": None}
    assert [entry["outcome"] for entry in rows[other]["history"]] == ["refused"]


def test_figures_that_an_evaluation_lacks_are_left_out() -> None:
    metrics: dict[str, Any] = {"retrieval": {"two_tower": {"ndcg_at_10": 0.25}}, "ranking": {"ranker": {"auc": None}}}
    assert figures_of(cast(Manifest, SimpleNamespace(metrics=metrics))) == {"ndcg_at_10": 0.25}
