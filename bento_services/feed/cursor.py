"""The cursor of a feed: an opaque string that the client sends back, so that the service keeps no state between pages.

It holds a mark of every video shown so far, and the next page is the best of the rest: no video is repeated or skipped,
even if scores, releases or processes change in between. A digest ties it to its viewer and detects damage. It is not a
security measure: a forged cursor only hides videos from its own sender.

    base64url( version 1 byte | page 2 bytes | digest 8 bytes | mark 4 bytes ... )
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import numpy as np

from bento_services.errors import QueryError
from bento_services.feed.near_duplicates import NearDuplicates
from bento_services.feed.stages import Request
from models.allowed import Allowed
from models.catalog import marks

Array = np.ndarray[Any, Any]

VERSION = 1
MAX_PAGE = 1_000  # as many as MAX_SHOWN videos can make
DIGEST_BYTES = 8
HEAD_BYTES = 3 + DIGEST_BYTES
FEW_LEFT = 100  # of which is looked whether they are the same as what was shown: a last page is never empty for that
MAX_SHOWN = 1_000  # a feed ends after this many videos; a cursor stays below 5.5 kB


@dataclass(frozen=True)
class Cursor:
    page: int  # number of the page that it leads to; page 0 needs no cursor
    shown: Array  # (M,) uint32 marks

    def encode(self, audience: str) -> str:
        body = self.shown.astype("<u4").tobytes()
        head = bytes([VERSION]) + self.page.to_bytes(2, "big")
        return base64.urlsafe_b64encode(head + _digest(head + body, audience) + body).decode().rstrip("=")


def decode(text: str, audience: str) -> Cursor:
    """Raises QueryError for anything that `encode` did not make for this Query.audience."""
    try:
        raw = base64.b64decode(text.encode("ascii") + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, UnicodeEncodeError) as error:
        raise QueryError("cursor", "expected a cursor of an earlier page") from error
    head, digest, body = raw[:3], raw[3:HEAD_BYTES], raw[HEAD_BYTES:]
    if len(raw) < HEAD_BYTES or head[0] != VERSION or len(body) % 4 or len(body) > 4 * 2 * MAX_SHOWN:
        raise QueryError("cursor", "expected a cursor of an earlier page")
    if digest != _digest(head + body, audience):
        raise QueryError("cursor", "damaged, or made for another viewer")
    page = int.from_bytes(head[1:], "big")
    if not 0 < page <= MAX_PAGE:
        raise QueryError("cursor", "expected a cursor of an earlier page")
    return Cursor(page, np.frombuffer(body, dtype="<u4").astype(np.uint32))


def after(request: Request, rows: Array, allowed: Allowed, near_duplicates: NearDuplicates) -> str:
    """The cursor to what is left of the allowed videos after a page of these rows of the catalog; "" for nothing."""
    new = rows[allowed[rows]]
    left = allowed.count - len(new)
    if not len(new) or not left:
        return ""
    if left <= FEW_LEFT:
        shown = np.concatenate([request.shown_rows, new])
        others = np.setdiff1d(allowed.rows(), new)
        first = near_duplicates.first_of_each(request.catalog, np.concatenate([shown, others]))
        if not (first >= len(shown)).any():
            return ""
    shown = np.concatenate([request.shown, marks(request.catalog.video_ids[new].tolist())])
    if len(shown) > MAX_SHOWN:
        return ""
    return Cursor(request.page + 1, shown).encode(request.query.audience)


def _digest(content: bytes, audience: str) -> bytes:
    return blake2b(content + audience.encode(), digest_size=DIGEST_BYTES, person=b"marquee-cursor").digest()


FIRST = Cursor(0, np.zeros(0, dtype=np.uint32))
