"""Examples of answers, for the API's document."""

from __future__ import annotations

import msgspec

from bento_services.feed.answers import (
    LeftOut,
    NextUp,
    Onboarding,
    Ranked,
    Similar,
    SimilarItem,
    Surface,
    SurfaceItem,
    UpNext,
)

RELEASE_ID = "r-0123456789ab"
REQUEST_ID = "q-9f2c41d07be35a88"
CERTIFICATE = {
    "policy": "1",
    "fresh_from": "2026-11-14",
    "top": 10,
    "rules": [{"rule": "max_per_creator", "bar": 3, "found": 1, "kept": True}],
    "relaxed": [],
}

SURFACE = Surface(
    surface="trending",
    category="Documentary",
    title="Trending now",
    items=(
        SurfaceItem(
            item_id="v00042",
            title="Paper Orbit",
            score=1.0,
            reason="Trending now",
            channel="Lumen",
            thumbnail="https://images.example.com/v00042.jpg",
            duration=5400.0,
            view_count=18250,
            published_at="2026-11-20",
            genres=("Documentary", "Science"),
            source="trending",
            position=0,
            propensity=1.0,
        ),
    ),
    cursor="AQABx6K1sY2hSDo3mZ0Q",
    certificate=CERTIFICATE,
    request_id=REQUEST_ID,
    served_by="trending",
    release_id=RELEASE_ID,
    warnings=(),
)

SIMILAR = Similar(
    similar=(
        SimilarItem(
            video_id="v00117",
            title="The Quiet Comet",
            similarity_score=0.82,
            reason="Watched by the same viewers",
            channel="Lumen",
            thumbnail="https://images.example.com/v00117.jpg",
            duration=4980.0,
            genres=("Documentary",),
            position=0,
        ),
    ),
    cursor="AQABx6K1sY2hSDo3mZ0Q",
    certificate=CERTIFICATE,
    request_id=REQUEST_ID,
    served_by="neighbours",
    release_id=RELEASE_ID,
    warnings=(),
)

UP_NEXT = UpNext(
    up_next=NextUp(
        video_id="v00043",
        title="Paper Orbit, part 2",
        reason="Next in series",
        autoplay_in_seconds=5,
        channel="Lumen",
        thumbnail="https://images.example.com/v00043.jpg",
        duration=5400.0,
    ),
    related=SURFACE.items,
    certificate=CERTIFICATE,
    request_id=REQUEST_ID,
    served_by="full_funnel",
    release_id=RELEASE_ID,
    warnings=(),
)

ONBOARDING = Onboarding(
    titles=SURFACE.items,
    genres=("Documentary", "Drama", "Comedy"),
    certificate=CERTIFICATE,
    request_id=REQUEST_ID,
    served_by="popular",
    release_id=RELEASE_ID,
    warnings=(),
)

RANKED = Ranked(
    ranked=SURFACE.items,
    left_out=(LeftOut("v00007", "taken_down"),),
    request_id=REQUEST_ID,
    served_by="full_funnel",
    release_id=RELEASE_ID,
    warnings=(),
)

FOUND = msgspec.structs.replace(
    SURFACE,
    surface="search",
    category="",
    title="",
    items=(
        msgspec.structs.replace(
            SURFACE.items[0], score=1.27, reason="The title matches your search", source="text", propensity=1.0
        ),
    ),
    served_by="full_funnel",
)
