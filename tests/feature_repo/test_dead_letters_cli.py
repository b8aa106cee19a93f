"""`marquee events dlq`: list, show, replay and drop, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result
from worlds.live import WORLD, event, valkey

from feature_repo.cli import app
from feature_repo.core.errors import REFUSED, MarqueeError
from feature_repo.core.home import Home
from feature_repo.events import encode_event
from feature_repo.schema import WATCH_EVENTS
from feature_repo.stream.log.open import open_event_log
from feature_repo.stream.log.protocol import EventLog, Record


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home.open(tmp_path)
    made.write_world(WORLD)
    return made


@pytest.fixture
def log(home: Home) -> Iterator[EventLog]:
    with valkey(home.valkey) as url:
        opened = open_event_log(url)
        opened.dead_letter(WATCH_EVENTS, "g", Record("1-0", "u1", encode_event(event(1))), "RuntimeError: a bug")
        opened.dead_letter(WATCH_EVENTS, "g", Record("2-0", "u2", b"no event"), "expected a JSON object")
        yield opened
        opened.close()


def dlq(home: Home, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["events", "dlq", *arguments, "--home", str(home.root)])


def answer(result: Result) -> dict[str, Any]:
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.output)
    return found


def test_a_list_shows_causes_for_people_and_everything_for_programs(home: Home, log: EventLog) -> None:
    shown = dlq(home, "list")
    assert shown.exit_code == 0, shown.output
    assert "RuntimeError: a bug" in shown.output
    assert "2 of 2 dead letters" in shown.output
    found = answer(dlq(home, "list", "--json", "-n", "1"))
    assert (found["count"], [letter["value"] for letter in found["letters"]]) == (2, ["no event"])
    assert answer(dlq(home, "list", "--json", "--key", "nobody"))["letters"] == []


def test_one_letter_is_shown_whole(home: Home, log: EventLog) -> None:
    letter = log.dead_letters(WATCH_EVENTS)[0]
    assert answer(dlq(home, "show", letter.id, "--json"))["value"]["event_id"] == "e1"


def test_replay_takes_what_can_be_handled_and_ends_with_refused_for_the_rest(home: Home, log: EventLog) -> None:
    result = dlq(home, "replay", "--all")
    assert isinstance(result.exception, MarqueeError)
    assert result.exception.exit_status == REFUSED
    assert [letter.cause for letter in log.dead_letters(WATCH_EVENTS)] == ["expected a JSON object"]
    assert len(log.tail(WATCH_EVENTS, 5)) == 1


def test_drop_deletes_what_was_chosen(home: Home, log: EventLog) -> None:
    assert answer(dlq(home, "drop", "--cause", "json object", "--json")) == {"dropped": 1}
    assert answer(dlq(home, "drop", "--all", "--json")) == {"dropped": 1}
    assert log.count_dead_letters(WATCH_EVENTS) == 0


@pytest.mark.parametrize("verb", ["replay", "drop"])
def test_nothing_is_done_to_all_of_them_by_accident(home: Home, log: EventLog, verb: str) -> None:
    for arguments in ((), ("--all", "--key", "u1")):
        assert dlq(home, verb, *arguments).exit_code == 2
    assert log.count_dead_letters(WATCH_EVENTS) == 2


@pytest.mark.parametrize("command", [("dlq", "list"), ("dlq", "drop", "--all"), ("tail",)])
def test_a_topic_that_there_is_not_is_refused(home: Home, command: tuple[str, ...]) -> None:
    shown = CliRunner().invoke(app, ["events", *command, "--topic", "nonsense", "--home", str(home.root)])
    assert shown.exit_code == 2
    assert "watch-events" in shown.output
