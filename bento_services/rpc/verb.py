"""A method of the service, and one call of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from bento_services.admission.callers import NOBODY, Caller
from bento_services.admission.endpoints import EndpointClass
from bento_services.engine import Engine


@dataclass
class Call:
    """One call: who makes it, and what its log line needs."""

    request_id: str
    received_at: float  # perf_counter seconds
    caller: Caller = NOBODY
    rung: str | None = None
    release: str | None = None


class Verb(NamedTuple):
    """One method: the message that it takes, who may call it, and what it answers. `answer` raises Problem."""

    request: Any
    endpoint: EndpointClass
    answer: Callable[[Engine, Any, Call], Awaitable[Any]]
