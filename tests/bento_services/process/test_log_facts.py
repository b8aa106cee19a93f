"""Status and metrics say how safe a record is and how many dead letters there are."""

from __future__ import annotations

from prometheus_client import REGISTRY
from worlds.by_hand import MemoryLog

from bento_services.process.log_facts import LogFacts
from feature_repo.schema import WATCH_EVENTS
from feature_repo.stream.log.protocol import Durability, EventLogDown


class Log(MemoryLog):
    def durability(self) -> Durability:
        return Durability.DISK

    def count_dead_letters(self, topic: str) -> int:
        if self.down:
            raise EventLogDown("told to be down")
        return 3 if topic == WATCH_EVENTS else 1


def test_durability_and_dead_letters_are_said_and_stay_known_while_the_log_is_down() -> None:
    log = Log()
    found = LogFacts(log)  # type: ignore[arg-type]
    assert found.facts == {}
    for log.down in (False, True):
        found.look()
        assert found.facts == {"durability": "disk", "dead_letters": 5}
    assert REGISTRY.get_sample_value("marquee_dead_letters", {"topic": WATCH_EVENTS}) == 3
