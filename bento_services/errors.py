"""Errors of the feed. A dependency that is down is not one: the page then comes from a lower rung.

MarqueeError                 feature_repo/core/errors.py
└── FeedError
    ├── QueryError           an invalid query: the caller must correct it (HTTP 400)
    ├── UnknownSubject       it names what the catalog does not have (HTTP 404)
    └── NothingToAsk         what would have to answer cannot be read (HTTP 503)
StageFailed                  inside the feed only: this rung cannot answer, the next one is tried
"""

from __future__ import annotations

from collections.abc import Sequence

from feature_repo.core.errors import MarqueeError


class FeedError(MarqueeError):
    """Invalid input to the feed; the message says what was expected."""


class QueryError(FeedError):
    """An invalid field of the query."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field


class UnknownSubject(FeedError):
    """A video or category that the catalog does not have. `known`: the categories that it has."""

    def __init__(self, field: str, value: str, known: Sequence[str] = ()) -> None:
        super().__init__(f"{field}: the catalog has no {value!r}")
        self.field = field
        self.value = value
        self.known = known


class NothingToAsk(FeedError):
    """No rung could answer, on a surface where an empty list would be taken for an answer."""


class StageFailed(Exception):
    """A stage failed. `stage` is its name as in `stage_ms`; `late`: the deadline passed before it began."""

    def __init__(self, stage: str, why: str, late: bool = False) -> None:
        super().__init__(f"{stage}: {why}")
        self.stage = stage
        self.late = late
