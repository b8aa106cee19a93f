"""The event processor, a real process, killed with -9 in mid-stream: nothing lost, nothing counted twice."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from worlds.live import FACTS, KAFKA_WARNINGS, WORLD, event, eventually, items, kafka, publish, start_processor, valkey

from feature_repo.compute.fold import UserState, VideoState, fold_user, fold_video, to_features
from feature_repo.compute.votes import Votes
from feature_repo.core.home import Home
from feature_repo.events import Event
from feature_repo.schema import WATCH_EVENTS
from feature_repo.store import layout as online
from feature_repo.store.connect import Client, connect
from feature_repo.stream.config import LogConfig
from feature_repo.stream.handlers.fold_events import GROUP
from feature_repo.stream.log.open import open_event_log

pytestmark = KAFKA_WARNINGS

KILLS = 5
EVENTS = 5_000  # a backlog: the processor is always in the middle of a full batch when it is killed
USERS = 40


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home.open(tmp_path)
    made.write_world(WORLD)
    return made


@pytest.fixture(params=["valkey", pytest.param("kafka", marks=pytest.mark.kafka)])
def broker(request: pytest.FixtureRequest) -> str | None:
    """The Kafka to use; None for the streams in Valkey."""
    return kafka() if request.param == "kafka" else None


def test_five_kills_in_mid_stream_lose_nothing_and_count_nothing_twice(home: Home, broker: str | None) -> None:
    rng = random.Random(7)
    events = [
        event(n, user=f"u{rng.randrange(USERS)}", video=f"v{rng.randrange(8)}", kind=rng.choice(["watch", "like"]))
        for n in range(EVENTS)
    ]
    sent = [*events, *rng.sample(events, EVENTS // 10)]  # clients send again, too
    arguments = ("--kafka", broker) if broker else ()
    with valkey(home.valkey) as url:
        store = connect(url, 5.0)
        publish(store)
        if broker:
            _drain(broker)
        log = open_event_log(url, LogConfig(kafka=broker or ""))
        log.append(WATCH_EVENTS, items(*sent[: EVENTS // 2]))

        def produce() -> None:
            for start in range(EVENTS // 2, len(sent), 50):
                log.append(WATCH_EVENTS, items(*sent[start : start + 50]))
                time.sleep(0.01)

        producer = threading.Thread(target=produce)
        process = start_processor(home, *arguments)
        killed_at: list[int] = []
        try:
            eventually(lambda: _marks(store), 20)
            producer.start()
            for kill in range(1, KILLS + 1):
                eventually(partial(_marked, store, kill * EVENTS // (KILLS + 2)), 30)
                time.sleep(rng.uniform(0.0, 0.05))  # somewhere inside the next batch
                process.send_signal(signal.SIGKILL)
                process.wait()
                killed_at.append(_marks(store))
                process = start_processor(home, *arguments)
            producer.join()
            eventually(lambda: log.lag(WATCH_EVENTS, GROUP) == 0, 30)
        finally:
            process.terminate()
            assert process.wait(20) == 0
        assert len(killed_at) == KILLS
        assert max(killed_at) < EVENTS  # every kill was in mid-stream
        assert _marks(store) == EVENTS
        users, videos = _folded(events)
        assert {user_id: _row(store, "user_id", user_id, "user_activity") for user_id in users} == users
        for video_id, expected in videos.items():
            assert _row(store, "video_id", video_id, "video_activity") == {
                name: pytest.approx(value, rel=1e-9) if isinstance(value, float) else value
                for name, value in expected.items()
            }
        log.close()
        store.close()


def test_a_processor_that_is_told_to_stop_finishes_its_batch_and_leaves(home: Home) -> None:
    with valkey(home.valkey) as url:
        store = connect(url, 5.0)
        publish(store)
        log = open_event_log(url)
        log.append(WATCH_EVENTS, items(*(event(n) for n in range(2_000))))
        process = start_processor(home)
        eventually(lambda: _marks(store), 20)
        process.terminate()
        assert process.wait(5) == 0
        assert _marks(store) == _row(store, "user_id", "u1", "user_activity")["user_watch_count"]
        assert log.lag(WATCH_EVENTS, GROUP) == 2_000 - _marks(store)
        assert not store.exists(online.PROCESSOR + "processor-0")
        log.close()
        store.close()


def test_a_tied_processor_leaves_with_the_process_that_started_it(home: Home) -> None:
    import subprocess
    import sys

    from worlds.live import ROOT

    code = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-m', 'feature_repo.stream.worker', '--home', sys.argv[1],"
        " '--die-with-parent'])\n"
        "print(child.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    with valkey(home.valkey) as url:
        store = connect(url, 5.0)
        with subprocess.Popen(
            [sys.executable, "-c", code, str(home.root)], cwd=ROOT, stdout=subprocess.PIPE, text=True
        ) as parent:
            assert parent.stdout
            pid = int(parent.stdout.readline())
            eventually(lambda: store.exists(online.PROCESSOR + "processor-0"), 20)
            parent.kill()
        eventually(lambda: not _is_alive(pid), 10)
        store.close()


def _drain(broker: str) -> None:
    """Take what other tests left in the topic: the broker is one for all."""
    log = open_event_log("", LogConfig(kafka=broker))
    while True:  # reading first: a broker that has just started does not know the group yet, and cannot tell its lag
        log.ack(WATCH_EVENTS, GROUP, [record.id for record in log.read(WATCH_EVENTS, GROUP, "drain", 1_000, 1_000)])
        if not log.lag(WATCH_EVENTS, GROUP):
            break
    log.close()


def _marked(store: Any, events: int) -> bool:
    return _marks(store) > events


def _marks(store: Client) -> int:
    """How many different events the processor has folded."""
    return len(set(store.scan_iter(f"{online.EVENT_MARK}*", count=5_000)))  # a scan may give a key twice


def _row(store: Client, join_key: str, entity_id: str, view: str) -> dict[str, Any]:
    values = store.hmget(online.entity_key(join_key, entity_id), online.row_fields((view,)))
    return online.decode_row((view,), values)[0]


def _folded(events: list[Event]) -> tuple[dict[str, Any], dict[str, Any]]:
    users: dict[str, UserState] = {}
    videos: dict[str, VideoState] = {}
    votes = Votes()
    for one in events:
        facts = FACTS[one.video_id]
        user = users.setdefault(one.user_id, UserState())
        fold_user(user, one, facts, history_length=WORLD.history_length)
        state = videos.setdefault(one.video_id, VideoState())
        fold_video(state, one, facts, counts=votes.first(one, facts))
    return {k: to_features(s) for k, s in users.items()}, {k: to_features(s) for k, s in videos.items()}


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    with open(f"/proc/{pid}/stat") as status:
        return status.read().rsplit(")", 1)[1].split()[0] != "Z"
