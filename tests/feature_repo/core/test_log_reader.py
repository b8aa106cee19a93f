"""The logs of all processes are read as one, in the order of time."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from feature_repo.core.home import Home
from feature_repo.core.log_reader import LogFilter, follow, last_error, moment, processes, read, shown


def line(second: int, process: str, event: str, level: str = "info", **more: str) -> str:
    time = f"2026-11-21T10:00:{second:02d}.000000Z"
    return json.dumps({"time": time, "level": level, "process": process, "pid": 1, "event": event, **more}) + "\n"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    logs = tmp_path / "run" / "logs"
    logs.mkdir(parents=True)
    (logs / "service.log.1").write_text(line(1, "service", "first"))
    torn = '{"time": "2026-11-2'
    (logs / "service.log").write_text(line(4, "service", "fourth", "error", error="why") + torn + "\n")
    (logs / "processor.log").write_text(line(2, "processor", "second", "warning") + line(3, "processor", "third"))
    return Home(tmp_path)


def test_records_come_in_the_order_of_time_over_processes_and_rotated_files(home: Home) -> None:
    assert [record["event"] for record in read(home)] == ["first", "second", "third", "fourth", '{"time": "2026-11-2']
    assert processes(home) == ["processor", "service"]


def test_records_are_chosen_by_process_level_and_time(home: Home) -> None:
    assert [record["event"] for record in read(home, LogFilter(process="processor"))] == ["second", "third"]
    assert [record["event"] for record in read(home, LogFilter(level="error"))] == ["fourth"]
    (home.run / "logs" / "service-2.log").write_text(line(9, "service-2", "ninth"))
    assert [record["event"] for record in read(home, LogFilter(process="service"))][-1] == "ninth"
    assert [record["event"] for record in read(home, LogFilter(process="service-2"))] == ["ninth"]
    assert next(read(home, LogFilter(since="2026-11-21T10:00:03.000000Z")))["event"] == "third"


def test_the_store_s_own_lines_are_records_too(home: Home) -> None:
    home.valkey.mkdir()
    (home.valkey / "valkey.log").write_text("77:M 21 Nov 2026 09:00:00.123 # Server initialized\nno line of it\n")
    first, second = read(home, LogFilter(process="valkey"))
    assert (first["level"], first["event"]) == ("warning", "Server initialized")
    assert second["event"] == "no line of it"


def test_what_is_written_later_is_followed_over_a_rotation(home: Home) -> None:
    path = home.run / "logs" / "service.log"
    turns: list[float] = []

    def sleep(seconds: float) -> None:
        turns.append(seconds)
        if len(turns) == 1:
            with path.open("a") as file:
                file.write(line(5, "service", "fifth"))
        if len(turns) == 2:
            path.rename(f"{path}.1")
            path.write_text(line(6, "service", "sixth"))

    records = follow(home, LogFilter(), sleep)
    assert [next(records)["event"] for _ in range(2)] == ["fifth", "sixth"]


def test_the_last_error_of_a_process_is_one_line(home: Home) -> None:
    assert last_error(home, "service") == "why"
    assert last_error(home, "processor") == ""
    assert last_error(home, "nobody") == ""


def test_a_moment_is_a_while_ago_or_a_time() -> None:
    def now() -> datetime:
        return datetime(2026, 11, 21, 10, tzinfo=UTC)

    assert moment("90s", now) == "2026-11-21T09:58:30.000000Z"
    assert moment("2h", now) == "2026-11-21T08:00:00.000000Z"
    assert moment("2026-11-21T09:00:00+01:00") == "2026-11-21T08:00:00.000000Z"
    with pytest.raises(ValueError, match="expected 90s, 10m"):
        moment("soon")


def test_a_traceback_is_shown_below_its_record() -> None:
    record = {"time": "t", "level": "error", "process": "service", "event": "failed", "pid": 1, "n": 2}
    assert shown({**record, "exception": "Traceback\n  x"}) == (
        "t error    service     failed n=2\n    Traceback\n      x"
    )
