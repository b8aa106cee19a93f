"""The frontier whole, on the small world."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from feature_repo.core.home import Home
from models.page.exposure import ExposurePrices
from models.page.policy import load_policy
from training.judge.protocols.diversity import frontier
from training.judge.protocols.frontier_points import RELEVANCE
from training.release.compose import build_release

SAID = {"name": "diversity", "kind": "diversity"}


def test_the_next_release_serves_what_was_chosen(own_world: Path) -> None:
    home = Home.open(own_world)
    declared = {**SAID, "methods": ["max_sum"], "trade_offs": [0.9, 0.7], "floors": [0.0, 0.2], "max_loss": 0.5}
    result = frontier(home, declared, "marquee frontier")
    chosen, said = result["chosen"], json.loads(Path(result["paths"]["json"]).read_text())
    assert {row["model"] for row in said["table"]} >= {RELEVANCE, "max_sum-0.90", "max_sum-0.70-floor-0.20"}
    assert Path(result["paths"]["png"]).read_bytes().startswith(b"\x89PNG")
    assert "http" not in Path(result["paths"]["html"]).read_text().split("</script>", 1)[1]
    release = build_release(home)
    served = load_policy(release / "policy.toml").diversity
    assert (served.method, served.relevance) == (chosen["method"], chosen["trade_off"])
    assert (
        ExposurePrices.load(release / "exposure").price_of if chosen["floor"] else not (release / "exposure").exists()
    )
    assert frontier(home, declared, "marquee frontier")["table"] == result["table"]


def test_with_seeds_a_model_is_fitted_for_each_and_none_of_the_homes_is_asked_for(own_world: Path) -> None:
    home = Home.open(own_world)
    shutil.move(home.models / "two_tower", home.models / "elsewhere")
    declared = {**SAID, "methods": ["mmr"], "trade_offs": [0.8], "max_loss": 0.5, "seeds": [0, 1]}
    try:
        result = frontier(home, declared, "marquee frontier --seeds 0,1")
        assert {row["seeds"] for row in result["table"]} == {2}
        assert len(list((home.root / "quality" / "two_tower").glob("*/chosen/progress.json"))) == 2
        assert frontier(home, declared, "marquee frontier --seeds 0,1")["table"] == result["table"]
    finally:
        shutil.move(home.models / "elsewhere", home.models / "two_tower")
