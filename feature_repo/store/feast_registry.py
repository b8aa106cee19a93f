"""Feast for one home: its configuration, and a registry of the objects that features.py defines."""

from __future__ import annotations

from typing import Any

import yaml  # type: ignore[import-untyped]
from feast import FeatureStore, RepoConfig
from feast.protos.feast.core.Registry_pb2 import Registry
from google.protobuf.message import DecodeError

from feature_repo.core.files import one_line, write_atomic
from feature_repo.core.home import Home
from feature_repo.core.settings import preset
from feature_repo.features import define
from feature_repo.store.feast_configuration import rendered

APPLIED_FOR = "applied_for"  # file beside the registry: the directory of the tables that it refers to


def apply_definitions(home: Home, url: str | None = None) -> FeatureStore:
    """`feast apply` of features.py for this home, into a fresh registry, so that removed objects are removed here, too.

    `url` is the online store's redis:// URL; None when only tables will be read.
    """
    home.feast.mkdir(parents=True, exist_ok=True)
    (home.feast / "registry.db").unlink(missing_ok=True)
    store = _store(home, url)
    store.apply(list(define(home.features).values()))
    write_atomic(home.feast / APPLIED_FOR, str(home.features))
    return store


def open_store(home: Home, url: str | None = None) -> FeatureStore:
    """Feast over this home's registry; first applies the definitions if it is missing, broken or of another home.

    A registry holds absolute paths: in a copied or moved home it would read the tables of the original.
    """
    return apply_definitions(home, url) if registry_problem(home) else _store(home, url)


def registry_problem(home: Home) -> str:
    """Why the registry of this home must be rebuilt; "" if it is valid. Never raises."""
    registry, marker = home.feast / "registry.db", home.feast / APPLIED_FOR
    try:
        if (place := marker.read_text(errors="replace")) != str(home.features):
            return f"{registry}: made for {place[:200]}, expected {home.features}"
        Registry.FromString(registry.read_bytes())
    except OSError as error:
        return f"{error.filename}: {error.strerror}"
    except DecodeError as error:
        return f"{registry}: expected a registry of Feast, found: {one_line(error)}"
    return ""


def _store(home: Home, url: str | None) -> FeatureStore:
    preset(FEAST_USAGE="False")
    fields: dict[str, Any] = yaml.safe_load(rendered(home, url))
    return FeatureStore(config=RepoConfig(repo_path=home.feast, **fields))
