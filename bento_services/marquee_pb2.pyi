from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Context(_message.Message):
    __slots__ = ("device", "time_zone", "utc_offset_minutes", "country", "last_watched_item_id")
    DEVICE_FIELD_NUMBER: _ClassVar[int]
    TIME_ZONE_FIELD_NUMBER: _ClassVar[int]
    UTC_OFFSET_MINUTES_FIELD_NUMBER: _ClassVar[int]
    COUNTRY_FIELD_NUMBER: _ClassVar[int]
    LAST_WATCHED_ITEM_ID_FIELD_NUMBER: _ClassVar[int]
    device: str
    time_zone: str
    utc_offset_minutes: int
    country: str
    last_watched_item_id: str
    def __init__(self, device: _Optional[str] = ..., time_zone: _Optional[str] = ..., utc_offset_minutes: _Optional[int] = ..., country: _Optional[str] = ..., last_watched_item_id: _Optional[str] = ...) -> None: ...

class GetHomeRequest(_message.Message):
    __slots__ = ("user_id", "session_id", "limit", "cursor", "context", "deadline_ms", "explain")
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    CURSOR_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_FIELD_NUMBER: _ClassVar[int]
    DEADLINE_MS_FIELD_NUMBER: _ClassVar[int]
    EXPLAIN_FIELD_NUMBER: _ClassVar[int]
    user_id: str
    session_id: str
    limit: int
    cursor: str
    context: Context
    deadline_ms: int
    explain: bool
    def __init__(self, user_id: _Optional[str] = ..., session_id: _Optional[str] = ..., limit: _Optional[int] = ..., cursor: _Optional[str] = ..., context: _Optional[_Union[Context, _Mapping]] = ..., deadline_ms: _Optional[int] = ..., explain: _Optional[bool] = ...) -> None: ...

class Item(_message.Message):
    __slots__ = ("video_id", "title", "channel", "thumbnail", "duration", "view_count", "published_at", "score", "reason", "source", "position", "row_id", "genres", "sources", "propensity", "trace_json")
    VIDEO_ID_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    THUMBNAIL_FIELD_NUMBER: _ClassVar[int]
    DURATION_FIELD_NUMBER: _ClassVar[int]
    VIEW_COUNT_FIELD_NUMBER: _ClassVar[int]
    PUBLISHED_AT_FIELD_NUMBER: _ClassVar[int]
    SCORE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    ROW_ID_FIELD_NUMBER: _ClassVar[int]
    GENRES_FIELD_NUMBER: _ClassVar[int]
    SOURCES_FIELD_NUMBER: _ClassVar[int]
    PROPENSITY_FIELD_NUMBER: _ClassVar[int]
    TRACE_JSON_FIELD_NUMBER: _ClassVar[int]
    video_id: str
    title: str
    channel: str
    thumbnail: str
    duration: float
    view_count: int
    published_at: str
    score: float
    reason: str
    source: str
    position: int
    row_id: str
    genres: _containers.RepeatedScalarFieldContainer[str]
    sources: _containers.RepeatedScalarFieldContainer[str]
    propensity: float
    trace_json: str
    def __init__(self, video_id: _Optional[str] = ..., title: _Optional[str] = ..., channel: _Optional[str] = ..., thumbnail: _Optional[str] = ..., duration: _Optional[float] = ..., view_count: _Optional[int] = ..., published_at: _Optional[str] = ..., score: _Optional[float] = ..., reason: _Optional[str] = ..., source: _Optional[str] = ..., position: _Optional[int] = ..., row_id: _Optional[str] = ..., genres: _Optional[_Iterable[str]] = ..., sources: _Optional[_Iterable[str]] = ..., propensity: _Optional[float] = ..., trace_json: _Optional[str] = ...) -> None: ...

class Row(_message.Message):
    __slots__ = ("row_id", "title", "reason", "items")
    ROW_ID_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    row_id: str
    title: str
    reason: str
    items: _containers.RepeatedCompositeFieldContainer[Item]
    def __init__(self, row_id: _Optional[str] = ..., title: _Optional[str] = ..., reason: _Optional[str] = ..., items: _Optional[_Iterable[_Union[Item, _Mapping]]] = ...) -> None: ...

