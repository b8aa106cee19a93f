"""The layout of feature rows in the online store: Feast's Redis layout, read and written without importing Feast.

Importing Feast costs five seconds and 367 MiB, and its client reads 500 videos in 25 ms where the bytes themselves
take 3; the serving process and the event processor therefore speak the layout directly (entity key serialization
version 3; a contract test holds it equal to `get_online_features`):

    key    <I 1> <I 2> <I len> join_key  <I 2> <I len> id  project      one hash per entity, all its views in it
    field  murmur3_32("view:feature"), 4 bytes little endian            -> protobuf feast.types.Value; b"" is null
    field  "_ts:view"                                                   -> protobuf google.protobuf.Timestamp

Beside the rows Marquee keeps a few keys of its own; they all begin with "marquee:".
"""

from __future__ import annotations

import struct
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from itertools import islice
from typing import Any

import mmh3
import redis
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.timestamp_pb2 import Timestamp

from feature_repo.registry import VIEWS, default_of
from feature_repo.schema import DEFAULTS, FLOAT, FLOATS, GENRE_SLOTS, INT, INTS, STRING, STRINGS
from feature_repo.store.connect import Client

PROJECT = "marquee"

VIDEO_IDS = "marquee:video_ids"  # set: the catalog
TAKEN_DOWN = "marquee:taken_down"  # set: videos that must not be shown, whatever else holds them
USER_IDS = "marquee:user_ids"  # set: every viewer with a profile or an event
TAGGED = "marquee:tagged"  # set: viewers whose events count for no video
STRANGERS = "marquee:strangers"  # sorted set: viewers without a profile, by when their row expires
GENERATION = "marquee:generation"  # counter: readers reload everything when it changes
MATERIALIZING = "marquee:materializing"  # exists while a batch write runs: the event processor waits
VIDEO_CHANGES = "marquee:video_changes"  # stream: which videos have just been written, video_id -> COUNTED | PUBLISHED
NEWS = "marquee:news"  # stream of one entry, written whenever a video was published: readers wait for it
PUBLISHED_MEANWHILE = "marquee:published_meanwhile"  # list: changes of the catalog published during a batch write
PROCESSOR = "marquee:processor:"  # + consumer name: status of the event processor; expires soon after it stops
SINK = "marquee:sink:"  # + consumer name: status of the writer of the lake; expires soon after it stops
PUBLISHER = "marquee:publisher:"  # + consumer name: status of the publisher of videos; expires soon after it stops
COUNTER = "marquee:counter:"  # + consumer name: status of the counter of impressions; expires soon after it stops
RELAY = "marquee:relay:"  # + its name: status of the relay of the catalog's changes; expires soon after it stops
CONSUMERS = "marquee:consumers"  # set: the keys of those above, of consumers that run or have run
SINK_FLUSH = "marquee:sink:flush"  # counter: when it is raised, the processor writes its log to the lake at once
PROBE = "marquee:probe"  # written by services to see whether the store takes writes; expires
EVENT_MARK = "marquee:folded:"  # + event_id: hash, viewer -> when the event of this id was folded into the features

TRIES = "marquee:tries:"  # + group:topic, hash: how often a record was tried that was not handled yet
HANDLING = "marquee:handling:"  # + group:consumer:topic: the records that are being handled at this moment
VOTES = "marquee:votes:"  # + user_id:day: set of kind:video_id that this viewer's events have counted for

SHOWN = "marquee:shown:"  # + day of publication: hash, video -> impressions since; expires
SHOWN_ON = "marquee:shown_on:"  # + day: impressions of all videos on that day; expires
COUNTED_PAGES = "marquee:counted_pages"  # sorted set: the records of pages that were counted last

RECS_BASE = "marquee:recs_base:"  # + {user_id}: the viewer's base (feature_repo/store/made_lists.py); expires
SEGMENT = "marquee:segment:"  # + {segment}: the list of a segment of viewers; expires
MAKING = "marquee:making:"  # + a key of a list: somebody is making it, or has just made it; expires
ACTIVE = "marquee:active"  # sorted set: viewers by when an event of theirs was folded last; older ones are removed

MATERIALIZING_SECONDS = 20

CATALOG_STATE = b"marquee:catalog"  # field of a video's row, unknown to Feast: b"<version of the catalog> live | down"
COUNTED, PUBLISHED = b"", b"published"  # in VIDEO_CHANGES: the video's activity changed; anything about it may have
VIDEO_CHANGES_KEPT = 10_000
FROM_THE_START = b"0-0"  # before the first entry of a stream


def entity_key(join_key: str, entity_id: str) -> bytes:
    """The Redis key of one entity; `join_key` is "user_id" or "video_id"."""
    name, value = join_key.encode(), entity_id.encode()
    return b"".join(
        (
            struct.pack("<III", 1, _VALUE_TYPE_STRING, len(name)),
            name,
            struct.pack("<II", _VALUE_TYPE_STRING, len(value)),
            value,
            PROJECT.encode(),
        )
    )


@cache
def field(view: str, feature: str) -> bytes:
    return struct.pack("<I", mmh3.hash(f"{view}:{feature}", signed=False))


@cache
def timestamp_field(view: str) -> bytes:
    return f"_ts:{view}".encode()


@cache
def row_fields(views: tuple[str, ...]) -> tuple[bytes, ...]:
    """The fields to HMGET for whole views: the features of each view in registry order, then its timestamp."""
    return tuple(
        name for view in views for name in (*(field(view, feature) for feature in VIEWS[view]), timestamp_field(view))
    )


