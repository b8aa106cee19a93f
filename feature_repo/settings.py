"""The tables of marquee.toml that this layer reads."""

from __future__ import annotations

from typing import Any

from feature_repo.catalog.config import CATALOG
from feature_repo.compute.floods import FLOODS
from feature_repo.core.logs import LOGS
from feature_repo.core.settings import Section
from feature_repo.ingest.simulator.config import SIMULATOR
from feature_repo.store.config import STORE
from feature_repo.stream.config import LOG, STREAM

SECTIONS: tuple[Section[Any], ...] = (CATALOG, STORE, LOG, LOGS, STREAM, FLOODS, SIMULATOR)
