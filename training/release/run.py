"""The steps from a lake to a champion, in their order: `marquee release`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from feature_repo.core.hashes import content_of
from feature_repo.core.home import Home
from feature_repo.core.progress import Progress
from feature_repo.core.settings import read
from feature_repo.core.steps import Result, Steps, code_of
from feature_repo.ingest.new_world import forget_online_state
from feature_repo.ingest.simulator import SimulatorConfig, simulate
from models.release.store import pointers

# The step that shows people what was released and why. It comes from a layer above, and gives the page's file.
PageStep = Callable[[Home, Steps, Result, Progress], Path]


def train_two_tower(home: Home, steps: Steps, progress: Progress, **chosen: int | None) -> dict[str, Any]:
    from models.release.parts import made_by
    from training.fit.two_tower import train_two_tower as run
    from training.fit.two_tower_config import TWO_TOWER_SECTION

    config = read(TWO_TOWER_SECTION, home.root, **chosen)
    outputs = [home.models / name for name in made_by("two-tower")]
    inputs = {"config": asdict(config), **content_of([home.lake]), "code": code_of("training.fit.two_tower")}
    return steps.run("two-tower", inputs, outputs, lambda: run(home, config, progress))


def train_ranker(home: Home, steps: Steps, progress: Progress, **chosen: int | None) -> dict[str, Any]:
    from models.release.parts import made_by
    from training.fit.ranker import train_ranker as run
    from training.fit.ranker_config import RANKER_SECTION

    config = read(RANKER_SECTION, home.root, **chosen)
    # The features of a moment follow from the lake; tables of another day hold the same moments.
    data = content_of([home.lake, home.models / "two_tower"])
    inputs = {"config": asdict(config), **data, "code": code_of("training.fit.ranker")}
    outputs = [home.models / name for name in (*made_by("ranker"), "ranker_baseline")]
    return steps.run("ranker", inputs, outputs, lambda: run(home, config, progress))


RELEASE_STEPS = ("features", "two-tower", "ranker", "evaluate", "promote", "page")


def make_release(
    home: Home, steps: Steps, progress: Progress, page: PageStep, force: bool = False, **chosen: int | None
) -> Result:
    """The one way from a lake to a champion. `report` in the result is the page that says what was made and why."""
    from feature_repo.jobs.step import build_features
    from models.page.policy_file import policy_of
    from models.release.parts import EVALUATION_FILE
    from training.release.evaluate import EVALUATION
    from training.release.evaluate import evaluate as run_evaluation
    from training.release.gates import GATES
    from training.release.promote import PROMOTION
    from training.release.promote import promote as run_promotion

    build_features(home, steps, progress)
    train_two_tower(home, steps, progress, **chosen)
    train_ranker(home, steps, progress, seed=chosen.get("seed"))
    models = [path for path in sorted(home.models.iterdir()) if path.is_dir() and not path.name.startswith(".")]
    inputs: dict[str, Any] = {
        **content_of([home.lake, *models]),
        "settings": asdict(read(EVALUATION, home.root)),
        "code": code_of("training.release.evaluate"),
    }
    evaluation = home.models / EVALUATION_FILE
    steps.run("evaluate", inputs, [evaluation], lambda: run_evaluation(home, progress).to_json())
    if force and (done := steps.done("promote")) and not done["result"]["promoted"]:
        steps.forget("promote")
    config = read(PROMOTION, home.root, force=force or None)
    inputs = {
        **content_of([home.lake, *models, evaluation, policy_of(home)]),
        "settings": {"keep": config.keep, **asdict(read(GATES, home.root))},
        "code": code_of("training.release.promote"),
    }
    promoted = steps.run("promote", inputs, [], lambda: run_promotion(home, config, progress))
    report = page(home, steps, promoted, progress)
    return {
        **{name: value for name, value in promoted.items() if name != "measured"},
        **pointers(home),
        "report": str(report),
        "ran": steps.ran,
    }


def prepare_world(
    home: Home,
    config: SimulatorConfig,
    steps: Steps,
    progress: Progress,
    page: PageStep,
    report: Callable[[Home, Progress], Result],
) -> Result:
    """Run every step up to a promoted release. A world that stands is left as it is, also after it was served."""
    steps.run("simulate", asdict(config), [home.root / "world.json"], lambda: _simulate(home, config, progress))
    champion = pointers(home)["champion"]
    if "simulate" not in steps.ran and champion and all(steps.done(name) for name in RELEASE_STEPS):
        result = {name: steps.keep(name) for name in RELEASE_STEPS}["promote"]
    else:
        result = make_release(home, steps, progress, page)
    if result["promoted"]:
        inputs = {"champion": result["release_id"], **content_of([home.features])}
        steps.run("report", inputs, [home.reports / "index.html"], lambda: report(home, progress))
    return result


def _simulate(home: Home, config: SimulatorConfig, progress: Progress) -> Result:
    forget_online_state(home)
    return simulate(home, config, progress)
