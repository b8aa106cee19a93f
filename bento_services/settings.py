"""What the serving process is told from outside. `marquee serve` tells it; so may whoever runs `bentoml serve`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from feature_repo.core.home import Home
from feature_repo.core.settings import (
    KAFKA_BOOTSTRAP_SERVERS,
    MARQUEE_GRPC_PORT,
    MARQUEE_HOST,
    MARQUEE_INSECURE,
    MARQUEE_RELEASE,
)

PACKAGED_RELEASE = Path(__file__).resolve().parents[1] / "release"


@dataclass(frozen=True)
class Settings:
    home: Home
    release: Path | None = None  # None: the home's champion, followed as it changes
    kafka: str | None = None
    host: str = "127.0.0.1"
    grpc_port: int | None = None
    insecure: bool = False

    @classmethod
    def from_environment(cls) -> Settings:
        release = MARQUEE_RELEASE.get()
        packaged = PACKAGED_RELEASE if (PACKAGED_RELEASE / "manifest.json").exists() else None
        return cls(
            home=Home.open(),
            release=Path(release).resolve() if release else packaged,
            kafka=KAFKA_BOOTSTRAP_SERVERS.get() or None,
            host=MARQUEE_HOST.get(),
            grpc_port=MARQUEE_GRPC_PORT.get(),
            insecure=MARQUEE_INSECURE.get(),
        )
