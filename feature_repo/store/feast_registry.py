"""Feast for one home: its configuration, and a registry of the objects that features.py defines."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import yaml  # type: ignore[import-untyped]
from feast import FeatureStore, RepoConfig
from feast.protos.feast.core.Registry_pb2 import Registry
from google.protobuf.message import DecodeError

from feature_repo.core.files import one_line, write_atomic
from feature_repo.core.home import Home
from feature_repo.core.settings import preset, read
from feature_repo.features import define
from feature_repo.store.config import STORE

TEMPLATE = Path(__file__).resolve().parents[1] / "feature_store.yaml"
APPLIED_FOR = "applied_for"  # file beside the registry: the directory of the tables that it refers to
NO_STORE = "127.0.0.1:1"  # address for work that only reads tables


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
    """Feast over this home's registry; applies the definitions first where it is missing, broken or of another place.

    A registry holds absolute paths: in a copied or moved home it would read the tables of the original.
    """
    return apply_definitions(home, url) if registry_problem(home) else _store(home, url)


def registry_problem(home: Home) -> str:
    """Why the registry of this home has to be made anew; "" where it is sound. Raises nothing."""
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


def write_configuration(home: Home, url: str) -> Path:
    """Render feature_store.yaml for this home, readable only by its owner: it holds the store's password."""
    path = home.feast / "feature_store.yaml"
    write_atomic(path, _rendered(home, url))
    path.chmod(0o600)
    return path


def _store(home: Home, url: str | None) -> FeatureStore:
    preset(FEAST_USAGE="False")
    fields: dict[str, Any] = yaml.safe_load(_rendered(home, url))
    return FeatureStore(config=RepoConfig(repo_path=home.feast, **fields))


def _rendered(home: Home, url: str | None) -> str:
    values = {
        "MARQUEE_HOME": str(home.root),
        "MARQUEE_FEAST_REDIS": _connection_string(url, read(STORE, home.root).batch_timeout_seconds)
        if url
        else NO_STORE,
    }
    text = TEMPLATE.read_text()
    for name, value in values.items():
        text = text.replace(f"${{{name}}}", value)
    return text


def _connection_string(url: str, timeout_seconds: float) -> str:
    """redis://[user:password@]host:port/db -> Feast's connection string, with timeouts and without retries."""
    parts = urlsplit(url)
    options = {
        "db": parts.path.strip("/") or "0",
        "username": unquote(parts.username or ""),
        "password": unquote(parts.password or ""),
        "ssl": "true" if parts.scheme == "rediss" else "",
        "socket_timeout": str(timeout_seconds),
        "socket_connect_timeout": str(timeout_seconds),
        "retry": "null",
    }
    chosen = [f"{name}={value}" for name, value in options.items() if value]
    return ",".join([f"{parts.hostname}:{parts.port or 6379}", *chosen])
