"""A viewer whom every part of a served and trained home knows, erased: nothing of the id is left anywhere."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from worlds.live import eventually
from worlds.traces import in_files, traces

from bento_services.client import Client
from bento_services.people.verbs import Consent
from bento_services.process.supervisor import running
from feature_repo.core.home import Home
from feature_repo.core.settings import child_environment
from feature_repo.lake.cut import take_cut
from feature_repo.lake.tables import Lake
from feature_repo.schema import WATCH_EVENTS
from feature_repo.store.connect import connect
from feature_repo.store.erased import people
from feature_repo.store.valkey_server import running_url
from feature_repo.stream.log.open import open_home_log

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def home(own_world: Path) -> Home:
    return Home.open(own_world)


@pytest.fixture
def served(home: Home) -> Iterator[Client]:
    with running(home, http_port=0, grpc_port=0) as ports, Client(ports.http_url, timeout_seconds=30) as client:
        yield client


def url_of(home: Home) -> str:
    url = running_url(home)
    assert url is not None
    return url


def marquee(home: Home, *arguments: str) -> dict[str, Any]:
    ended = subprocess.run(
        [sys.executable, "-m", "marquee", *arguments, "--home", str(home.root), "--json"],
        cwd=ROOT,
        env=child_environment(PYTHONPATH=str(ROOT)),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    found: dict[str, Any] = json.loads(ended.stdout)
    return found


def plant(home: Home, client: Client, viewer: str) -> None:
    """Let every part of the home learn of a viewer, each in its own way."""
    page = client.home(viewer, context={"deadline_ms": 9000})
    watched = page.recommendations[0]
    sent = {"user_id": viewer, "item_id": watched.video_id, "event": "watch", "request_id": page.request_id}
    receipt = client.send(
        [{**sent, "duration_sec": watched.duration, "event_id": f"mine-{viewer}-{n}"} for n in range(5)]
    )
    client.wait_until_visible(receipt.event_ids[-1], user_id=viewer)
    client.feedback(viewer, page.recommendations[1].video_id, "dislike")
    client.home(viewer, context={"deadline_ms": 9000})
    log = open_home_log(home, url_of(home))
    log.append(WATCH_EVENTS, [(viewer, json.dumps({"user_id": viewer, "event": "no such event"}).encode())])
    eventually(lambda: log.count_dead_letters(WATCH_EVENTS), 30)
    log.close()
    marquee(home, "videos", "take-down", "v00001", "--why", f"asked for by {viewer}")
    wrong = {**Lake(home).events().slice(0, 1).to_pylist()[0], "user_id": viewer, "watch_seconds": -1.0}
    Lake(home).append_events(pa.Table.from_pylist([wrong]), "live-wrong")
    marquee(home, "features")
    pq.write_table(pa.table({"user_id": [viewer, "other"], "item_id": ["v1", "v2"]}), home.root / "scored.parquet")
    logs = home.run / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    with (logs / "jobs.log").open("a") as lines:
        lines.write(json.dumps({"event": "a library failed", "error": f"KeyError: '{viewer}'"}) + "\n")


def test_nothing_is_left_of_an_erased_viewer(home: Home, served: Client) -> None:
    viewer = home.world().example_user
    trained = in_files(home.root, viewer)
    assert not {name for name in trained if name.startswith(("releases", "models", "reports", "mlflow"))}
    plant(home, served, viewer)
    take_cut(home)
    before = traces(home.root, url_of(home), viewer)
    for place in ("world.json", "lake/users.parquet", "cut/lake/users.parquet", "features/user_activity.parquet"):
        assert place in before
    for place in ("valkey/", "rejected/", "scored.parquet", "run/logs/jobs.log", "catalog.db", "b'marquee:log:"):
        assert any(place in one for one in before), (place, sorted(before))
    known = served.export_viewer(viewer).holders
    assert {"online store", "event log", "dead letters", "lake", "features", "catalog audit", "logs"} <= set(known)
    receipt = served.erase_viewer(viewer)
    assert receipt.ended
    assert receipt.left == 0, receipt
    assert {one.name for one in receipt.holders if one.removed} >= {*known} - {"releases and reports"}
    assert traces(home.root, url_of(home), viewer) == set()
    assert viewer not in str(receipt)
    assert list((people(home) / "receipts").glob(f"{receipt.receipt_id}.json"))
    again = served.erase_viewer(viewer)
    assert (again.removed, again.left, again.known) == (0, 0, False)
    assert served.export_viewer(viewer).holders == {}
    # Nothing brings the viewer back: neither an event of before, nor the lake that was written late, nor a replay.
    served.send(
        {"user_id": viewer, "item_id": "v00002", "event": "like", "timestamp": home.world().now_us() / 1e6 - 60}
    )
    late = {**Lake(home).events().slice(0, 1).to_pylist()[0], "user_id": viewer, "event_id": "late"}
    Lake(home).append_events(pa.Table.from_pylist([late]), "live-late")
    marquee(home, "features")
    store = connect(url_of(home), 5.0)
    assert not store.sismember("marquee:user_ids", viewer)
    store.close()
    assert viewer not in Lake(home, home.cut / "lake").events()["user_id"].to_pylist()
    assert viewer not in str(pq.read_table(home.features / "user_activity.parquet")["user_id"].to_pylist())


def test_a_viewer_without_personal_pages_leaves_nothing_and_begins_anew_after_agreeing(
    home: Home, served: Client
) -> None:
    viewer = "somebody-new-to-this"
    context = {"deadline_ms": 9000}

    def watch(event_id: str) -> None:
        served.send(
            {"user_id": viewer, "item_id": "v00003", "event": "watch", "duration_sec": 900, "event_id": event_id}
        )

    watch("first")
    served.wait_until_visible("first", user_id=viewer)
    refused = served.consent(viewer, False)
    assert refused.erasure is not None
    assert refused.erasure.removed > 0
    time.sleep(1.0)
    assert traces(home.root, url_of(home), viewer) == set()
    watch("second")
    nobody = served.home("", context=context)
    page = served.home(viewer, context=context)
    assert page.served_by == nobody.served_by
    assert "because_you_watched" not in {row.row_id for row in page.rows}
    time.sleep(1.0)
    assert traces(home.root, url_of(home), viewer) == set()
    assert served.export_viewer(viewer).personal_pages is False
    assert served.consent(viewer, True) == Consent(personal_pages=True, changed=True, erasure=None)
    time.sleep(11.0)  # GRACE_SECONDS
    watch("third")
    served.wait_until_visible("third", user_id=viewer)
    known = served.export_viewer(viewer)
    assert known.personal_pages is True
    assert known.holders["online store"]["features"]["history_video_ids"] == ["v00003"]
    assert known.holders["online store"]["features"]["user_watch_count"] == 1
