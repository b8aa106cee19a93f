"""Feast sees what the schema says, nothing more and nothing else."""

import json
import os
import subprocess
import sys
from pathlib import Path

from feature_repo.features import define
from feature_repo.registry import FEATURES, SERVICES, VIEWS
from feature_repo.schema import DEFAULTS, STREAM_VIEWS, USER_VIEWS

ROOT = Path(__file__).resolve().parents[2]

PARSE = """
import json
from pathlib import Path
from feast.repo_operations import get_repo_files, parse_repo
found = parse_repo(Path("feature_repo").resolve())
print(json.dumps({
    "entities": {e.name: e.join_key for e in found.entities if not e.name.startswith("__")},
    "views": {v.name: {f.name: str(f.dtype) for f in v.features} for v in found.feature_views},
    "view_entities": {v.name: v.entities for v in found.feature_views},
    "services": {
        s.name: {p.name: [f.name for f in p.features] for p in s.feature_view_projections}
        for s in found.feature_services
    },
    "sources": sorted(s.name for s in found.data_sources),
    "paths": sorted({s.path for s in found.data_sources if hasattr(s, "path")}),
    "files": [path.name for path in get_repo_files(Path("feature_repo").resolve())],
    "others": len(found.on_demand_feature_views) + len(found.stream_feature_views),
}))
"""
FEAST_NAMES = {
    "string": "String",
    "list[string]": "Array(String)",
    "int64": "Int64",
    "list[int64]": "Array(Int64)",
    "float64": "Float64",
    "list[float64]": "Array(Float64)",
}


def test_feasts_own_parser_finds_exactly_what_the_schema_names(tmp_path: Path) -> None:
    environment = {**os.environ, "MARQUEE_HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", PARSE]
    shown = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert shown.returncode == 0, shown.stderr[-3000:]
    found = json.loads(shown.stdout.splitlines()[-1])

    assert found["entities"] == {"user": "user_id", "video": "video_id"}
    assert found["views"] == {
        view: {name: FEAST_NAMES[dtype] for name, dtype in features.items()} for view, features in VIEWS.items()
    }
    assert found["view_entities"] == {view: ["user" if view in USER_VIEWS else "video"] for view in VIEWS}
    assert found["services"] == {
        service: {view: list(names) for view, names in views.items()} for service, views in SERVICES.items()
    }
    pushed = [f"{view}_push" for view in STREAM_VIEWS]
    assert found["sources"] == sorted([f"{view}_table" for view in VIEWS] + pushed)
    assert found["paths"] == sorted(str(tmp_path / "features" / f"{view}.parquet") for view in VIEWS)
    assert found["others"] == 0
    # What .feastignore keeps out: importing a job or a stream because somebody ran `feast apply`.
    assert found["files"] == ["features.py"]


def test_a_feature_has_one_name_over_all_views() -> None:
    names = [name for features in VIEWS.values() for name in features]
    assert len(names) == len(set(names))
    assert {dtype for features in VIEWS.values() for dtype in features.values()} <= set(DEFAULTS)


def test_a_service_asks_only_for_features_that_exist() -> None:
    for views in SERVICES.values():
        for view, names in views.items():
            assert set(names) <= set(VIEWS[view])


def test_feast_says_of_each_feature_what_the_registry_says(tmp_path: Path) -> None:
    objects = define(tmp_path)
    for view in VIEWS:
        assert objects[view].owner
        assert objects[view].description
        assert set(objects[view].tags) == {"kind", "tier"}
        for field in objects[view].features:
            registered = FEATURES[field.name]
            assert field.description == registered.description
            assert field.tags["unit"] == registered.unit
            assert field.tags["owner"] == registered.owner
            assert (field.tags["kind"], field.tags["tier"]) == (registered.kind, registered.tier)
    assert all(objects[service].owner and objects[service].description for service in SERVICES)
