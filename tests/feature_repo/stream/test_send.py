"""Events from the command line: normalized as over HTTP, appended all or none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner
from worlds.live import KAFKA_WARNINGS, WORLD, kafka

from feature_repo.cli import app
from feature_repo.core.errors import MarqueeError
from feature_repo.core.home import Home
from feature_repo.events import decode_event
from feature_repo.schema import WATCH_EVENTS
from feature_repo.store.valkey_server import online_store
from feature_repo.stream.config import LogConfig
from feature_repo.stream.log.open import open_event_log
from feature_repo.stream.send import send

pytestmark = KAFKA_WARNINGS

LINES = ['{"user_id": "u1", "item_id": "v1", "type": "like"}', '{"user_id": "u1", "item_id": "v2", "event": "click"}']


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home.open(tmp_path)
    made.write_world(WORLD)
    return made


def test_lines_become_events_in_their_order(home: Home) -> None:
    with online_store(home) as url:
        answer = send(home, LINES)
        log = open_event_log(url)
        records = log.tail(WATCH_EVENTS, 5)
        log.close()
    assert answer == {"accepted": 2, "receipt": records[-1].id, "unknown_videos": []}
    assert [(event.video_id, event.event) for event in (decode_event(record.value) for record in records)] == [
        ("v1", "like"),
        ("v2", "click"),
    ]
    assert [record.key for record in records] == ["u1", "u1"]


@pytest.mark.parametrize("bad", ["not json", '{"user_id": "u1", "event": "like"}'])
def test_one_bad_line_names_itself_and_nothing_is_sent(home: Home, bad: str) -> None:
    with online_store(home) as url:
        with pytest.raises(MarqueeError, match=r"line 2: .*; nothing was sent"):
            send(home, [LINES[0], bad])
        log = open_event_log(url)
        assert log.tail(WATCH_EVENTS, 5) == []
        log.close()


def test_nothing_to_send_is_nothing_sent(home: Home) -> None:
    assert send(home, []) == {"accepted": 0, "receipt": None, "unknown_videos": []}


@pytest.mark.kafka
def test_with_kafka_named_in_the_home_events_go_there_and_are_seen_there(home: Home) -> None:
    broker = kafka()
    (home.root / "marquee.toml").write_text(f'[log]\nkafka = "{broker}"\n')
    before = _in_kafka(broker)
    assert send(home, LINES)["accepted"] == 2
    shown = CliRunner().invoke(app, ["events", "tail", "-n", "2", "--home", str(home.root)])
    assert [json.loads(line)["key"] for line in shown.output.splitlines()] == ["u1", "u1"]
    assert _in_kafka(broker) == before + 2
    with online_store(home) as url:
        log = open_event_log(url)
        assert log.tail(WATCH_EVENTS, 5) == []  # nobody reads them there
        log.close()


def _in_kafka(broker: str) -> int:
    log = open_event_log("", LogConfig(kafka=broker))
    try:
        return len(log.tail(WATCH_EVENTS, 1_000))
    finally:
        log.close()
