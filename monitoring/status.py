"""`marquee status`: what a home contains and which processes run there."""

from __future__ import annotations

from typing import Any

from bento_services.process.ports import Ports
from feature_repo.core.home import Home
from feature_repo.core.steps import Steps
from feature_repo.lake.tables import Lake
from feature_repo.lake.taken import Taken
from feature_repo.store.valkey_server import running_url
from models.release.store import pointers


def status_of(home: Home) -> dict[str, Any]:
    world, ports = home.world(), Ports.read(home)
    cut = Taken.of(home.cut)
    return {
        "home": str(home.root),
        "world": world.name,
        "source": world.source,
        "example_user": str(world.source_id(world.example_user)) if world.example_user else None,
        "counts": Lake(home).counts(),
        "set_aside": cut.rejected if cut else [],  # of the lake, by the last job that read it: see HOME/rejected/lake
        **pointers(home),
        "ports": ports.to_json() if ports else None,
        "online_store": "running" if running_url(home) else "stopped",
        "steps": Steps(home).names(),
    }
