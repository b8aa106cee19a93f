"""The order of a release, from a lake to a champion: `marquee release`, and `--plan` to see what it would do.

Steps read and write files of the home; HOME/steps.json records what was done (feature_repo/core/steps.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from feature_repo.core.settings import read
from feature_repo.core.steps import Making, Result, Step, Steps
from feature_repo.jobs.features_step import FEATURES, cut_read, on_a_cut
from models.page.policy_file import policy_of
from models.release.config import PROMOTION
from models.release.store import pointers

if TYPE_CHECKING:
    from training.fit.ranker_config import RankerConfig
    from training.fit.two_tower_config import TwoTowerConfig


def make_release(making: Making, steps: Steps, page: Step) -> Result:
    """Take every step from a lake to a champion, then `page`, which writes the report of the release."""
    for step in (*RELEASE, page):
        steps.take(step, making)
    return {
        **{name: value for name, value in making.results["promote"].items() if name != "measured"},
        **pointers(making.home),
        "report": str(page.writes(making)[0]),
        "ran": steps.ran,
    }


def prepare_world(making: Making, steps: Steps, simulation: Step, page: Step, report: Step) -> Result:
    """Run every step up to a promoted release and return the result of `promote`.

    A complete world is left as it is, even when serving has added to it since.
    """
    steps.take(simulation, making)
    whole = (*RELEASE, page)
    stands = simulation.name not in steps.ran and pointers(making.home)["champion"] is not None
    if stands and all(steps.done(step.name) for step in whole):
        making.results |= {step.name: steps.keep(step.name) for step in whole}
    else:
        make_release(making, steps, page)
    promoted = making.results["promote"]
    if promoted["promoted"]:
        steps.take(report, making)
    return promoted


# --- settings, inputs and work of each step; heavy modules are imported when they are needed -------------------


def _two_tower_config(making: Making) -> TwoTowerConfig:
    from training.fit.two_tower_config import TWO_TOWER_SECTION

    return read(TWO_TOWER_SECTION, making.home.root, **making.chosen("epochs", "seed"))


def _train_two_tower(making: Making) -> Result:
    from training.fit.two_tower import train_two_tower

    return train_two_tower(making.home, _two_tower_config(making), making.progress)


def _ranker_config(making: Making) -> RankerConfig:
    from training.fit.ranker_config import RANKER_SECTION

    return read(RANKER_SECTION, making.home.root, **making.chosen("seed"))


def _train_ranker(making: Making) -> Result:
    from training.fit.ranker import train_ranker

    return train_ranker(making.home, _ranker_config(making), making.progress)


def _evaluation_settings(making: Making) -> Mapping[str, Any]:
    from training.release.evaluate import EVALUATION

    return {"settings": asdict(read(EVALUATION, making.home.root))}


def _evaluate(making: Making) -> Result:
    from training.release.evaluate import evaluate

    return evaluate(making.home, making.progress).to_json()


def _promotion_settings(making: Making) -> Mapping[str, Any]:
    from training.release.gates import GATES

    keep = read(PROMOTION, making.home.root).keep
    return {"settings": {"keep": keep, **asdict(read(GATES, making.home.root))}}


def _promote(making: Making) -> Result:
    from training.release.promote import promote

    config = read(PROMOTION, making.home.root, force=making.options.get("force") or None)
    accept = making.options.get("accept") or ()
    return promote(making.home, config, making.progress, accept, making.options.get("command") or "marquee release")


def _overruled(making: Making, promoted: Result) -> str:
    given = [f"--{name}" for name in ("force", "accept") if making.options.get(name)]
    return f"{given[0]} overrules the gates" if given and not promoted["promoted"] else ""


def _models(making: Making) -> Sequence[Path]:
    """The folders of HOME/models."""
    folders = making.home.models.iterdir() if making.home.models.is_dir() else ()
    return sorted(path for path in folders if path.is_dir() and not path.name.startswith("."))


def _made_by(step: str, *beside: str) -> Any:
    """The folders in HOME/models of the parts that a step makes, and of what it writes beside them."""

    def paths(making: Making) -> Sequence[Path]:
        from models.release.parts import made_by

        return [making.home.models / name for name in (*made_by(step), *beside)]

    return paths


def _evaluation(making: Making) -> Path:
    from models.release.parts import EVALUATION_FILE

    return making.home.models / EVALUATION_FILE


TWO_TOWER = Step(
    "two-tower",
    _train_two_tower,
    code=("training.fit.two_tower",),
    reads=cut_read,
    settings=lambda making: {"config": asdict(_two_tower_config(making))},
    writes=_made_by("two-tower"),
    within=on_a_cut,
)
RANKER = Step(
    "ranker",
    _train_ranker,
    code=("training.fit.ranker",),
    after=("two-tower",),
    # Not the feature tables: features at a past moment depend on the lake alone, whatever day the tables were built.
    reads=lambda making: [*cut_read(making), making.home.models / "two_tower"],
    settings=lambda making: {"config": asdict(_ranker_config(making))},
    writes=_made_by("ranker", "ranker_baseline"),
    within=on_a_cut,
)
EVALUATE = Step(
    "evaluate",
    _evaluate,
    code=("training.release.evaluate",),
    after=("two-tower", "ranker"),
    reads=lambda making: [*cut_read(making), *_models(making)],
    settings=_evaluation_settings,
    writes=lambda making: [_evaluation(making)],
    within=on_a_cut,
)
PROMOTE = Step(
    "promote",
    _promote,
    code=("training.release.promote",),
    after=("two-tower", "ranker", "evaluate"),
    reads=lambda making: [*cut_read(making), *_models(making), _evaluation(making), policy_of(making.home)],
    settings=_promotion_settings,
    redo=_overruled,
    within=on_a_cut,
)
RELEASE: tuple[Step, ...] = (FEATURES, TWO_TOWER, RANKER, EVALUATE, PROMOTE)
