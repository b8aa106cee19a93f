"""Every name that crosses a boundary: event fields, features, views, services, topics, lake columns.

One spelling each. The same word is the event field, the feature, the Parquet column and the config key. This module
imports nothing, so every layer may import it.
"""

# --- events ---------------------------------------------------------------------------------------------------------
EVENTS = ("click", "watch", "like", "dislike", "not_interested", "share")

# What clients call our fields (API-6 speaks of item_id and duration_sec); the normalizer maps them, nothing else does.
EVENT_ALIASES = {
    "item_id": "video_id",
    "duration_sec": "watch_seconds",
    "watch_time": "watch_seconds",
    "action": "event",
    "type": "event",
    "total_duration": "duration_seconds",
}

WATCH_EVENTS = "watch-events"
RECOMMENDATION_SERVED = "recommendation-served"
RECOMMENDATION_CLICKED = "recommendation-clicked"
VIDEO_PUBLISHED = "video-published"
MODEL_EVENTS = "model-events"
TOPICS = (WATCH_EVENTS, RECOMMENDATION_SERVED, RECOMMENDATION_CLICKED, VIDEO_PUBLISHED, MODEL_EVENTS)

# --- thresholds and sizes of the fold (defaults; a world may lengthen its history) ------------------------------------
HISTORY_LENGTH = 50
SEEN_LENGTH = 4096
HIDDEN_LENGTH = 512
LIKED_LENGTH = 200
CREATOR_LENGTH = 20
GENRE_SLOTS = 32
MIN_WATCH_FRACTION = 0.05  # less is a skip: it counts as one and does not enter the history
COMPLETE_FRACTION = 0.9
# A long view: so many seconds, or all of a shorter video (KuaiRand's own rule); of a film at least this share.
LONG_VIEW_SECONDS, LONG_VIEW_SHARE = 18.0, 1 / 40
SESSION_GAP_SECONDS = 30 * 60
AFFINITY_HALF_LIFE_DAYS = 14.0

# --- features: view -> {feature: dtype}. Lists are ordered oldest first. Times are integer microseconds UTC. ----------
STRING, STRINGS, INT, INTS, FLOAT, FLOATS = "string", "list[string]", "int64", "list[int64]", "float64", "list[float64]"

USER_PROFILE = {
    "country": STRING,
    "user_language": STRING,
    "age_group": STRING,
    "maturity_limit": INT,  # the highest maturity rating (an age) this profile may be shown; 18 = everything
    "signup_timestamp_us": INT,
}
USER_WINDOWS = {
    "user_watch_count_30d": FLOAT,
    "user_watch_seconds_30d": FLOAT,
    "user_watch_fraction_30d": FLOAT,
    "user_impression_count_30d": FLOAT,
    "user_click_rate_30d": FLOAT,
}
USER_ACTIVITY = {
    "history_video_ids": STRINGS,
    "history_timestamps_us": INTS,
    "history_watch_fractions": FLOATS,
    "seen_video_ids": STRINGS,
    "hidden_video_ids": STRINGS,
    "liked_video_ids": STRINGS,
    "genre_affinity": FLOATS,  # GENRE_SLOTS values, decayed sums as of user_activity_timestamp_us
    "creator_ids": STRINGS,
    "creator_weights": FLOATS,  # parallel to creator_ids, decayed sums
    "user_watch_count": INT,
    "user_skip_count": INT,
    "user_click_count": INT,
    "user_like_count": INT,
    "user_dislike_count": INT,
    "user_share_count": INT,
    "user_watch_seconds": FLOAT,
    "user_watch_fraction_sum": FLOAT,
    "session_started_us": INT,
    "session_watch_count": INT,
    "user_activity_timestamp_us": INT,
}
VIDEO_PROFILE = {
    "title": STRING,
    "description": STRING,
    "creator_id": STRING,
    "creator_name": STRING,
    "series_id": STRING,  # "" when the video is in no series
    "episode": INT,
    "genres": STRINGS,
    "tags": STRINGS,
    "video_language": STRING,
    "countries": STRINGS,  # where it may be shown; empty = everywhere
    "maturity": INT,  # an age: 0, 7, 13, 16, 18
    "duration_seconds": FLOAT,
    "published_timestamp_us": INT,
}
VIDEO_WINDOWS = {
    "video_impression_count_7d": FLOAT,
    "video_click_rate_7d": FLOAT,
    "video_watch_count_7d": FLOAT,
    "video_watch_fraction_7d": FLOAT,
    "video_like_rate_7d": FLOAT,
    "video_watch_count_30d": FLOAT,
}
VIDEO_ACTIVITY = {
    "video_watch_count": INT,
    "video_skip_count": INT,
    "video_click_count": INT,
    "video_like_count": INT,
    "video_dislike_count": INT,
    "video_share_count": INT,
    "video_watch_seconds": FLOAT,
    "video_watch_fraction_sum": FLOAT,
    "watch_decayed_1d": FLOAT,  # decayed sums as of video_activity_timestamp_us
    "watch_decayed_7d": FLOAT,
    "video_activity_timestamp_us": INT,
}
VIEWS = {
    "user_profile": USER_PROFILE,
    "user_windows": USER_WINDOWS,
    "user_activity": USER_ACTIVITY,
    "video_profile": VIDEO_PROFILE,
    "video_windows": VIDEO_WINDOWS,
    "video_activity": VIDEO_ACTIVITY,
}
USER_VIEWS = ("user_profile", "user_windows", "user_activity")
VIDEO_VIEWS = ("video_profile", "video_windows", "video_activity")
STREAM_VIEWS = ("user_activity", "video_activity")
USER_FEATURES = {name: dtype for view in USER_VIEWS for name, dtype in VIEWS[view].items()}
VIDEO_FEATURES = {name: dtype for view in VIDEO_VIEWS for name, dtype in VIEWS[view].items()}

