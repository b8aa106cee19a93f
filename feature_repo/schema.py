"""Every name that crosses a boundary: event fields, topics, views, services, lake columns. Features: registry.py.

Each has one spelling, as event field, feature, Parquet column and config key. This module imports nothing, so every
layer may import it.
"""

# --- events -----------------------------------------------------------------------------------------------------------
EVENTS = (
    "click",
    "play",
    "watch",
    "watch_complete",
    "pause",
    "skip",
    "like",
    "unlike",
    "dislike",
    "not_interested",
    "share",
    "rating",
    "undo",
    "impression",
    "follow",
    "unfollow",
    "search",
    "browse",
    "pick",
)
VIEWINGS = ("watch", "watch_complete", "pause", "skip")  # say how much of a video was watched
WATCHES = ("watch", "watch_complete")  # of these, what counts as one; a skip and a pause do not
CLICKS = ("click", "play")
# What an event says beside its video, by the name under which clients send it; `about` keeps it.
ABOUT = {
    "dislike": "reason",
    "not_interested": "reason",
    "undo": "reason",  # that was given for what is undone
    "rating": "rating",
    "follow": "creator_id",
    "unfollow": "creator_id",
    "search": "query",
    "browse": "category",
    "pick": "genre",
}
WITHOUT_VIDEO = ("search", "browse")  # are never about one
PERHAPS_WITHOUT = ("follow", "unfollow", "pick")  # name one, or what they are about
# Reasons of a dislike that say what it was about. Any other text is kept, and the dislike is one of the whole video.
ALREADY_SEEN, NOT_THE_CREATOR, NOT_THE_GENRE, TOO_OFTEN = "already_seen", "creator", "genre", "repetitive"
REASONS = (ALREADY_SEEN, NOT_THE_CREATOR, NOT_THE_GENRE, TOO_OFTEN)
LIKED_STARS, DISLIKED_STARS = 4.0, 2.0  # a rating from, or up to, which it is a like or a dislike

# Clients' names of our fields, which only the normalizer maps.
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
FOLLOWED_LENGTH = 200
PICKED_LENGTH = 50
SHOWN_LENGTH = 100
GENRE_SLOTS = 32
MIN_WATCH_FRACTION = 0.05  # a shorter watch is a skip and does not enter the history
COMPLETE_FRACTION = 0.9
# A long view: this many seconds, or all of a shorter video (KuaiRand's rule); of a film at least this share.
LONG_VIEW_SECONDS, LONG_VIEW_SHARE = 18.0, 1 / 40
# A watch is suspicious if it is this many times as long as its video and this many seconds longer; if the duration is
# unknown, if it is longer than a day.
SUSPICIOUS_TIMES, SUSPICIOUS_SECONDS, LONGEST_WATCH_SECONDS = 3.0, 600.0, 86_400.0
SESSION_GAP_SECONDS = 30 * 60
MOST_SHOWN_A_DAY = 10  # exposures of one video to one viewer that count in a day
AFFINITY_HALF_LIFE_DAYS = 14.0

# --- features: dtypes and views; registry.py has the features ---------------------------------------------------------
# Lists are ordered oldest first. Times are integer microseconds UTC.
STRING, STRINGS, INT, INTS, FLOAT, FLOATS = "string", "list[string]", "int64", "list[int64]", "float64", "list[float64]"
UNKNOWN_COST = -1.0  # of a licence; 0 is a cost
DEFAULTS = {STRING: "", STRINGS: [], INT: 0, INTS: [], FLOAT: 0.0, FLOATS: []}

USER_VIEWS = ("user_profile", "user_windows", "user_activity")
VIDEO_VIEWS = ("video_profile", "video_windows", "video_activity")
STREAM_VIEWS = ("user_activity", "video_activity")

# --- feature services: a model names the service that it is trained on, whose name is versioned -----------------------
RANK_SERVICE = "home_rank_v1"
PAGE_SERVICE = "home_page_v1"

# --- lake columns (lake/tables.py has the Arrow types; videos and users have the columns of their profiles) -----------
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
    "about",  # ABOUT
    "sequence",  # breaks ties within a microsecond: the order in which events were logged
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
