"""Facts about the event log for status and metrics: its durability, and the number of dead letters."""

from __future__ import annotations

from typing import Any

from bento_services import metrics
from feature_repo.core.errors import DependencyDown
from feature_repo.schema import RECOMMENDATION_SERVED, VIDEO_PUBLISHED, WATCH_EVENTS
from feature_repo.stream.log.protocol import EventLog

READ_TOPICS = (WATCH_EVENTS, RECOMMENDATION_SERVED, VIDEO_PUBLISHED)


class LogFacts:
    """`look` asks the log; `facts` is what it said last. While it is down, what was known stays known."""

    def __init__(self, log: EventLog) -> None:
        self.facts: dict[str, Any] = {}
        self._log = log

    def look(self) -> None:
        try:
            dead = {topic: self._log.count_dead_letters(topic) for topic in READ_TOPICS}
            self.facts = {"durability": self._log.durability().value, "dead_letters": sum(dead.values())}
        except DependencyDown:
            return
        for topic, count in dead.items():
            metrics.DEAD_LETTERS.labels(topic).set(count)