# Features computed at request time by crosses.py from the columns above and the request context.
CROSSES = (
    "genre_match",
    "creator_weight",
    "language_match",
    "video_age_days",
    "trend_1d",
    "trend_7d",
    "user_idle_hours",
    "user_mean_watch_fraction",
    "video_mean_watch_fraction",
    "duration_ratio",
    "hour_sin",
    "hour_cos",
    "is_weekend",
    "is_mobile",
)

# --- feature services: what a model is trained on; a model names its service, whose name is versioned -----------------
_RANK_VIDEO_PROFILE = (
    "creator_id",
    "genres",
    "video_language",
    "maturity",
    "duration_seconds",
    "published_timestamp_us",
)
SERVICES: dict[str, dict[str, tuple[str, ...]]] = {
    "home_rank_v1": {
        "user_profile": tuple(USER_PROFILE),
        "user_windows": tuple(USER_WINDOWS),
        "user_activity": tuple(name for name in USER_ACTIVITY if name != "seen_video_ids"),
        "video_profile": _RANK_VIDEO_PROFILE,
        "video_windows": tuple(VIDEO_WINDOWS),
        "video_activity": tuple(VIDEO_ACTIVITY),
    },
    "home_page_v1": {view: tuple(features) for view, features in VIEWS.items()},
}
RANK_SERVICE = "home_rank_v1"
PAGE_SERVICE = "home_page_v1"


DEFAULTS = {STRING: "", STRINGS: [], INT: 0, INTS: [], FLOAT: 0.0, FLOATS: []}

# --- lake columns (lake/tables.py holds the Arrow types) -------------------------------------------------------------
VIDEO_COLUMNS = ("video_id", *VIDEO_PROFILE)
USER_COLUMNS = ("user_id", *USER_PROFILE)
EVENT_COLUMNS = (
    "event_id",
    "user_id",
    "video_id",
    "event",
    "timestamp_us",
    "watch_seconds",
    "duration_seconds",
    "position",
    "surface",
    "device",
    "request_id",
    "sequence",  # breaks ties between events of one microsecond: the order in which they were logged
)
IMPRESSION_COLUMNS = (
    "impression_id",
    "request_id",
    "user_id",
    "video_id",
    "timestamp_us",
    "position",  # 0 = first; -1 = unknown
    "surface",
    "device",
    "utc_offset_minutes",
    "propensity",
    "clicked",
    "watch_seconds",
    "watch_fraction",
    "liked",
    "disliked",
    "shared",
)
