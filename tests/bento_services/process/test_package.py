"""`marquee package` and `bentoml serve`: the same page, in one process and in three."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import orjson
import psutil
import pytest
from worlds.live import eventually
from worlds.untrained import releases

from bento_services.feed.build import build_feed
from bento_services.feed.page import Query
from feature_repo.core.home import Home
from feature_repo.store.reader import OnlineReader
from feature_repo.store.valkey_server import online_store
from models.release.artifact import load_champion
from models.release.manifest import ArtifactError

BENTOML = Path(sys.executable).with_name("bentoml")
ROOT = Path(__file__).resolve().parents[3]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def bento(own_home: Home) -> dict[str, Any]:
    """Built in a process of its own: BentoML reads where its store is when it is imported."""
    program = (
        "import json; from bento_services.process.package import build; from feature_repo.core.home import Home\n"
        f"print(json.dumps(build(Home.open({str(own_home.root)!r}))))"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    environment.pop("BENTOML_HOME", None)
    shown = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert shown.returncode == 0, shown.stderr[-3000:]
    import json

    built: dict[str, Any] = json.loads(shown.stdout.splitlines()[-1])
    return built


@pytest.fixture(scope="module")
def store(own_home: Home) -> Iterator[str]:
    with online_store(own_home) as url:
        yield url


def test_the_bento_holds_the_verified_release_and_lies_in_the_home(bento: dict[str, Any], own_home: Home) -> None:
    champion = releases(own_home)[0]
    path = Path(bento["path"])
    assert bento["release_id"] == champion
    assert bento["tag"] == f"marquee:{champion}"
    assert path.is_relative_to(own_home.root)
    held = path / "src" / "release"
    assert (held / "manifest.json").read_bytes() == (own_home.releases / champion / "manifest.json").read_bytes()


def test_the_bento_installs_the_serve_lock(bento: dict[str, Any]) -> None:
    asked = (Path(bento["path"]) / "env" / "python" / "requirements.txt").read_text()
    pinned = (ROOT / "requirements" / "serve.lock").read_text()
    pin = re.compile(r"^[^\s;]+==[^\s;]+", re.MULTILINE)
    assert set(pin.findall(asked)) == set(pin.findall(pinned))


def test_the_serve_lock_is_all_that_a_page_needs(own_home: Home, tmp_path: Path) -> None:
    uv = str(Path(sys.executable).with_name("uv"))
    fresh = tmp_path / "venv"
    subprocess.run([uv, "venv", "-q", "--python", sys.executable, str(fresh)], check=True)
    python = str(fresh / "bin" / "python")
    lock = str(ROOT / "requirements" / "serve.lock")
    subprocess.run([uv, "pip", "install", "-q", "--python", python, "-r", lock], check=True)
    program = (
        "import sys, bento_services.process.home_service\n"
        "from bento_services.feed.build import build_feed\n"
        "from bento_services.feed.page import Query\n"
        "from feature_repo.core.home import Home\n"
        "from feature_repo.store.memory import MemoryReader\n"
        "from models.release.artifact import load_champion\n"
        f"release, _ = load_champion(Home.open({str(own_home.root)!r}))\n"
        "videos = {video['video_id']: video for video in release.static_videos}\n"
        "page = build_feed(release, MemoryReader(release.world, {}, videos), None).page(Query(deadline_ms=10_000))\n"
        "print(page.served_by, len(page.recommendations))\n"
    )
    shown = subprocess.run(
        [python, "-c", program],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "MARQUEE_HOME": str(own_home.root)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert shown.returncode == 0, shown.stderr[-3000:]
    assert shown.stdout.split() == ["full_funnel", "20"]


@pytest.mark.parametrize(("split", "processes"), [("", 1), ("1", 3)])
def test_the_served_bento_answers_the_page_that_the_feed_makes(
    bento: dict[str, Any], own_home: Home, store: str, split: str, processes: int
) -> None:
    expected = expected_page(own_home, store)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {
        **{name: value for name, value in os.environ.items() if name != "MARQUEE_HOME"},
        "BENTOML_HOME": str(own_home.root / "bentoml"),
        "REDIS_URL": store,  # and nothing else of the home
        "MARQUEE_HOME": str(own_home.root / "not-there"),
        "MARQUEE_SPLIT": split,
        "OMP_NUM_THREADS": "1",
    }
    command = [str(BENTOML), "serve", bento["tag"], "--host", "127.0.0.1", "--port", str(port)]
    log = own_home.root / f"bentoml-{processes}.log"
    with open(log, "wb") as output:
        served = subprocess.Popen(command, env=environment, stdout=output, stderr=output, start_new_session=True)
    url = f"http://127.0.0.1:{port}"
    try:
        eventually(lambda: served.poll() is not None or is_ready(url), seconds=120)
        assert served.poll() is None, log.read_text()[-3000:]
        page = eventually(lambda: full_page(url), seconds=30)
        workers = [
            process
            for process in psutil.Process(served.pid).children(recursive=True)
            if any("service" in argument and "worker" in argument for argument in process.cmdline())
        ]
    finally:
        stop(served)
    assert outline(page) == outline(expected), log.read_text()[-3000:]
    lines = [orjson.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]
    routes = {line["route"] for line in lines if line["event"] == "request"}
    assert "/api/v1/recommendations/home" in routes, log.read_text()[-3000:]
    assert len(workers) == processes, [process.cmdline() if process.is_running() else None for process in workers]


def test_a_champion_that_was_changed_is_not_packaged(untrained: Home, tmp_path: Path) -> None:
    from bento_services.process.package import build

    home = Home(tmp_path / "home")
    shutil.copytree(untrained.root / "releases", home.releases)
    victim = home.releases / releases(home)[0] / "static.json"
    victim.write_text(victim.read_text().replace("Harbour", "Harbor", 1))
    with pytest.raises(ArtifactError, match=r"static\.json"):
        build(home)


def expected_page(home: Home, url: str) -> dict[str, Any]:
    release, _ = load_champion(home)
    reader = OnlineReader(url, release.world, background=False)
    feed = build_feed(release, reader, None)
    try:
        return feed.page(Query(user_id="u001", request_id="the-same", deadline_ms=9000)).to_json()
    finally:
        feed.close()
        reader.close()


def stop(served: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(served.pid, signal.SIGTERM)
    try:
        served.wait(20)
    except subprocess.TimeoutExpired:
        os.killpg(served.pid, signal.SIGKILL)
        served.wait()


def full_page(url: str) -> dict[str, Any] | None:
    """The page, once it is not made under the pressure of a machine that is busy with other things."""
    headers = {"X-User-Id": "u001", "X-Request-Id": "the-same", "X-Context": '{"deadline_ms": 9000}'}
    reply = httpx.get(f"{url}/api/v1/recommendations/home", headers=headers, timeout=30)
    assert reply.status_code == 200, reply.text
    page: dict[str, Any] = reply.json()
    return page if page["served_by"] == "full_funnel" else None


def outline(page: dict[str, Any]) -> Any:
    rows = [(row["row_id"], [item["video_id"] for item in row["items"]]) for row in page["rows"]]
    return page["release_id"], page["served_by"], rows


def is_ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/readyz", timeout=1).status_code == 200
    except httpx.HTTPError:
        return False
