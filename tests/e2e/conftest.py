"""A trained world that is served for all tests of one module."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from worlds.pace import PATIENT

from bento_services.process.ports import Ports
from bento_services.process.supervisor import running
from feature_repo.core.home import Home

NOT_COPIED = shutil.ignore_patterns("run", "*.sock", "address.json")


@dataclass(frozen=True)
class Served:
    home: Home
    ports: Ports
    http: httpx.Client
    viewer: str  # with a history

    @property
    def url(self) -> str:
        return self.ports.http_url

    def get(self, path: str, viewer: str = "", **asked: Any) -> Any:
        """What the API answers a viewer."""
        reply = self.http.get(f"/api/v1/{path}", params=asked, headers={"x-user-id": viewer})
        assert reply.status_code == 200, reply.text
        return reply.json()


@pytest.fixture(scope="module")
def served(small_world: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    root = tmp_path_factory.mktemp("served") / "world"
    shutil.copytree(small_world, root, symlinks=True, ignore=NOT_COPIED)
    home = Home.open(root)
    monkeypatch = pytest.MonkeyPatch()
    for name, value in PATIENT.items():
        monkeypatch.setenv(name, value)
    with (
        running(home, http_port=0, grpc_port=0) as ports,
        httpx.Client(base_url=ports.http_url, timeout=20, trust_env=False) as http,
    ):
        monkeypatch.undo()
        yield Served(home, ports, http, home.world().example_user)
