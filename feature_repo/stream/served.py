"""A served page as a record of the log: what was shown at which position, and with which probability.

The feed may add fields that explain the page (features, scores, rung); readers ignore fields that they do not know.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec


class ServedItem(msgspec.Struct, frozen=True, kw_only=True):
    video_id: str
    position: int  # 0 = first on the page
    propensity: float = 1.0  # the probability with which this video was shown at this place


class ServedPage(msgspec.Struct, frozen=True, kw_only=True):
    request_id: str
    user_id: str
    timestamp_us: int
    items: Sequence[ServedItem]
    surface: str = "home"
    device: str = ""
    utc_offset_minutes: int = 0


encode_served = msgspec.json.Encoder().encode
decode_served = msgspec.json.Decoder(ServedPage).decode
