"""What an operator sees."""

from __future__ import annotations

import httpx
from worlds.http_api import EVENTS, HOME, WATCH


async def test_the_metrics_count_routes_rungs_and_events_and_never_an_address(http: httpx.AsyncClient) -> None:
    await http.get(HOME)
    await http.post(EVENTS, json=WATCH)
    await http.get("/api/v1/there/is/nothing/attic-7391")
    shown = (await http.get("/metrics")).text
    assert (
        'marquee_requests_total{process="service",protocol="http",route="/api/v1/recommendations/home",status="200"}'
        in shown
    )
    assert 'marquee_pages_total{process="service",served_by="full_funnel",surface="home"}' in shown
    assert 'marquee_stage_seconds_count{process="service",stage="score"}' in shown
    assert 'marquee_events_accepted_total{event="watch",process="service"}' in shown
    assert "attic-7391" not in shown
