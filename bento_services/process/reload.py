"""`marquee reload`: asks the supervisor of a home to replace its workers, and waits for it."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from bento_services.process.ports import Ports
from bento_services.process.workers import ServiceError
from bento_services.settings import SERVICE, SUPERVISOR
from feature_repo.core.errors import HomeError
from feature_repo.core.home import Home
from feature_repo.core.local_socket import ask
from feature_repo.core.progress import SILENT, Progress
from feature_repo.core.settings import read

SUPERVISOR_NAME = "supervisor"
LOOK_SECONDS = 0.2


def reloaded(home: Home, progress: Progress = SILENT) -> dict[str, Any]:
    """Who replaced whom, and the workers as they are now. Raises HomeError where nothing serves this home, and
    ServiceError where nothing was replaced, or not all: a setting is wrong, or a new worker does not become ready."""
    status = ask(home, SUPERVISOR_NAME, "status")
    if Ports.read(home) is None or status is None:
        raise HomeError(f"nothing serves {home.root}: `marquee serve`")
    before = {worker["pid"] for worker in status["workers"]}
    with ThreadPoolExecutor(1) as pool, progress.task("replacing workers", len(before)) as advance:
        asked = pool.submit(ask, home, SUPERVISOR_NAME, "reload", _patience_seconds(home, len(before)))
        left = len(before)
        while not asked.done():
            threading.Event().wait(LOOK_SECONDS)
            status = ask(home, SUPERVISOR_NAME, "status") or status
            now = len(before & {worker["pid"] for worker in status["workers"]})
            advance(left - now)
            left = now
        answer = asked.result()
    if answer is None:
        raise ServiceError("the supervisor gives no answer; `marquee logs --process supervisor` says what it does")
    if "error" in answer:
        raise ServiceError(str(answer["error"]))
    return dict(answer)


def _patience_seconds(home: Home, workers: int) -> float:
    """Longer than the supervisor takes for as many, or for one per core."""
    try:
        config, service = read(SUPERVISOR, home.root), read(SERVICE, home.root)
    except HomeError:  # which the supervisor says, too
        return 10.0
    return (workers + 64) * (config.ready_seconds + service.drain_seconds + config.stop_seconds)
