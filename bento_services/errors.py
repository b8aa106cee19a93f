"""What the feed can refuse or fail at. Dependencies that are down are not here: a page answers from a lower rung.

MarqueeError                 feature_repo/core/errors.py
└── FeedError
    ├── QueryError           a question that cannot be answered: the caller's to correct (HTTP 400)
    └── PolicyError          a policy file that is not a policy: the release's to correct
StageFailed                  inside the feed only: this rung cannot answer, the next one is asked
"""

from __future__ import annotations

from feature_repo.core.errors import MarqueeError


class FeedError(MarqueeError):
    """The feed cannot do what it was asked; the message says what was expected."""


class QueryError(FeedError):
    """A field of the query that no page can be made for."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field


class PolicyError(FeedError):
    """A policy that declares something impossible or unknown."""


class StageFailed(Exception):
    """One stage of a pipeline could not answer. `stage` is its name as in `stage_ms`; `late`: it was not even asked."""

    def __init__(self, stage: str, why: str, late: bool = False) -> None:
        super().__init__(f"{stage}: {why}")
        self.stage = stage
        self.late = late
