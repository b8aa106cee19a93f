"""A world small enough to compute by hand, written through the real lake, and some of its answers.

Four days from Monday 2 June 2025; twelve videos of 100 seconds (v11: 200), six viewers, fifteen requests of four each:

    v01 v02 v03  Drama            creator c1   series s1, episodes 1 2 3
    v04 v05 v06  Comedy           creator c2   (v05, v06 from age 13)
    v07 v08      Drama + Comedy   creator c3   series s2, episodes 1 2
    v09          Drama            creator c4   may be shown in the US only, from age 13
    v10          Animation        creator c1   for children (age 0)
    v11          Drama            creator c4   from age 18
    v12          Animation        creator c3   for children, published on the third day at noon

    new     nothing at all, signed up on the fourth day      sated    has watched everything
    light   one watch                                        kid      a profile that ends at age 7
    heavy   most of what happens                             abroad   in Germany, reads German

A picked video is clicked 10 s after it was shown, its watch is reported after 1 min, the reaction to it after 2 min.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa

from feature_repo.core.home import Home, World
from feature_repo.lake.tables import Lake

MINUTE_US = 60_000_000
DAY_US = 1440 * MINUTE_US
DAY0_US = 1_748_822_400_000_000  # 2025-06-02 00:00 UTC, a Monday
END_US = DAY0_US + 4 * DAY_US
GENRES = ("Drama", "Comedy", "Animation")


def at(day: int, clock: str) -> int:
    """Microseconds UTC of "HH:MM" on a day of the toy world, 0 = the first."""
    hours, minutes = clock.split(":")
    return DAY0_US + day * DAY_US + (int(hours) * 60 + int(minutes)) * MINUTE_US


#          request  day  clock    viewer    shown, best first              picked, seconds watched, reaction
REQUESTS = (
    ("r01", 0, "09:00", "heavy", ("v01", "v04", "v05", "v10"), ("v01", 100.0, "like")),
    ("r02", 0, "10:00", "light", ("v04", "v01", "v06", "v07"), ("v04", 50.0, "")),
    ("r03", 0, "11:00", "kid", ("v10", "v07", "v01", "v04"), ("v10", 100.0, "")),
    ("r04", 0, "12:00", "abroad", ("v07", "v04", "v05", "v06"), None),
    ("r05", 1, "09:00", "heavy", ("v02", "v04", "v05", "v06"), ("v02", 100.0, "")),
    ("r06", 1, "09:10", "heavy", ("v03", "v04", "v05", "v06"), ("v03", 90.0, "")),
    ("r07", 1, "20:00", "abroad", ("v07", "v08", "v04", "v01"), ("v07", 100.0, "share")),
    ("r08", 2, "09:00", "heavy", ("v04", "v05", "v06", "v07"), ("v04", 3.0, "")),  # less than 5 %: a skip
    ("r09", 2, "09:05", "heavy", ("v05", "v06", "v07", "v08"), ("v05", 80.0, "dislike")),
    ("r10", 2, "18:00", "kid", ("v12", "v10", "v02", "v03"), ("v12", 60.0, "")),
    ("r11", 2, "19:00", "light", ("v04", "v07", "v01", "v05"), None),
    ("r12", 3, "08:00", "heavy", ("v07", "v06", "v08", "v09"), ("v07", 100.0, "like")),
    ("r13", 3, "08:30", "abroad", ("v08", "v01", "v04", "v06"), ("v08", 40.0, "")),
    ("r14", 3, "09:00", "sated", ("v01", "v02", "v03", "v04"), None),
    ("r15", 3, "10:00", "new", ("v01", "v07", "v04", "v10"), None),
)
# What happened outside the home page: sated watches three videos an afternoon, found by searching.
SEARCHED = tuple(
    (number // 3, f"13:{number % 3}0", "sated", f"v{number + 1:02}", "watch", 200.0 if number == 10 else 100.0)
    for number in range(12)
)
REACTIONS = ((1, "12:00", "light", "v04", "like", 0.0), (3, "09:00", "heavy", "v06", "not_interested", 0.0))

# --- worked answers ---------------------------------------------------------------------------------------------------
EVENT_COUNT = 40  # 11 clicks, 23 watches (one a skip), 3 likes, 1 dislike, 1 not_interested, 1 share
IMPRESSION_COUNT = 60

# heavy's user_activity after everything. The fourth morning is two sessions: 08:00–08:02 and 09:00.
HEAVY_FINAL: dict[str, Any] = {
    "history_video_ids": ["v01", "v02", "v03", "v05", "v07"],
    "history_timestamps_us": [at(0, "09:01"), at(1, "09:01"), at(1, "09:11"), at(2, "09:06"), at(3, "08:01")],
    "history_watch_fractions": [1.0, 1.0, 0.9, 0.8, 1.0],
    "seen_video_ids": ["v01", "v02", "v03", "v05", "v07"],
    "hidden_video_ids": ["v05", "v06"],
    "liked_video_ids": ["v01", "v07"],
    "user_watch_count": 5,
    "user_skip_count": 1,
    "user_click_count": 6,
    "user_like_count": 2,
    "user_dislike_count": 2,
    "user_share_count": 0,
    "user_watch_seconds": 473.0,
    "user_watch_fraction_sum": 4.7,
    "session_started_us": at(3, "09:00"),
    "session_watch_count": 0,
    "user_activity_timestamp_us": at(3, "09:00"),
}
# What heavy's row said when r08 was shown: the first two days only.
HEAVY_AT_R08: dict[str, Any] = {
    "history_video_ids": ["v01", "v02", "v03"],
    "history_watch_fractions": [1.0, 1.0, 0.9],
    "hidden_video_ids": [],
    "liked_video_ids": ["v01"],
    "user_watch_count": 3,
    "user_skip_count": 0,
    "user_click_count": 3,
    "user_watch_seconds": 290.0,
    "session_started_us": at(1, "09:00") + 10_000_000,
    "session_watch_count": 2,
    "user_activity_timestamp_us": at(1, "09:11"),
}
# The windows as known at 00:00 of a day (4 = the end of the world).
HEAVY_WINDOWS: dict[int, dict[str, float]] = {
    1: {"user_watch_count_30d": 1.0, "user_watch_seconds_30d": 100.0, "user_watch_fraction_30d": 1.0}
    | {"user_impression_count_30d": 4.0, "user_click_rate_30d": 1 / 4},
    2: {"user_watch_count_30d": 3.0, "user_watch_seconds_30d": 290.0, "user_watch_fraction_30d": 2.9 / 3}
    | {"user_impression_count_30d": 12.0, "user_click_rate_30d": 3 / 12},
    4: {"user_watch_count_30d": 5.0, "user_watch_seconds_30d": 473.0, "user_watch_fraction_30d": 4.7 / 5}
    | {"user_impression_count_30d": 24.0, "user_click_rate_30d": 6 / 24},
}
V04_WINDOWS: dict[int, dict[str, float]] = {
    1: {"video_impression_count_7d": 4.0, "video_click_rate_7d": 1 / 4, "video_watch_count_7d": 1.0}
    | {"video_watch_fraction_7d": 0.5, "video_like_rate_7d": 0.0, "video_watch_count_30d": 1.0},
    3: {"video_impression_count_7d": 9.0, "video_click_rate_7d": 2 / 9, "video_watch_count_7d": 2.0}
    | {"video_watch_fraction_7d": 0.75, "video_like_rate_7d": 0.5, "video_watch_count_30d": 2.0},
    4: {"video_impression_count_7d": 12.0, "video_click_rate_7d": 2 / 12, "video_watch_count_7d": 2.0}
    | {"video_watch_fraction_7d": 0.75, "video_like_rate_7d": 0.5, "video_watch_count_30d": 2.0},
}
# Counted watches of each video over the whole world, a skip left out.
WATCHES = {"v01": 2, "v02": 2, "v03": 2, "v04": 2, "v05": 2, "v06": 1, "v07": 3, "v08": 2, "v09": 1, "v10": 2, "v11": 1}
WATCHES |= {"v12": 2}


def toy_home(directory: Path) -> Home:
    """Write the toy world into a new home under `directory`. Its clock stands still only in the data: `World.now_us`
    is the wall clock shifted so that the world's end was about now when it was written.
    """
    import time

    home = Home(directory / "toy")
    offset_seconds = END_US / 1e6 - time.time()
    world = World("toy", "simulator", "str", GENRES, clock_offset_seconds=offset_seconds, example_user="heavy")
    lake = Lake(home)
    lake.write_videos(pa.Table.from_pylist(videos()))
    lake.write_users(pa.Table.from_pylist(users()))
    lake.write_events(pa.Table.from_pylist(events()))
    lake.write_impressions(pa.Table.from_pylist(impressions()))
    home.write_world(world)
    return home


def videos() -> list[dict[str, Any]]:
    #   video  genres                 creator series episode age  countries
    catalog: tuple[tuple[str, tuple[str, ...], str, str, int, int, tuple[str, ...]], ...] = (
        ("v01", ("Drama",), "c1", "s1", 1, 7, ()),
        ("v02", ("Drama",), "c1", "s1", 2, 7, ()),
        ("v03", ("Drama",), "c1", "s1", 3, 7, ()),
        ("v04", ("Comedy",), "c2", "", 0, 7, ()),
        ("v05", ("Comedy",), "c2", "", 0, 13, ()),
        ("v06", ("Comedy",), "c2", "", 0, 13, ()),
        ("v07", ("Drama", "Comedy"), "c3", "s2", 1, 7, ()),
        ("v08", ("Drama", "Comedy"), "c3", "s2", 2, 7, ()),
        ("v09", ("Drama",), "c4", "", 0, 13, ("US",)),
        ("v10", ("Animation",), "c1", "", 0, 0, ()),
        ("v11", ("Drama",), "c4", "", 0, 18, ()),
        ("v12", ("Animation",), "c3", "", 0, 0, ()),
    )
    return [
        {
            "video_id": video_id,
            "title": f"Title {video_id}",
            "description": f"A {' and '.join(genres).lower()} story, number {number}",
            "creator_id": creator,
            "creator_name": f"Creator {creator}",
            "series_id": series,
            "episode": episode,
            "category": genres[0],
            "genres": list(genres),
            "tags": [genre.lower() for genre in genres],
            "cast": [],
            "video_language": "de" if video_id == "v08" else "en",
            "countries": list(countries),
            "maturity": maturity,
            "duration_seconds": 200.0 if video_id == "v11" else 100.0,
            "published_timestamp_us": at(2, "12:00") if video_id == "v12" else DAY0_US - (20 - number) * DAY_US,
            "expires_timestamp_us": 0,
            "taken_down_us": 0,
            "thumbnail": "",
            "perceptual_hash": "",
            "licence_cost": -1.0,
        }
        for number, (video_id, genres, creator, series, episode, maturity, countries) in enumerate(catalog, start=1)
    ]


def users() -> list[dict[str, Any]]:
    return [
        {
            "user_id": user_id,
            "country": "DE" if user_id == "abroad" else "US",
            "user_language": "de" if user_id == "abroad" else "en",
            "age_group": "child" if user_id == "kid" else "25-34",
            "maturity_limit": 7 if user_id == "kid" else 18,
            "signup_timestamp_us": at(3, "09:30") if user_id == "new" else DAY0_US - 30 * DAY_US,
        }
        for user_id in ("new", "light", "heavy", "sated", "kid", "abroad")
    ]


def events() -> list[dict[str, Any]]:
    rows = []
    for request_id, day, clock, user_id, shown, picked in REQUESTS:
        if picked is None:
            continue
        video_id, seconds, reaction = picked
        happened = [("click", 10_000_000, 0.0), ("watch", MINUTE_US, seconds)]
        happened += [(reaction, 2 * MINUTE_US, 0.0)] if reaction else []
        for kind, later_us, watch_seconds in happened:
            row = _event(user_id, video_id, kind, at(day, clock) + later_us, watch_seconds)
            rows.append(row | {"position": shown.index(video_id), "surface": "home", "request_id": request_id})
    rows += [_event(user, video, kind, at(day, clock), s) for day, clock, user, video, kind, s in SEARCHED + REACTIONS]
    return rows


def impressions() -> list[dict[str, Any]]:
    rows = []
    for request_id, day, clock, user_id, shown, picked in REQUESTS:
        for position, video_id in enumerate(shown):
            chosen = picked if picked is not None and picked[0] == video_id else None
            seconds, reaction = chosen[1:] if chosen else (0.0, "")
            rows.append(
                {
                    "impression_id": f"{request_id}-{position}",
                    "request_id": request_id,
                    "user_id": user_id,
                    "video_id": video_id,
                    "timestamp_us": at(day, clock),
                    "position": position,
                    "surface": "home",
                    "device": "mobile" if user_id == "heavy" else "tv",
                    "utc_offset_minutes": 120 if user_id == "abroad" else 0,
                    "propensity": 0.25,
                    "clicked": chosen is not None,
                    "watch_seconds": seconds,
                    "watch_fraction": seconds / 100.0,
                    "liked": reaction == "like",
                    "disliked": reaction == "dislike",
                    "shared": reaction == "share",
                }
            )
    return rows


def _event(user_id: str, video_id: str, kind: str, timestamp_us: int, watch_seconds: float) -> dict[str, Any]:
    return {
        "event_id": f"{user_id}-{video_id}-{kind}-{timestamp_us}",
        "user_id": user_id,
        "video_id": video_id,
        "event": kind,
        "timestamp_us": timestamp_us,
        "watch_seconds": watch_seconds,
        "duration_seconds": 0.0,
        "position": -1,
        "surface": "search",
        "device": "tv",
        "request_id": "",
        "about": "",
        "sequence": 0,
    }
