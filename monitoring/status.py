"""`marquee status`: what a home contains and which processes run there."""

from __future__ import annotations

from typing import Any

import msgspec

from bento_services.admission.keys import Keys
from bento_services.health import PARTS, STORE, Health
from bento_services.process.child import pid_of
from bento_services.process.ports import Ports
from bento_services.process.watch import DiskLook
from bento_services.process.workers import NAME
from bento_services.settings import SERVICE, SUPERVISOR
from feature_repo.core.home import Home
from feature_repo.core.local_socket import ask, listening
from feature_repo.core.processes import is_running, is_stopped
from feature_repo.core.settings import read
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
        "set_aside": cut.rejected if cut else [],  # rows that the last cut of the lake rejected: see HOME/rejected/lake
        **pointers(home),
        "ports": ports.to_json() if ports else None,
        "keys": Keys.of(home).closed or None,  # why keys.json admits nobody
        "online_store": "running" if running_url(home) else "stopped",
        "workers": (ask(home, "supervisor", "status") or {"workers": []})["workers"],
        "parts": _parts(home),
        "steps": Steps(home).names(),
    }


def _parts(home: Home) -> dict[str, Any]:
    """The parts as reported by the running service, or as derived from the home if none is running."""
    for name in listening(home):
        if name.startswith(NAME) and (served := ask(home, name, "status")) is not None:
            return dict(served["parts"])
    health = Health(logged=False)
    why = _silence(home)
    for name in PARTS:
        health.down(name, why)
    if running_url(home):
        health.ok(STORE)
    DiskLook(home, health, read(SERVICE, home.root).least_free_bytes)()
    return {name: msgspec.to_builtins(part) for name, part in health.parts().items()}


def _silence(home: Home) -> str:
    """Why no service reports the parts."""
    if Ports.read(home) is None:
        return "nothing serves this home: `marquee serve`"
    seconds = read(SUPERVISOR, home.root)
    pid = pid_of(home, "service")
    if not is_running(pid):
        return "the service does not run; `marquee serve` starts it again"
    does = "is stopped" if is_stopped(pid) else "says nothing"
    return (
        f"the service, process {pid}, {does}: it is killed and started again when it has done so for "
        f"{seconds.hang_seconds:g} s, or is not ready after {seconds.ready_seconds:g} s"
    )