class GetHomeResponse(_message.Message):
    __slots__ = ("request_id", "rows", "recommendations", "cursor", "served_by", "release_id", "stage_ms", "candidates", "warnings", "certificate_json")
    class StageMsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    RECOMMENDATIONS_FIELD_NUMBER: _ClassVar[int]
    CURSOR_FIELD_NUMBER: _ClassVar[int]
    SERVED_BY_FIELD_NUMBER: _ClassVar[int]
    RELEASE_ID_FIELD_NUMBER: _ClassVar[int]
    STAGE_MS_FIELD_NUMBER: _ClassVar[int]
    CANDIDATES_FIELD_NUMBER: _ClassVar[int]
    WARNINGS_FIELD_NUMBER: _ClassVar[int]
    CERTIFICATE_JSON_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    rows: _containers.RepeatedCompositeFieldContainer[Row]
    recommendations: _containers.RepeatedCompositeFieldContainer[Item]
    cursor: str
    served_by: str
    release_id: str
    stage_ms: _containers.ScalarMap[str, float]
    candidates: int
    warnings: _containers.RepeatedScalarFieldContainer[str]
    certificate_json: str
    def __init__(self, request_id: _Optional[str] = ..., rows: _Optional[_Iterable[_Union[Row, _Mapping]]] = ..., recommendations: _Optional[_Iterable[_Union[Item, _Mapping]]] = ..., cursor: _Optional[str] = ..., served_by: _Optional[str] = ..., release_id: _Optional[str] = ..., stage_ms: _Optional[_Mapping[str, float]] = ..., candidates: _Optional[int] = ..., warnings: _Optional[_Iterable[str]] = ..., certificate_json: _Optional[str] = ...) -> None: ...

class Event(_message.Message):
    __slots__ = ("event_id", "user_id", "item_id", "event", "duration_sec", "timestamp_us", "total_duration", "position", "surface", "device", "request_id")
    EVENT_ID_FIELD_NUMBER: _ClassVar[int]
    USER_ID_FIELD_NUMBER: _ClassVar[int]
    ITEM_ID_FIELD_NUMBER: _ClassVar[int]
    EVENT_FIELD_NUMBER: _ClassVar[int]
    DURATION_SEC_FIELD_NUMBER: _ClassVar[int]
    TIMESTAMP_US_FIELD_NUMBER: _ClassVar[int]
    TOTAL_DURATION_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    SURFACE_FIELD_NUMBER: _ClassVar[int]
    DEVICE_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    event_id: str
    user_id: str
    item_id: str
    event: str
    duration_sec: float
    timestamp_us: int
    total_duration: float
    position: int
    surface: str
    device: str
    request_id: str
    def __init__(self, event_id: _Optional[str] = ..., user_id: _Optional[str] = ..., item_id: _Optional[str] = ..., event: _Optional[str] = ..., duration_sec: _Optional[float] = ..., timestamp_us: _Optional[int] = ..., total_duration: _Optional[float] = ..., position: _Optional[int] = ..., surface: _Optional[str] = ..., device: _Optional[str] = ..., request_id: _Optional[str] = ...) -> None: ...

class SendEventsRequest(_message.Message):
    __slots__ = ("events", "idempotency_key")
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    IDEMPOTENCY_KEY_FIELD_NUMBER: _ClassVar[int]
    events: _containers.RepeatedCompositeFieldContainer[Event]
    idempotency_key: str
    def __init__(self, events: _Optional[_Iterable[_Union[Event, _Mapping]]] = ..., idempotency_key: _Optional[str] = ...) -> None: ...

class SendEventsResponse(_message.Message):
    __slots__ = ("accepted", "receipt", "event_ids")
    ACCEPTED_FIELD_NUMBER: _ClassVar[int]
    RECEIPT_FIELD_NUMBER: _ClassVar[int]
    EVENT_IDS_FIELD_NUMBER: _ClassVar[int]
    accepted: int
    receipt: str
    event_ids: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, accepted: _Optional[int] = ..., receipt: _Optional[str] = ..., event_ids: _Optional[_Iterable[str]] = ...) -> None: ...
