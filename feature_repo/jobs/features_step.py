"""`marquee features` as a step of a release: builds the features for training and for serving."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from feature_repo.core.settings import REDIS_URL
from feature_repo.core.steps import Result, Step, StepContext

if TYPE_CHECKING:
    from feature_repo.jobs.engines import Engine


def _settings(context: StepContext) -> Mapping[str, Any]:
    from feature_repo.compute.fold import DAY_US

    return {
        "day": context.home.world().now_us() // DAY_US,  # windows end with it
        "store": REDIS_URL.get().rpartition("@")[2],
    }


@contextmanager
def _flushed(context: StepContext) -> Iterator[None]:
    """Run the online store, and take a cut of the lake that includes what the log held at the beginning."""
    from feature_repo.lake.cut import take_cut
    from feature_repo.store.valkey_server import online_store
    from feature_repo.stream.flush import flush

    with online_store(context.home) as url:
        take_cut(context.home, flush(context.home, url))
        yield


@contextmanager
def on_a_cut(context: StepContext) -> Iterator[None]:
    """For later steps that read the lake: use the cut that the features step took, or take one if there is none."""
    from feature_repo.lake.cut import cut_of

    cut_of(context.home)
    yield


def cut_read(context: StepContext) -> Sequence[Path]:
    """The input of steps that read the lake: the cut, which does not change while the lake grows."""
    cut = context.home.cut / "lake"
    return [cut if cut.is_dir() else context.home.lake]


def _lake_has_moved_on(context: StepContext, result: Result) -> str:
    """For `--plan`: entering the step takes a new cut."""
    from feature_repo.lake.cut import has_moved_on

    return "lake changed" if has_moved_on(context.home) else ""


def _build(context: StepContext) -> Result:
    from feature_repo.jobs import build_features, materialize
    from feature_repo.jobs.erased import forget_erased
    from feature_repo.store.valkey_server import online_store

    engine: Engine = context.options.get("engine") or "duckdb"
    with online_store(context.home) as url:
        tables = build_features.build_features(context.home, engine, context.progress)
        forget_erased(context.home)
        materialize.apply(context.home, url)
        return {"tables": tables, "online": materialize.materialize(context.home, url, context.progress)}


FEATURES = Step(
    "features",
    _build,
    code=("feature_repo.jobs.build_features", "feature_repo.jobs.materialize"),
    reads=lambda context: [*cut_read(context), context.home.root / "world.json"],
    settings=_settings,
    writes=lambda context: [context.home.features],
    within=_flushed,
    redo=_lake_has_moved_on,
    caveat="events waiting in the log are first written to the lake, which may change its inputs",
)