def encode(dtype: str, value: Any) -> bytes:
    message = _Value()
    if dtype in _LIST_FIELDS:
        inner = getattr(message, _LIST_FIELDS[dtype])
        inner.SetInParent()
        inner.val.extend(value)
    else:
        setattr(message, _SCALAR_FIELDS[dtype], value)
    return bytes(message.SerializeToString())


def decode(dtype: str, data: bytes | None) -> Any:
    """A stored value; the default of the dtype when it is null or was never written."""
    if not data:
        return DEFAULTS[dtype] if dtype in _SCALAR_FIELDS else []
    message = _Value.FromString(data)
    if dtype in _LIST_FIELDS:
        return list(getattr(message, _LIST_FIELDS[dtype]).val)
    return getattr(message, _SCALAR_FIELDS[dtype])


def encode_row(view: str, row: Mapping[str, Any], timestamp_us: int) -> dict[bytes, bytes]:
    """The hash fields of one view of one entity, as Feast writes them. Features absent from `row` stay unchanged."""
    fields = {field(view, name): encode(VIEWS[view][name], value) for name, value in row.items()}
    fields[timestamp_field(view)] = encode_timestamp(timestamp_us)
    return fields


def decode_row(views: tuple[str, ...], values: Sequence[bytes | None]) -> tuple[dict[str, Any], dict[str, int]]:
    """The answer to HMGET `row_fields(views)` -> (features, {view: timestamp_us, 0 = absent}).

    A feature that is null, or was added after the row was written, gets its registered default.
    """
    row: dict[str, Any] = {}
    timestamps: dict[str, int] = {}
    at = 0
    for view in views:
        for name, dtype in VIEWS[view].items():
            data = values[at]
            row[name] = decode(dtype, data) if data else default_of(name)
            at += 1
        timestamps[view] = decode_timestamp(values[at])
        at += 1
    return with_genre_slots(row), timestamps


def with_genre_slots(row: dict[str, Any]) -> dict[str, Any]:
    """Reset an affinity that was stored for another number of genre slots to its default."""
    if "genre_affinity" in row and len(row["genre_affinity"]) != GENRE_SLOTS:
        row["genre_affinity"] = default_of("genre_affinity")
    return row


def encode_timestamp(timestamp_us: int) -> bytes:
    seconds, rest = divmod(timestamp_us, 1_000_000)
    return bytes(Timestamp(seconds=seconds, nanos=rest * 1000).SerializeToString())


def decode_timestamp(data: bytes | None) -> int:
    if not data:
        return 0
    stamp = Timestamp.FromString(data)
    return int(stamp.seconds) * 1_000_000 + int(stamp.nanos) // 1000


def announce(client: Client, *, video_ids: Iterable[str] = (), user_ids: Iterable[str] = ()) -> None:
    """Tell readers that a batch write is complete: add these ids, and make readers reload everything."""
    for key, ids in ((VIDEO_IDS, iter(video_ids)), (USER_IDS, iter(user_ids))):
        while chunk := list(islice(ids, 5_000)):
            client.sadd(key, *chunk)
    client.incr(GENERATION)


@contextmanager
def materializing(client: Client) -> Iterator[None]:
    """Keep the event processor out while a batch job writes stream views.

    Feast compares timestamps and writes in two round trips; an event folded between the two would be overwritten by
    the older batch row. The processor watches the key in its transaction, so none of its writes land while the key
    exists; the events wait in the log. The key of a job that died expires after MATERIALIZING_SECONDS.
    """
    done = threading.Event()

    def hold() -> None:
        while not done.wait(MATERIALIZING_SECONDS / 4):
            with suppress(redis.RedisError):
                client.set(MATERIALIZING, 1, ex=MATERIALIZING_SECONDS)

    client.set(MATERIALIZING, 1, ex=MATERIALIZING_SECONDS)
    holder = threading.Thread(target=hold, name="materializing", daemon=True)
    holder.start()
    try:
        yield
    finally:
        done.set()
        holder.join()
        with suppress(redis.RedisError):
            client.delete(MATERIALIZING)


_VALUE_TYPE_STRING = 2  # feast.types.ValueType.STRING
_SCALAR_FIELDS = {STRING: "string_val", INT: "int64_val", FLOAT: "double_val"}
_LIST_FIELDS = {STRINGS: "string_list_val", INTS: "int64_list_val", FLOATS: "double_list_val"}


def _value_message() -> Any:
    """The part of feast/types/Value.proto that our dtypes use, wire compatible, without Feast's generated modules."""
    Kind = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name="marquee/value.proto", package="marquee", syntax="proto3")
    for name, kind in (("Strings", Kind.TYPE_STRING), ("Ints", Kind.TYPE_INT64), ("Floats", Kind.TYPE_DOUBLE)):
        message = file.message_type.add(name=name)
        message.field.add(name="val", number=1, type=kind, label=Kind.LABEL_REPEATED)
    value = file.message_type.add(name="Value")
    value.oneof_decl.add(name="val")
    for name, number, kind, type_name in (
        ("string_val", 2, Kind.TYPE_STRING, None),
        ("int64_val", 4, Kind.TYPE_INT64, None),
        ("double_val", 5, Kind.TYPE_DOUBLE, None),
        ("string_list_val", 12, Kind.TYPE_MESSAGE, ".marquee.Strings"),
        ("int64_list_val", 14, Kind.TYPE_MESSAGE, ".marquee.Ints"),
        ("double_list_val", 15, Kind.TYPE_MESSAGE, ".marquee.Floats"),
    ):
        value.field.add(
            name=name, number=number, type=kind, type_name=type_name, label=Kind.LABEL_OPTIONAL, oneof_index=0
        )
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(file.SerializeToString())
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("marquee.Value"))


_Value = _value_message()
