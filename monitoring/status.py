"""What a home holds and what runs there: `marquee status`."""

from __future__ import annotations

import json
from typing import Any

from feature_repo.core.home import Home
from feature_repo.lake.tables import Lake
from feature_repo.store.valkey_server import running_url
from models.release.artifact import pointers


def status_of(home: Home) -> dict[str, Any]:
    world = home.world()

    ports_file = home.run / "ports.json"
    ports = json.loads(ports_file.read_text()) if ports_file.exists() else None
    return {
        "home": str(home.root),
        "world": world.name,
        "source": world.source,
        "example_user": str(world.source_id(world.example_user)) if world.example_user else None,
        "counts": Lake(home).counts(),
        **pointers(home),
        "ports": ports,
        "online_store": "running" if running_url(home) else "stopped",
        "steps": sorted(json.loads((home.root / "steps.json").read_text()))
        if (home.root / "steps.json").exists()
        else [],
    }
