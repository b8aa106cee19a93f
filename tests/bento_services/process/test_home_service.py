"""The home service in its two forms; importing it makes nothing and reads nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from worlds.bento import home_service as module
from worlds.by_hand import Made
from worlds.http_api import client_of, error_of

ROOT = Path(__file__).resolve().parents[3]


def test_one_process_depends_on_no_other_service() -> None:
    assert module.home_service(split=False).dependencies == {}


def test_the_split_form_depends_on_retrieval_and_ranking() -> None:
    dependencies = module.home_service(split=True).dependencies
    assert {name: found.on.name for name, found in dependencies.items()} == {
        "retrieval": "marquee_retrieval",
        "ranking": "marquee_ranking",
    }


def test_two_services_share_no_engine() -> None:
    one, another = module.home_service(split=False), module.home_service(split=False)
    assert one.inner.started is not another.inner.started


@pytest.fixture
def made() -> Iterator[Made]:
    made = Made()
    yield made
    made.engine.close()


@pytest.mark.parametrize("made_by", [module.application, lambda service: service.to_asgi()])
async def test_every_address_is_answered_by_the_edge_in_one_shape_and_none_by_bentoml(made: Made, made_by: Any) -> None:
    service = module.home_service(split=False)
    service.inner.started.engine = made.engine
    async with client_of(made_by(service)) as client:
        for path in ("/nothing", "/livez%0A", "/docs.json", "/schema.json", "/docs/", "/static_content/x", "/is_ready"):
            error_of(await client.get(path), 404, "not_found")
        error_of(await client.post("/livez"), 405, "method_not_allowed")
        error_of(await client.get("/livez", headers={"host": "rebound.example"}), 403, "wrong_host")
        assert {(await client.get(path)).status_code for path in ("/livez", "/healthz", "/readyz", "/", "/docs")} == {
            200
        }
        made.engine.ready = False
        error_of(await client.get("/readyz"), 503, "unavailable")
        assert (await client.get("/livez")).status_code == 200
        document = (await client.get("/openapi.json")).json()
    assert "EventIn" in document["components"]["schemas"]


@pytest.mark.parametrize(("split", "dependencies"), [("", 0), ("1", 2)])
def test_the_environment_chooses_the_form_when_the_service_is_first_asked_for(
    split: str, dependencies: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(vars(module), "HomeService", raising=False)
    monkeypatch.setenv("MARQUEE_SPLIT", split)
    service: Any = module.HomeService
    assert len(service.dependencies) == dependencies
    assert module.HomeService is service  # BentoML finds it again under its name
    assert service.import_string == "bento_services.process.home_service:HomeService"


def test_a_service_that_starts_logs_json_lines_whoever_runs_it(tmp_path: Path) -> None:
    """`bentoml serve` runs no code of ours before the start; a home without a release ends it soon after."""
    program = (
        "import asyncio, structlog; from bento_services.process.home_service import home_service\n"
        "print(structlog.is_configured())\n"
        "try: asyncio.run(home_service(split=False).inner().start())\n"
        "except Exception as error: structlog.get_logger('requests').info('request', error=type(error).__name__)"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "MARQUEE_HOME": str(tmp_path)}
    command = [sys.executable, "-c", program]
    shown = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    assert shown.stdout.split() == ["False"]
    line = orjson.loads(shown.stderr.splitlines()[-1])
    assert (line["event"], line["level"]) == ("request", "info")
    assert line["error"].endswith("Error")


def test_an_import_makes_no_service_and_starts_no_thread() -> None:
    program = (
        "import sys, threading; import bento_services.process.home_service as module\n"
        "print('HomeService' in vars(module), threading.active_count())"
    )
    shown = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert shown.stdout.split() == ["False", "1"]


def test_a_name_that_it_lacks_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        _ = module.Nothing
