"""The frontier on lists that can be drawn, its choice on figures made up for it, and whole on the small world."""

from __future__ import annotations

import json
import shutil
import tomllib
from pathlib import Path

import numpy as np
import pytest

from bento_services.feed.policy import load_policy
from feature_repo.core.errors import HomeError
from feature_repo.core.home import Home
from models.page.exposure import ExposurePrices
from models.page.policy_file import POLICY
from training.data.splits import Holdout
from training.judge.protocols.diversity import (
    LOSS,
    RELEVANCE,
    FrontierConfig,
    GenreCatalog,
    Point,
    Pool,
    choose,
    exposure_prices,
    frontier,
    one_watch_before,
    points,
    with_spread,
)
from training.judge.protocols.reading import read_protocol
from training.record.results import Run
from training.release.compose import build_release


def measured(name: str, loss: float, error: float, ild: float, coverage: float, seed: int | None = None) -> Run:
    validation = {"ild_at_10": ild, "coverage_at_10": coverage}
    per_unit = {LOSS: loss + error * np.array([2.0, -2.0, 2.0, -2.0])}  # four viewers; test figures must not matter
    return Run(name, seed, {"ild_at_10": -1.0}, per_unit, {"validation": validation})


SAID = {"name": "diversity", "kind": "diversity"}
CURVE = FrontierConfig(methods=("mmr",), trade_offs=(0.6, 0.8, 0.9))


def test_the_choice_gains_most_in_its_smaller_gain_at_an_affordable_loss() -> None:
    runs = [
        measured(RELEVANCE, 0.0, 0.0, 0.5, 0.5),
        measured("mmr-0.90", 0.001, 0.001, 0.55, 0.60),
        measured("mmr-0.80", 0.005, 0.002, 0.60, 0.58),
        measured("mmr-0.60", 0.020, 0.002, 0.90, 0.90),
    ]
    assert choose(runs, CURVE) == Point("mmr", 0.8)


def test_a_loss_that_may_be_too_large_by_one_standard_error_is_not_chosen() -> None:
    runs = [
        measured(RELEVANCE, 0.0, 0.0, 0.5, 0.5),
        measured("mmr-0.90", 0.001, 0.001, 0.51, 0.51),
        measured("mmr-0.80", 0.009, 0.002, 0.60, 0.60),
        measured("mmr-0.60", 0.020, 0.002, 0.90, 0.90),
    ]
    assert choose(runs, CURVE) == Point("mmr", 0.9)


def test_the_error_is_that_of_the_mean_over_seeds() -> None:
    """Each seed alone may lose too much; which viewers lose differs between the two, and together they lose .009."""
    runs = [measured(RELEVANCE, 0.0, 0.0, 0.5, 0.5)]
    for seed, error in ((0, 0.002), (1, -0.002)):
        runs += [
            measured("mmr-0.90", 0.001, error, 0.51, 0.51, seed),
            measured("mmr-0.80", 0.009, error, 0.60, 0.60, seed),
            measured("mmr-0.60", 0.020, error, 0.90, 0.90, seed),
        ]
    assert choose(runs, CURVE) == Point("mmr", 0.8)


def test_nothing_is_chosen_where_nothing_is_gained() -> None:
    runs = [measured(name, 0.0, 0.0, 0.5, 0.4) for name in ("mmr-0.90", "mmr-0.80", "mmr-0.60")]
    assert choose([measured(RELEVANCE, 0.0, 0.0, 0.5, 0.5), *runs], CURVE) is None


def test_a_curve_starts_at_mostly_relevance() -> None:
    config = FrontierConfig(methods=("dpp", "mmr"), trade_offs=(0.6, 0.9), floors=(0.0, 0.1))
    assert [point.name for point in points(config)][:4] == [
        "dpp-0.90",
        "dpp-0.60",
        "dpp-0.90-floor-0.10",
        "dpp-0.60-floor-0.10",
    ]


