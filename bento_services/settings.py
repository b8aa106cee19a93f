"""What the serving process is told by its environment. `marquee serve` sets it; so may whoever runs `bentoml serve`.

MARQUEE_HOME             the world: its champion release, its online store, its keys
MARQUEE_RELEASE          one release to answer with, and stay with (a packaged Bento brings its own)
REDIS_URL                an online store of your own instead of the home's embedded one
KAFKA_BOOTSTRAP_SERVERS  an event log on Kafka instead of Valkey Streams
MARQUEE_HOST             the address the service listens on, as far as the service must know (127.0.0.1)
MARQUEE_GRPC_PORT        where gRPC listens; empty: nowhere
MARQUEE_INSECURE         1: answer a network without API keys
MARQUEE_SPLIT            1: retrieval and ranking as services, hence processes, of their own (`bentoml serve`)
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from feature_repo.core.home import Home

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
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Settings:
        release = environment.get("MARQUEE_RELEASE")
        packaged = PACKAGED_RELEASE if (PACKAGED_RELEASE / "manifest.json").exists() else None
        grpc_port = environment.get("MARQUEE_GRPC_PORT")
        return cls(
            home=Home.open(environment.get("MARQUEE_HOME")),
            release=Path(release).resolve() if release else packaged,
            kafka=environment.get("KAFKA_BOOTSTRAP_SERVERS") or None,
            host=environment.get("MARQUEE_HOST") or "127.0.0.1",
            grpc_port=int(grpc_port) if grpc_port else None,
            insecure=environment.get("MARQUEE_INSECURE") == "1",
        )


def is_split(environment: Mapping[str, str] = os.environ) -> bool:
    return environment.get("MARQUEE_SPLIT") == "1"
