"""`marquee features` as a step of a release: builds the features for training and for serving."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from feature_repo.core.settings import REDIS_URL
from feature_repo.core.steps import Making, Result, Step

if TYPE_CHECKING:
    from feature_repo.jobs.engines import Engine


def _settings(making: Making) -> Mapping[str, Any]:
    from feature_repo.compute.fold import DAY_US

    return {
        "day": making.home.world().now_us() // DAY_US,  # windows end with it
        "store": REDIS_URL.get().rpartition("@")[2],
    }


@contextmanager
def _flushed(making: Making) -> Iterator[None]:
    """With the online store running, after the live events in the log have been written to the lake."""
    from feature_repo.store.valkey_server import online_store
    from feature_repo.stream.flush import flush

    with online_store(making.home) as url:
        flush(making.home, url)
        yield


def _build(making: Making) -> Result:
    from feature_repo.jobs import build_features, materialize
    from feature_repo.store.valkey_server import online_store

    engine: Engine = making.options.get("engine") or "duckdb"
    with online_store(making.home) as url:
        tables = build_features.build_features(making.home, engine, making.progress)
        materialize.apply(making.home, url)
        return {"tables": tables, "online": materialize.materialize(making.home, url, making.progress)}


FEATURES = Step(
    "features",
    _build,
    code=("feature_repo.jobs.build_features", "feature_repo.jobs.materialize"),
    reads=lambda making: [making.home.lake, making.home.root / "world.json"],
    settings=_settings,
    writes=lambda making: [making.home.features],
    within=_flushed,
    unseen="events that wait in the log are folded into the lake first",
)
