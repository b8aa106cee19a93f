"""A trained release serves when it passes every gate; the one before it stays one step away."""

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from feature_repo.core.home import Home
from models.ranking.ranker import RankerModel
from models.release.artifact import load_release
from models.release.config import PromotionConfig
from models.release.store import champion
from training.record.tracking import Tracking
from training.release import promote as promotion
from training.release.champion import rollback
from training.release.gates import LATENCY, Measured, gates
from training.release.promote import promote
from training.release.record import in_mlflow
from training.release.skew import Skew


@pytest.fixture
def home(own_world: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """What is measured for the gates alone takes seconds, and has tests of its own (test_comparison, test_skew)."""
    monkeypatch.setattr(promotion, "measure", lambda *_: Measured(skew=Skew(400, 0.0, ())))
    return Home(own_world)


def another_release(home: Home, **two_tower: float) -> None:
    """Change one of the ranker's numbers, so that the next release differs; the evaluation says these figures of it."""
    from training.release.evaluation import candidate_ids

    config = home.models / "ranker" / "config.json"
    fields = json.loads(config.read_text())
    fields["seconds_at_rank"][-1] += 1.0
    config.write_text(json.dumps(fields))
    file = home.models / "evaluation.json"
    evaluation = json.loads(file.read_text())
    evaluation["models"] = candidate_ids(home)
    evaluation["metrics"]["retrieval"]["two_tower"] |= two_tower
    file.write_text(json.dumps(evaluation))


def round_otherwise(home: Home) -> None:
    """As another machine does: vectors and rates in their last digits; the evaluation is of these models."""
    from training.release.evaluation import candidate_ids

    for file in sorted(home.models.glob("*/*.safetensors")):
        arrays = load_file(file)
        for array in arrays.values():
            if array.dtype == np.float32:
                array *= np.float32(1 + 2e-7)
        save_file(arrays, file)
    file = home.models / "evaluation.json"
    evaluation = json.loads(file.read_text())
    file.write_text(json.dumps(evaluation | {"models": candidate_ids(home)}))


def test_promoting_again_changes_nothing(home: Home) -> None:
    before = champion(home)
    result = promote(home)
    assert (result["promoted"], result["release_id"], result["failed"]) == (True, before.name, [])
    assert champion(home) == before
    assert not (home.releases / "previous").exists()


def test_models_that_differ_by_rounding_push_no_release_out_and_force_makes_one_of_them(home: Home) -> None:
    first = champion(home).name
    another_release(home)
    second = promote(home)["release_id"]
    round_otherwise(home)
    result = promote(home)
    assert (result["promoted"], result["champion"], result["previous"]) == (True, second, first)
    assert {path.name for path in home.releases.glob("r-*")} == {first, second}
    forced = promote(home, PromotionConfig(force=True))
    assert (forced["champion"], forced["previous"]) == (forced["release_id"], second)
    assert forced["release_id"] not in (first, second)


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


def test_a_slow_ranker_is_refused_whatever_the_machine_and_ours_is_not(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = load_release(champion(home))
    latency = next(gate for gate in gates(release) if gate.kind == LATENCY)
    assert latency.passed, str(latency)
    score = RankerModel.score
    monkeypatch.setattr(RankerModel, "score", lambda *asked: [score(*asked) for _ in range(15)][-1])
    slow = next(gate for gate in gates(release) if gate.kind == LATENCY)
    assert not slow.passed, str(slow)


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
    in_mlflow(home)  # as the verb does once the pointer has moved
    assert Tracking(home).aliases() == {"champion": first, "previous": second}
    assert rollback(home)["champion"] == second
