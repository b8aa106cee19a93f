"""One change of the catalog, as its audit keeps it and as the topic `video-published` carries it.

Imports no database library: whoever consumes changes reads them with this module alone.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

Action = Literal["put", "patch", "take_down", "restore", "expire", "ingest"]


class VideoChange(msgspec.Struct, frozen=True):
    """One committed change. Changes of a catalog are numbered without gaps, in the order in which they were committed.

    They are delivered at least once: a consumer ignores a change whose `version` is not above the one it has applied
    to that video. An `ingest` replaces the whole catalog; it names no video, and `marquee features` publishes its rows.
    """

    change_id: int
    video_id: str  # "" of an ingest
    version: int  # of the video after the change, from 1
    action: Action
    at_us: int  # wall clock
    who: str  # an API key's name, or a verb of the command line
    video: dict[str, Any] | None  # the whole row after the change, every field of the lake's videos; None of an ingest


encode_change = msgspec.json.Encoder().encode
decode_change = msgspec.json.Decoder(VideoChange).decode  # raises msgspec.MsgspecError
