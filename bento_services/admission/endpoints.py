"""Endpoint classes, declared once for both protocols: the scope that a caller needs and how much it may send.

Each HTTP route and gRPC method names its class; admission reads nothing else about them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from bento_services.admission.callers import Scope
from bento_services.admission.limits import Limits

RateClass = Literal["home", "surfaces", "events", "operations"]


@dataclass(frozen=True)
class EndpointClass:
    name: str
    scope: Scope | None = None  # required of the caller's key; None: any key will do
    public: bool = False  # needs no key: what a browser requests before it can send one
    always: bool = False  # answered even if the keys cannot be read
    speaks_for_viewer: bool = False  # the caller names the viewer that it reads or writes for
    batch: bool = False  # its body may hold many events, or videos with long texts
    rate: RateClass | None = None  # whose limit of use it counts for; None: never limited

    def max_body_bytes(self, limits: Limits) -> int:
        return limits.max_events_body_bytes if self.batch else limits.max_body_bytes


PUBLIC = EndpointClass("public", public=True)
UNKNOWN = EndpointClass("unknown", rate="operations")  # no such address, which only callers with a key are told
HEALTH = EndpointClass("health", public=True)  # probes have no key
LIVENESS = EndpointClass("liveness", public=True, always=True)
OPERATIONS = EndpointClass("operations", "metrics")
HOME_PAGES = EndpointClass("home", "serve", speaks_for_viewer=True, rate="home")
PAGES = EndpointClass("pages", "serve", speaks_for_viewer=True, rate="surfaces")
EVENTS = EndpointClass("events", "events", speaks_for_viewer=True, batch=True, rate="events")
FEEDBACK = EndpointClass("feedback", "events", speaks_for_viewer=True, rate="events")
VISIBILITY = EndpointClass("visibility", "events", rate="events")
VIEWERS = EndpointClass("viewers", "admin", rate="operations")
CONSENT = EndpointClass("consent", "events", speaks_for_viewer=True, rate="operations")
CATALOG = EndpointClass("catalog", "catalog", batch=True, rate="operations")
