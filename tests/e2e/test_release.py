"""`marquee release` as a user runs it: it rests where nothing changed, goes on where it was, and refuses by name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from feature_repo.core.errors import Refused
from feature_repo.core.home import Home
from marquee import app
from models.page.policy_file import POLICY
from models.release.store import champion
from training.release.run import RELEASE


def release(home: Path, *options: str) -> tuple[int, dict[str, Any], str]:
    done = CliRunner().invoke(app, ["release", "--json", "--home", str(home), *options])
    refused = done.exception if isinstance(done.exception, Refused) else None
    return refused.exit_status if refused else done.exit_code, json.loads(done.stdout), f"{done.stderr}{refused or ''}"


def stricter(home: Path, most: int) -> None:
    (home / "policy.toml").write_text(POLICY.read_text().replace("max_per_creator = 3", f"max_per_creator = {most}"))


def test_a_release_of_the_same_data_rests_and_a_new_rule_is_released_alone(own_world: Path) -> None:
    before = champion(Home(own_world)).name
    code, rested, progress = release(own_world)
    assert (code, rested["ran"], rested["release_id"]) == (0, [], before)
    assert progress.count("up to date") == 6

    stricter(own_world, 2)
    code, made, _ = release(own_world)
    assert (code, made["ran"]) == (0, ["promote", "page"])
    assert (made["champion"], made["previous"]) == (made["release_id"], before)
    assert made["against"] == before
    page = Path(made["report"]).read_text()
    assert "+max_per_creator = 2" in page
    assert "Promoted: this release serves" in page
    assert "the page is composed differently" in page


def test_a_gate_that_fails_is_refused_with_its_name_value_and_bar_and_force_overrules_it(own_world: Path) -> None:
    before = champion(Home(own_world)).name
    stricter(own_world, 1)
    (own_world / "marquee.toml").write_text("[gates]\nmax_calibration_error = 1e-6\n")
    code, refused, said = release(own_world)
    assert (code, refused["failed"], refused["champion"]) == (3, ["ranker calibration error"], before)
    assert "not promoted: ranker calibration error: 0." in said
    assert "expected at most 0.0000" in said
    assert "Not promoted: the champion stays" in Path(refused["report"]).read_text()
    code, again, _ = release(own_world)
    assert (code, again["ran"]) == (3, [])  # the same answer, at once
    code, forced, _ = release(own_world, "--force")
    assert (code, forced["ran"], forced["forced"]) == (0, ["promote", "page"], True)
    assert champion(Home(own_world)).name == forced["release_id"]


def test_when_doing_all_again_is_stopped_nothing_passes_for_done_before(
    own_world: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("feature_repo.jobs.build_features.build_features", stopped)
    assert CliRunner().invoke(app, ["release", "--again", "--home", str(own_world)]).exit_code == 130
    assert not {step.name for step in RELEASE} & set(json.loads((own_world / "steps.json").read_text()))


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_training_all_again_from_one_lake_and_seed_is_the_same_release(own_world: Path) -> None:
    before = champion(Home(own_world)).name
    code, again, _ = release(own_world, "--again")
    assert (code, again["ran"]) == (0, [*(step.name for step in RELEASE), "page"])
    assert (again["release_id"], again["champion"], again["previous"]) == (before, before, None)
