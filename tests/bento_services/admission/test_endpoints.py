"""What the classes of endpoints declare."""

from __future__ import annotations

from bento_services.admission import endpoints
from bento_services.admission.endpoints import (
    CATALOG,
    CONSENT,
    EVENTS,
    FEEDBACK,
    HOME_PAGES,
    PAGES,
    UNKNOWN,
    EndpointClass,
)
from bento_services.admission.limits import Limits

ALL = [value for value in vars(endpoints).values() if isinstance(value, EndpointClass)]


def test_each_class_has_a_name_of_its_own() -> None:
    assert len(ALL) == 13
    assert len({endpoint.name for endpoint in ALL}) == len(ALL)


def test_what_speaks_for_a_viewer_needs_a_scope() -> None:
    assert [endpoint for endpoint in ALL if endpoint.speaks_for_viewer] == [
        HOME_PAGES,
        PAGES,
        EVENTS,
        FEEDBACK,
        CONSENT,
    ]
    assert all(endpoint.scope for endpoint in ALL if endpoint.speaks_for_viewer)
    assert not [endpoint for endpoint in ALL if endpoint.public and endpoint.scope]


def test_health_metrics_and_what_is_public_are_never_limited() -> None:
    assert {endpoint.name for endpoint in ALL if endpoint.rate is None} == {
        "public",
        "health",
        "liveness",
        "operations",
    }


def test_only_events_and_videos_may_be_a_large_body() -> None:
    limits = Limits(max_body_bytes=10, max_events_body_bytes=1000)
    assert EVENTS.max_body_bytes(limits) == CATALOG.max_body_bytes(limits) == 1000
    assert {endpoint.max_body_bytes(limits) for endpoint in ALL if endpoint not in (EVENTS, CATALOG)} == {10}
    assert UNKNOWN.max_body_bytes(limits) == 10