def test_prices_give_every_video_its_viewers_and_show_it_to_those_who_mind_least() -> None:
    """Twelve viewers like videos 0 to 9; 10 and 11 are never shown, and nearest to being so for viewers 0 and 1."""
    worth = np.tile([*np.linspace(1.0, 0.6, 10).tolist(), 0.2, 0.2], (12, 1))
    worth[0, 10] = worth[1, 11] = 0.5
    catalog = GenreCatalog([f"v{row}" for row in range(12)], np.eye(12), np.ones(12), 12)
    pool = Pool(np.tile(np.arange(12), (12, 1)), worth, [[0]] * 12, np.zeros((12, 12)))
    point = Point("mmr", 1.0, 0.1)  # an even share is 10 places: one each
    before = pool.lists(point, catalog, np.zeros(12))
    price_V = exposure_prices(pool, point, catalog, np.zeros(12))
    after = pool.lists(point, catalog, price_V)
    assert set(before.ravel().tolist()) == set(range(10))
    assert set(after.ravel().tolist()) == set(range(12))
    assert np.flatnonzero((after == 10).any(axis=1)).tolist() == [0]
    assert np.flatnonzero((after == 11).any(axis=1)).tolist() == [1]
    assert price_V[:9].max() == 0.0


def test_prices_come_from_the_moment_of_the_newest_watch_and_do_not_know_it() -> None:
    asked = Holdout(["a", "b"], [["v1", "v2"], []], [[10, 20], []], np.array([30, 30]), [["v3"], ["v4"]])
    before = one_watch_before(asked)
    assert (before.histories, before.times_us) == ([["v1"], []], [[10], []])
    assert before.now_us.tolist() == [20, 30]
    assert asked.histories == [["v1", "v2"], []]


def test_a_policy_changes_in_its_spread_alone() -> None:
    before = tomllib.loads(POLICY.read_text())
    after = tomllib.loads(with_spread(POLICY.read_text(), Point("dpp", 0.65, 0.06)))
    assert after.pop("spread") == {"method": "dpp", "relevance": 0.65}
    assert before.pop("spread")
    assert after == before


@pytest.mark.parametrize(
    ("declared", "fault"),
    [
        ({"methods": ["mmr", "magic"]}, "magic"),
        ({"trade_offs": [0.0]}, "trade_offs"),
        ({"floors": [2.0]}, "floors"),
        ({"speed": 1}, "speed"),
        ({"candidates": 5}, "candidates"),
        ({"kind": "ranking"}, "protocol small: kind: expected 'diversity', found 'ranking'"),
        ({"kind": None}, "protocol small: kind: expected 'diversity', found None"),
        ({"methods": "mmr"}, "protocol small: methods: expected a list, each text, found 'mmr'"),
        ({"trade_offs": [0.5, "a"]}, r"protocol small: trade_offs\[1\]: expected a number, found 'a'"),
        ({"max_loss": "a"}, "protocol small: max_loss: expected a number, found 'a'"),
    ],
)
def test_a_bad_protocol_is_refused_by_its_fault(declared: dict[str, object], fault: str) -> None:
    with pytest.raises(HomeError, match=fault):
        FrontierConfig.of({**SAID, "name": "small", **declared})


def test_a_file_of_another_kind_or_an_empty_one_is_not_a_frontier(tmp_path: Path) -> None:
    with pytest.raises(HomeError, match="protocol a1: kind: expected 'diversity', found 'retrieval'"):
        frontier(Home(tmp_path), read_protocol("a1"), "marquee frontier --protocol a1")
    (tmp_path / "empty.toml").write_text("")
    with pytest.raises(HomeError, match=r"empty\.toml: name: expected text, found nothing"):
        read_protocol(str(tmp_path / "empty.toml"))
    assert FrontierConfig.of(read_protocol("diversity")).candidates == 100


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


def test_a_home_without_a_model_is_told_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(HomeError, match="marquee train"):
        frontier(Home.open(tmp_path), SAID, "marquee frontier")
