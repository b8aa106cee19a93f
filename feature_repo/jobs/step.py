"""The first step of a release: the features of a home, for training and for serving."""

from __future__ import annotations

from typing import Any

from feature_repo.compute.fold import DAY_US
from feature_repo.core.hashes import content_of
from feature_repo.core.home import Home
from feature_repo.core.progress import Progress
from feature_repo.core.settings import REDIS_URL
from feature_repo.core.steps import Steps, code_of
from feature_repo.jobs import materialize
from feature_repo.jobs.build_features import build_features as write_tables
from feature_repo.jobs.engines import Engine
from feature_repo.store.valkey_server import online_store
from feature_repo.stream.flush import flush


def build_features(home: Home, steps: Steps, progress: Progress, engine: Engine = "duckdb") -> dict[str, Any]:

    def build() -> dict[str, Any]:
        tables = write_tables(home, engine, progress)
        materialize.apply(home, url)
        return {"tables": tables, "online": materialize.materialize(home, url, progress)}

    with online_store(home) as url:
        flush(home, url)  # what happened live is part of the past now
        inputs = {
            "data": content_of([home.lake, home.root / "world.json"]),
            "day": home.world().now_us() // DAY_US,  # windows end with it
            "code": code_of("feature_repo.jobs.build_features") + code_of("feature_repo.jobs.materialize"),
            "store": REDIS_URL.get().rpartition("@")[2],
        }
        return steps.run("features", inputs, [home.features], build)
