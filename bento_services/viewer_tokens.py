"""Viewer tokens: what a product gives to one viewer's device, so that the device asks for that viewer and no other.

    mv_KEY.EXPIRES.VIEWER.MAC

    KEY      the first 12 digits of the key's SHA-256, in hexadecimal: which key has signed it
    EXPIRES  when it ends: whole seconds since 1970, UTC
    VIEWER   the viewer's id in UTF-8, as base64url without padding
    MAC      HMAC-SHA256 over everything before its dot, as base64url without padding; its secret is
             HMAC-SHA256("marquee viewer token") under the key itself

A product signs tokens with a key that was made with `--viewer token` and that it keeps to itself; a device sends its
token where a key would go. Whoever reads HOME/keys.json can sign for such keys: the file is its owner's alone.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import time
from dataclasses import dataclass

PREFIX = "mv_"
MAX_LENGTH = 1024
KEY_ID_DIGITS = 12
_PURPOSE = b"marquee viewer token"


@dataclass(frozen=True)
class ViewerToken:
    """What a token says. Nobody has checked its MAC yet."""

    key_id: str
    expires: int
    viewer_id: str
    signed: bytes
    mac: bytes

    def is_signed_with(self, secret: bytes) -> bool:
        return hmac.compare_digest(hmac.digest(secret, self.signed, "sha256"), self.mac)


def viewer_token(key: str, viewer_id: str, ttl_seconds: float = 3600) -> str:
    """A token for one viewer, from a key that was made with `--viewer token`."""
    return signed(key_id_of(hashlib.sha256(key.encode()).hexdigest()), signing_secret(key), viewer_id, ttl_seconds)


def signed(key_id: str, secret: bytes, viewer_id: str, ttl_seconds: float) -> str:
    expires = int(time.time() + ttl_seconds)
    payload = f"{PREFIX}{key_id}.{expires}.{_encoded(viewer_id.encode())}"
    return f"{payload}.{_encoded(hmac.digest(secret, payload.encode(), 'sha256'))}"


def signing_secret(key: str) -> bytes:
    return hmac.digest(key.encode(), _PURPOSE, "sha256")


def key_id_of(sha256: str) -> str:
    return sha256[:KEY_ID_DIGITS]


def read_token(text: str) -> ViewerToken | None:
    """What a token says; None for what is no token."""
    payload, dot, mac = text.rpartition(".")
    parts = payload.removeprefix(PREFIX).split(".")
    if not dot or not payload.startswith(PREFIX) or len(text) > MAX_LENGTH or len(parts) != 3 or not text.isascii():
        return None
    key_id, expires, viewer = parts
    if not expires.isdigit() or len(expires) > 12:
        return None
    try:
        return ViewerToken(key_id, int(expires), _decoded(viewer).decode(), payload.encode(), _decoded(mac))
    except (binascii.Error, UnicodeDecodeError):
        return None


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _decoded(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
