"""`marquee release --quick`: small models by its own settings, which a plain release does not touch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from feature_repo.core.home import Home, World
from feature_repo.core.steps import StepContext
from training.release import quick
from training.release.run import EVALUATE, RANKER, TWO_TOWER

STEPS = {
    "two-tower": (TWO_TOWER, "config", quick.TWO_TOWER),
    "ranker": (RANKER, "config", quick.RANKER),
    "evaluate": (EVALUATE, "settings", quick.EVALUATION),
}


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path)
    home.write_world(World("toy", "simulator", "str", ("drama",)))
    return home


def settings(home: Home, step: str, **options: Any) -> dict[str, Any]:
    declared, table, _ = STEPS[step]
    found: dict[str, Any] = declared.settings(StepContext(home, options=options))[table]
    return found


@pytest.mark.parametrize("step", STEPS)
def test_a_quick_release_differs_from_a_plain_one_in_its_own_settings_only(home: Home, step: str) -> None:
    plain, fast = settings(home, step), settings(home, step, quick=True)
    expected = STEPS[step][2]
    assert {name for name in plain if plain[name] != fast[name]} == set(expected)
    assert {name: fast[name] for name in expected} == expected
    assert settings(home, step, quick=False) == plain


def test_an_option_counts_before_quick(home: Home) -> None:
    assert settings(home, "two-tower", quick=True, epochs=4)["epochs"] == 4
