"""The as-of join is faster than Feast's own; it must not be different."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from worlds import toy

from feature_repo.core.home import Home
from feature_repo.jobs.build_features import build_features
from feature_repo.lake.history import historical_features
from feature_repo.lake.ibis_session import ibis_session
from feature_repo.schema import PAGE_SERVICE
from feature_repo.store import feast_configuration
from feature_repo.store import feast_registry as feast_store

ASKED = pa.Table.from_pylist(toy.impressions()).select(["user_id", "video_id", "timestamp_us"])


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = toy.toy_home(tmp_path)
    build_features(home)
    return home


def plain(columns: dict[str, Any]) -> dict[str, Any]:
    return {name: column.tolist() for name, column in columns.items()}


def test_the_as_of_join_gives_what_feasts_own_store_gives(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = plain(historical_features(home, ASKED, PAGE_SERVICE))
    rendered = feast_configuration.rendered

    def stock(home: Home, url: str | None) -> str:
        return rendered(home, url).replace("feature_repo.store.offline_store.AsofOfflineStore", "duckdb")

    monkeypatch.setattr(feast_store, "rendered", stock)
    frame = ASKED.to_pandas()
    frame["event_timestamp"] = ASKED["timestamp_us"].cast(pa.timestamp("us", tz="UTC")).to_pandas()
    frame["row"] = np.arange(len(frame))
    store = feast_store.open_store(home)
    assert store.config.offline_store.type == "duckdb"
    with ibis_session():
        job = store.get_historical_features(entity_df=frame, features=store.get_feature_service(PAGE_SERVICE))
        theirs = job.to_arrow().sort_by("row")
    for name, values in ours.items():
        for mine, other in zip(values, theirs[name].to_pylist(), strict=True):
            assert mine == other or (other is None and not np.any(np.asarray(mine, dtype=object) != type_zero(mine))), (
                name
            )


def type_zero(value: Any) -> Any:
    return 0.0 if isinstance(value, list) else type(value)()
