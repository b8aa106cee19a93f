"""Settings of the catalog."""

from __future__ import annotations

from dataclasses import dataclass

from feature_repo.core.settings import Section

SCHEMES = ("postgresql://", "postgresql+psycopg://")


@dataclass(frozen=True)
class CatalogConfig:
    url: str = ""  # postgresql://USER:PASSWORD@HOST/DATABASE, one database per home; empty: HOME/catalog.db (SQLite)
    busy_seconds: float = 5.0  # longest wait for another process that is writing to the catalog
    connect_seconds: float = 3.0  # of a connection to PostgreSQL
    relay_seconds: float = 0.2  # interval at which the processor looks for changes to publish
    relay_batch: int = 200  # changes per append to the event log
    lease_seconds: float = 30.0  # after which another processor takes over from one that stopped publishing

    def __post_init__(self) -> None:
        if self.url and not self.url.startswith(SCHEMES):
            scheme = self.url.partition("://")[0] if "://" in self.url else "no scheme"
            raise ValueError(f"url: expected postgresql://…, found {scheme}")


CATALOG = Section("catalog", CatalogConfig, "service, processor, jobs")
