"""The online store dies while pages are served: no error, a lower rung that says its name, and back."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import httpx
import pytest
from worlds.live import eventually, store_pid
from worlds.pace import PATIENT, slower

from bento_services.process.supervisor import running
from feature_repo.core.home import Home

PERSONAL = "full_funnel"


def test_pages_go_on_without_the_store_and_are_personal_again_within_five_seconds(
    own_world: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MARQUEE_FEED_DEADLINE_MS", PATIENT["MARQUEE_FEED_DEADLINE_MS"])
    home = Home.open(own_world)
    viewer = home.world().example_user
    with running(home, http_port=0, grpc_port=0) as ports, httpx.Client(base_url=ports.http_url) as client:

        def page() -> tuple[int, str]:
            reply = client.get("/api/v1/recommendations/home", headers={"x-user-id": viewer})
            return reply.status_code, reply.json().get("served_by", "")

        eventually(lambda: page() == (200, PERSONAL), 60.0)  # of a slow machine
        rungs: list[str] = []
        slow = slower()
        for _ in range(3):
            os.kill(store_pid(home), signal.SIGKILL)
            killed = time.monotonic()
            degraded = False
            while time.monotonic() - killed < 5.0 * slow:
                status, rung = page()
                assert status == 200
                rungs.append(rung)
                degraded = degraded or rung != PERSONAL
                if degraded and rung == PERSONAL:
                    break
            assert rung == PERSONAL
        assert any(rung != PERSONAL for rung in rungs)
        assert set(rungs) <= {PERSONAL, "similar_and_trending", "segment", "popular", "static"}
