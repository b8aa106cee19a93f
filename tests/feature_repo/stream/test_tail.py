"""Records as lines for people, also those that are no JSON."""

from __future__ import annotations

import json

from worlds.by_hand import MemoryLog

from feature_repo.stream.log.protocol import Record
from feature_repo.stream.tail import lines, readable


class Tailed(MemoryLog):
    def tail(self, topic: str, count: int) -> list[Record]:
        return [Record("1-0", "u1", b'{"event": "like"}'), Record("2-0", "u2", b"\xff no JSON")][-count:]


def test_a_record_is_one_line_of_json_whatever_it_holds() -> None:
    first, second = (json.loads(line) for line in lines(Tailed(), "watch-events", 5))  # type: ignore[arg-type]
    assert first == {"id": "1-0", "key": "u1", "value": {"event": "like"}}
    assert second["value"] == "� no JSON"


def test_json_that_is_too_deep_is_shown_as_text() -> None:
    deep = b"[" * 100_000
    assert readable(deep) == deep.decode()
