"""Feast's configuration of a home, rendered from feature_store.yaml without importing Feast, which is slow."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from urllib.parse import unquote, urlsplit

from feature_repo.core.files import write_atomic
from feature_repo.core.home import Home
from feature_repo.core.settings import read
from feature_repo.store.config import STORE

TEMPLATE = Path(__file__).resolve().parents[1] / "feature_store.yaml"
NO_STORE = "127.0.0.1:1"  # address for work that only reads tables


def write_configuration(home: Home, url: str) -> Path:
    """Render feature_store.yaml for this home, readable only by its owner: it holds the store's password."""
    path = _path(home)
    write_atomic(path, rendered(home, url))
    path.chmod(0o600)
    return path


def renew_configuration(home: Home, url: str) -> None:
    """Rewrite an existing configuration that names another home, server or password, such as after a move."""
    path = _path(home)
    with suppress(OSError):  # a read-only or full disk: readers of the file will report it
        if path.exists() and path.read_text(errors="replace") != rendered(home, url):
            write_configuration(home, url)


def _path(home: Home) -> Path:
    return home.feast / "feature_store.yaml"


def rendered(home: Home, url: str | None) -> str:
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
