"""A release serves when it passes every gate; the one before it stays one step away."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from feature_repo.home import Home, HomeError
from models.artifact import ArtifactError, champion, load_release
from training.gates import gates
from training.promote import PromotionConfig, promote, rollback
from training.tracking import Tracking


@pytest.fixture
def home(own_world: Path) -> Home:
    return Home(own_world)


def another_release(home: Home, **two_tower: float) -> None:
    """Change a score weight, so that the next release differs, and let the evaluation say these figures of it."""
    from training.release import candidate_ids

    config = home.models / "ranker" / "config.json"
    fields = json.loads(config.read_text())
    fields["weights"]["like"] += 1.0
    config.write_text(json.dumps(fields))
    file = home.models / "evaluation.json"
    evaluation = json.loads(file.read_text())
    evaluation["models"] = candidate_ids(home)
    evaluation["metrics"]["retrieval"]["two_tower"] |= two_tower
    file.write_text(json.dumps(evaluation))


def test_promoting_again_changes_nothing(home: Home) -> None:
    before = champion(home)
    result = promote(home)
    assert (result["promoted"], result["release_id"], result["failed"]) == (True, before.name, [])
    assert champion(home) == before
    assert not (home.releases / "previous").exists()


def test_a_better_release_becomes_the_champion_and_the_old_one_the_previous(home: Home) -> None:
    before = champion(home).name
    another_release(home)
    result = promote(home)
    assert result["promoted"]
    assert result["champion"] == result["release_id"] != before
    assert result["previous"] == before
    assert Tracking(home).aliases() == {"champion": result["release_id"], "previous": before}


def test_a_release_that_fails_a_gate_stays_a_challenger_and_the_gate_is_named_with_value_and_bar(home: Home) -> None:
    before = champion(home).name
    another_release(home, recall_at_50=0.001)
    result = promote(home)
    assert not result["promoted"]
    assert result["failed"] == ["two_tower recall_at_50 beats popularity"]
    failed = next(gate for gate in result["gates"] if not gate["passed"])
    retrieval = json.loads((home.models / "evaluation.json").read_text())["metrics"]["retrieval"]
    simplest = max(retrieval[name]["recall_at_50"] for name in ("popularity", "popularity_7d"))
    assert (failed["value"], failed["bar"]) == (0.001, simplest)
    assert champion(home).name == before
    assert Tracking(home).aliases() == {"champion": before, "challenger": result["release_id"]}


def test_force_promotes_and_says_so(home: Home) -> None:
    another_release(home, ndcg_at_10=0.0)
    result = promote(home, PromotionConfig(force=True))
    assert (result["promoted"], result["forced"]) == (True, True)
    assert champion(home).name == result["release_id"]


def test_rollback_lets_the_previous_release_serve_and_can_be_taken_back(home: Home) -> None:
    first = champion(home).name
    another_release(home)
    second = promote(home)["release_id"]
    assert rollback(home)["champion"] == first
    assert Tracking(home).aliases() == {"champion": first, "previous": second}
    assert rollback(home)["champion"] == second


def test_rollback_refuses_a_damaged_release_and_the_champion_goes_on(home: Home) -> None:
    first = champion(home)
    another_release(home)
    second = promote(home)["release_id"]
    (first / "static.json").write_text("[]")
    with pytest.raises(ArtifactError, match=r"static\.json"):
        rollback(home)
    assert champion(home).name == second


def test_without_a_previous_release_there_is_nothing_to_go_back_to(home: Home) -> None:
    with pytest.raises(HomeError, match="nothing to go back to"):
        rollback(home)


def test_the_rankers_bar_leaves_room_for_the_luck_of_few_clicks(small_world: Path) -> None:
    release = load_release(champion(Home(small_world)))
    metrics = json.loads(json.dumps(release.manifest["metrics"]))
    metrics["ranking"]["ranker"]["auc"] = 0.59
    for clicks, passed in ((100, True), (10_000, False)):  # standard errors .049 and .0049
        metrics["ranking"]["retrieval_order"] |= {"auc": 0.6, "clicks": clicks}
        found = gates(replace(release, manifest={**release.manifest, "metrics": metrics}))
        gate = next(gate for gate in found if gate.gate == "ranker auc beats retrieval order")
        assert gate.passed is passed
        assert gate.bar == pytest.approx(0.6 - (0.24 / clicks) ** 0.5)


@pytest.mark.parametrize(
    ("model", "figure", "value", "gate"),
    [
        ("two_tower", "ndcg_at_10", 0.0, "two_tower ndcg_at_10 beats popularity"),
        ("ranker", "auc", 0.1, "ranker auc beats retrieval order"),
        ("ranker", "gauc", 0.1, "ranker gauc beats retrieval order"),
        ("ranker", "ece", 0.5, "ranker calibration error"),
    ],
)
def test_each_gate_catches_its_own_figure(small_world: Path, model: str, figure: str, value: float, gate: str) -> None:
    release = load_release(champion(Home(small_world)))
    metrics = json.loads(json.dumps(release.manifest["metrics"]))
    metrics["ranking" if model == "ranker" else "retrieval"][model][figure] = value
    worse = replace(release, manifest={**release.manifest, "metrics": metrics})
    assert [found.gate for found in gates(worse) if not found.passed] == [gate]
