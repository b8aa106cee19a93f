"""Events from the command line: normalized as over HTTP, appended all or none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner
from worlds.live import KAFKA_WARNINGS, WORLD, kafka
from worlds.toy import toy_home

from feature_repo.cli import app
from feature_repo.core.errors import REFUSED
from feature_repo.core.home import Home
from feature_repo.events import decode_event
from feature_repo.schema import WATCH_EVENTS
from feature_repo.store.valkey_server import online_store
from feature_repo.stream.config import LogConfig
from feature_repo.stream.log.open import open_event_log
from feature_repo.stream.send import InvalidEvents, send_lines

pytestmark = KAFKA_WARNINGS

LINES = ['{"user_id": "u1", "item_id": "v1", "type": "like"}', '{"user_id": "u1", "item_id": "v2", "event": "click"}']


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home.open(tmp_path)
    made.write_world(WORLD)
    return made


def sent(home: Home, *lines: str) -> dict[str, Any]:
    return send_lines(home, "\n".join(lines).encode(), "some.jsonl")


def test_lines_become_events_in_their_order(home: Home) -> None:
    with online_store(home) as url:
        answer = sent(home, *LINES)
        log = open_event_log(url)
        records = log.tail(WATCH_EVENTS, 5)
        log.close()
    assert answer == {"accepted": 2, "receipt": records[-1].id, "unknown_videos": []}
    assert [(event.video_id, event.event) for event in (decode_event(record.value) for record in records)] == [
        ("v1", "like"),
        ("v2", "click"),
    ]
    assert [record.key for record in records] == ["u1", "u1"]


def test_videos_that_the_catalog_does_not_have_are_named(tmp_path: Path) -> None:
    home = toy_home(tmp_path)
    like = json.dumps({"user_id": "u1", "item_id": "v04", "event": "like"})
    with online_store(home):
        assert sent(home, like, LINES[1])["unknown_videos"] == ["v2"]


@pytest.mark.parametrize(
    ("bad", "complaint"),
    [
        ("not json", "expected JSON"),
        ('{"user_id": "u1", "event": "like"}', "item_id: expected"),
        (LINES[0] + "\u2028" + LINES[1], "expected JSON"),
        ("[" + LINES[0] + "]", "expected a JSON object, found list"),
        ('{"user_id": "u1", "item_id": "v1", "type": "click", "event_id": "e"}', "event_id: .*that of line 3"),
    ],
)
def test_one_bad_line_names_itself_and_nothing_is_sent(home: Home, bad: str, complaint: str) -> None:
    first = '{"user_id": "u1", "item_id": "v1", "type": "like", "event_id": "e"}'
    with online_store(home) as url:
        with pytest.raises(InvalidEvents, match=rf"some.jsonl, line 4: .*{complaint}.*; nothing was sent") as refused:
            sent(home, "", " ", first, bad)
        assert refused.value.exit_status == REFUSED
        log = open_event_log(url)
        assert log.tail(WATCH_EVENTS, 5) == []
        log.close()


def test_what_editors_of_other_systems_add_is_no_part_of_a_line(home: Home) -> None:
    odd = '\ufeff{"user_id": "u1", "item_id": "v1", "type": "click", "more": "a\u2028b\u0085c"}\r\n\r\n'
    assert send_lines(home, odd.encode(), "some.jsonl")["accepted"] == 1


def test_nothing_to_send_is_nothing_sent(home: Home) -> None:
    assert sent(home) == {"accepted": 0, "receipt": None, "unknown_videos": []}


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ("--user u1\u00a0 --video v1", "Invalid value for --user: expected printable text"),
        ("--user u1 --video v1 --event frown", "Invalid value for --event: expected one of click"),
        ("--user u1 --video v1 --seconds 1e13", "Invalid value for --seconds: expected seconds"),
        ("--user u1 --video v1 --seconds inf", "Invalid value for --seconds: expected seconds"),
    ],
)
def test_an_event_of_options_is_refused_by_the_option_that_is_wrong(home: Home, options: str, complaint: str) -> None:
    told = CliRunner().invoke(app, ["events", "send", *options.split(" "), "--home", str(home.root)])
    assert (told.exit_code, complaint in " ".join(told.output.split())) == (2, True)


@pytest.mark.kafka
def test_with_kafka_named_in_the_home_events_go_there_and_are_seen_there(home: Home) -> None:
    broker = kafka()
    (home.root / "marquee.toml").write_text(f'[log]\nkafka = "{broker}"\n')
    before = _in_kafka(broker)
    assert sent(home, *LINES)["accepted"] == 2
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
