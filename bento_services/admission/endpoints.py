"""Classes of endpoints, declared once for both protocols: what a caller needs and how much it may send.

Each HTTP route and gRPC method names its class; admission reads nothing else of them.
"""

from __future__ import annotations

from dataclasses import dataclass

from bento_services.admission.callers import Scope
from bento_services.admission.limits import Limits


@dataclass(frozen=True)
class EndpointClass:
    name: str
    scope: Scope | None = None  # that the caller's key must have; None: any key will do
    public: bool = False  # answered without a key: what a browser asks for before it can send one
    always: bool = False  # also where the keys cannot be read and nobody else is admitted
    speaks_for_viewer: bool = False  # the caller names the viewer for whom it reads or writes
    many_events: bool = False  # its body may be as large as a batch of events

    def max_body_bytes(self, limits: Limits) -> int:
        return limits.max_events_body_bytes if self.many_events else limits.max_body_bytes


PUBLIC = EndpointClass("public", public=True)
UNKNOWN = EndpointClass("unknown")  # no such address: only callers with a key learn that
HEALTH = EndpointClass("health", public=True)  # whatever asks has no key
LIVENESS = EndpointClass("liveness", public=True, always=True)
OPERATIONS = EndpointClass("operations", "metrics")
PAGES = EndpointClass("pages", "serve", speaks_for_viewer=True)
EVENTS = EndpointClass("events", "events", speaks_for_viewer=True, many_events=True)
FEEDBACK = EndpointClass("feedback", "events", speaks_for_viewer=True)
VISIBILITY = EndpointClass("visibility", "events")
VIEWERS = EndpointClass("viewers", "admin")
