"""The steps of a release, from lake to champion: `marquee release`, and `--plan` for a dry run.

Steps read and write files of the home; HOME/steps.json records finished ones (feature_repo/core/steps.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from feature_repo.core.settings import read
from feature_repo.core.steps import Result, Step, StepContext, Steps
from feature_repo.jobs.features_step import FEATURES, cut_read, on_a_cut
from models.page.policy import require_policy
from models.page.policy_file import policy_of
from models.release.config import PROMOTION
from models.release.store import pointers
from training.release import quick
from training.release.quick import overridden

if TYPE_CHECKING:
    from training.fit.ranker_config import RankerConfig
    from training.fit.two_tower_config import TwoTowerConfig
    from training.release.evaluate import EvaluationConfig


def make_release(context: StepContext, steps: Steps, page: Step) -> Result:
    """Run all steps from lake to champion, then `page`, which writes the release report.

    Where there is nothing to train on, or with the option `untrained`, a first release (training/release/first.py).
    """
    require_policy(context.home)  # what only the last step reads, before the minutes of the others
    steps.take(FEATURES, context)
    if context.options.get("untrained") or _nothing_to_learn(context):
        return {**_first(context), "ran": steps.ran}
    for step in (*RELEASE[1:], page):
        steps.take(step, context)
    return {
        **{name: value for name, value in context.results["promote"].items() if name != "measured"},
        **pointers(context.home),
        "report": str(page.writes(context)[0]),
        "ran": steps.ran,
    }


def prepare_world(context: StepContext, steps: Steps, simulation: Step, page: Step, report: Step) -> Result:
    """Run every step up to a promoted release and return the result of `promote`.

    A complete world is left unchanged, even if serving has added to it since.
    """
    steps.take(simulation, context)
    whole = (*RELEASE, page)
    stands = simulation.name not in steps.ran and pointers(context.home)["champion"] is not None
    if stands and all(steps.done(step.name) for step in whole):
        context.results |= {step.name: steps.keep(step.name) for step in whole}
    else:
        make_release(context, steps, page)
    promoted = context.results["promote"]
    if promoted["promoted"]:
        steps.take(report, context)
    return promoted


# --- settings, inputs and work of each step; heavy modules are imported when they are needed -------------------


def _two_tower_config(context: StepContext) -> TwoTowerConfig:
    from training.fit.two_tower_config import TWO_TOWER_SECTION

    return read(TWO_TOWER_SECTION, context.home.root, **overridden(context, quick.TWO_TOWER, "epochs", "seed"))


def _train_two_tower(context: StepContext) -> Result:
    from training.fit.two_tower import train_two_tower

    return train_two_tower(context.home, _two_tower_config(context), context.progress)


def _ranker_config(context: StepContext) -> RankerConfig:
    from training.fit.ranker_config import RANKER_SECTION

    return read(RANKER_SECTION, context.home.root, **overridden(context, quick.RANKER, "seed"))


def _train_ranker(context: StepContext) -> Result:
    from training.fit.ranker import train_ranker

    return train_ranker(context.home, _ranker_config(context), context.progress)


def _evaluation_config(context: StepContext) -> EvaluationConfig:
    from training.release.evaluate import EVALUATION

    return read(EVALUATION, context.home.root, **overridden(context, quick.EVALUATION))


def _evaluate(context: StepContext) -> Result:
    from training.release.evaluate import evaluate

    return evaluate(context.home, context.progress, _evaluation_config(context)).to_json()


def _promotion_settings(context: StepContext) -> Mapping[str, Any]:
    from training.release.gates import GATES

    keep = read(PROMOTION, context.home.root).keep
    return {"settings": {"keep": keep, **asdict(read(GATES, context.home.root))}}


def _nothing_to_learn(context: StepContext) -> bool:
    from training.release.first import nothing_to_learn

    return nothing_to_learn(context.home)


def _first(context: StepContext) -> Result:
    from training.release.first import first_release

    config = read(PROMOTION, context.home.root, force=context.options.get("force") or None)
    command = context.options.get("command") or "marquee release"
    return first_release(context.home, config, command, context.progress, bool(context.options.get("untrained")))


def _promote(context: StepContext) -> Result:
    from training.release.promote import promote

    config = read(PROMOTION, context.home.root, force=context.options.get("force") or None)
    accept = context.options.get("accept") or ()
    return promote(context.home, config, context.progress, accept, context.options.get("command") or "marquee release")


def _overruled(context: StepContext, promoted: Result) -> str:
    given = [f"--{name}" for name in ("force", "accept") if context.options.get(name)]
    return f"{given[0]} overrides the gates" if given and not promoted["promoted"] else ""


def _models(context: StepContext) -> Sequence[Path]:
    """The folders of HOME/models."""
    folders = context.home.models.iterdir() if context.home.models.is_dir() else ()
    return sorted(path for path in folders if path.is_dir() and not path.name.startswith("."))


def _made_by(step: str, *beside: str) -> Any:
    """The folders in HOME/models that a step writes: its parts of the release, and `beside`."""

    def paths(context: StepContext) -> Sequence[Path]:
        from models.release.parts import made_by

        return [context.home.models / name for name in (*made_by(step), *beside)]

    return paths


def _evaluation(context: StepContext) -> Path:
    from models.release.parts import EVALUATION_FILE

    return context.home.models / EVALUATION_FILE


TWO_TOWER = Step(
    "two-tower",
    _train_two_tower,
    code=("training.fit.two_tower",),
    reads=cut_read,
    settings=lambda context: {"config": asdict(_two_tower_config(context))},
    writes=_made_by("two-tower"),
    within=on_a_cut,
)
RANKER = Step(
    "ranker",
    _train_ranker,
    code=("training.fit.ranker",),
    after=("two-tower",),
    # Not the feature tables: features at a past moment depend on the lake alone, whatever day the tables were built.
    reads=lambda context: [*cut_read(context), context.home.models / "two_tower"],
    settings=lambda context: {"config": asdict(_ranker_config(context))},
    writes=_made_by("ranker", "ranker_baseline"),
    within=on_a_cut,
)
EVALUATE = Step(
    "evaluate",
    _evaluate,
    code=("training.release.evaluate",),
    after=("two-tower", "ranker"),
    reads=lambda context: [*cut_read(context), *_models(context)],
    settings=lambda context: {"settings": asdict(_evaluation_config(context))},
    writes=lambda context: [_evaluation(context)],
    within=on_a_cut,
)
PROMOTE = Step(
    "promote",
    _promote,
    code=("training.release.promote",),
    after=("two-tower", "ranker", "evaluate"),
    reads=lambda context: [*cut_read(context), *_models(context), _evaluation(context), policy_of(context.home)],
    settings=_promotion_settings,
    redo=_overruled,
    within=on_a_cut,
)
RELEASE: tuple[Step, ...] = (FEATURES, TWO_TOWER, RANKER, EVALUATE, PROMOTE)
