"""Pages: the home page and every other surface. `viewers`: who watch together with the user, for all of whom it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bento_services.calls.call import Call, listed, said, segment, who
from bento_services.feed.answers import Categories, Onboarding, Ranked, Similar, Surface, UpNext
from bento_services.feed.page import Page

RECOMMENDATIONS = "/api/v1/recommendations"
Context = Mapping[str, Any]  # device, country, time_zone, utc_offset_minutes, last_watched_item_id, deadline_ms


def home(
    user_id: str = "",
    limit: int = 20,
    cursor: str | None = None,
    context: Context | None = None,
    explain: bool = False,
    session_id: str = "",
    viewers: Sequence[str] = (),
) -> Call[Page]:
    """One viewer's page: rows with reasons."""
    asked = said(viewers=listed(viewers), limit=limit, cursor=cursor, explain=explain or None)
    return Call("GET", f"{RECOMMENDATIONS}/home", Page, asked, who(user_id, session_id, context))


def recommendations(
    surface: str = "home",
    user_id: str = "",
    category: str = "",
    count: int = 20,
    cursor: str | None = None,
    session_id: str = "",
    context: Context | None = None,
    viewers: Sequence[str] = (),
) -> Call[Surface]:
    """One surface as a list."""
    asked = said(viewers=listed(viewers), surface=surface, count=count, category=category, cursor=cursor)
    return Call("GET", RECOMMENDATIONS, Surface, asked, who(user_id, session_id, context))


def categories() -> Call[Categories]:
    """The categories of the catalog."""
    return Call("GET", "/api/v1/browse", Categories)


def browse(
    category: str,
    user_id: str = "",
    limit: int = 20,
    cursor: str | None = None,
    session_id: str = "",
    context: Context | None = None,
    viewers: Sequence[str] = (),
) -> Call[Surface]:
    """One category in the viewer's order."""
    asked = said(viewers=listed(viewers), limit=limit, cursor=cursor)
    return Call("GET", f"/api/v1/browse/{segment(category)}", Surface, asked, who(user_id, session_id, context))


def similar(
    video_id: str,
    user_id: str = "",
    limit: int = 10,
    cursor: str | None = None,
    session_id: str = "",
    context: Context | None = None,
    personal: bool = False,
    viewers: Sequence[str] = (),
) -> Call[Similar]:
    """Videos like this one; `personal`: in an order that also asks what the viewer likes."""
    path = f"{RECOMMENDATIONS}/similar/{segment(video_id)}"
    asked = said(viewers=listed(viewers), limit=limit, cursor=cursor, personal="true" if personal else None)
    return Call("GET", path, Similar, asked, who(user_id, session_id, context))


def onboarding(user_id: str = "", session_id: str = "", context: Context | None = None) -> Call[Onboarding]:
    """Titles and genres for a newcomer to pick from."""
    return Call("GET", "/api/v1/onboarding", Onboarding, headers=who(user_id, session_id, context))


def rank(
    video_ids: Sequence[str], user_id: str = "", session_id: str = "", context: Context | None = None
) -> Call[Ranked]:
    """These videos in the viewer's order, and why some of them may not be shown."""
    headers = who(user_id, session_id, context)
    return Call("POST", f"{RECOMMENDATIONS}/rank", Ranked, headers=headers, body={"video_ids": list(video_ids)})


def up_next(
    current_video: str,
    user_id: str = "",
    watch_time: float | None = None,
    total_duration: float | None = None,
    limit: int = 10,
    session_id: str = "",
    context: Context | None = None,
    viewers: Sequence[str] = (),
) -> Call[UpNext]:
    """What plays after a video that was watched for so many seconds."""
    asked = said(
        viewers=listed(viewers),
        current_video=current_video,
        limit=limit,
        watch_time=watch_time,
        total_duration=total_duration,
    )
    return Call("GET", f"{RECOMMENDATIONS}/up-next", UpNext, asked, who(user_id, session_id, context))


def search(
    q: str,
    user_id: str = "",
    limit: int = 20,
    cursor: str | None = None,
    session_id: str = "",
    context: Context | None = None,
    viewers: Sequence[str] = (),
    **filters: str,
) -> Call[Surface]:
    """Videos by their text. `filters`: category, genre, creator_id, language, published_since, published_before."""
    asked = said(viewers=listed(viewers), q=q, limit=limit, cursor=cursor, **filters)
    return Call("GET", "/api/v1/search", Surface, asked, who(user_id, session_id, context))
