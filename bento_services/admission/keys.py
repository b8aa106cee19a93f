"""API keys of a home: who may call, with which scopes, until when; and the keyless mode of a loopback demo.

HOME/keys.json holds SHA-256 digests; a key itself is shown once, when it is created. A key is 256 random bits, so a
plain digest is enough: key stretching, which protects guessable secrets, adds nothing.

    serve    read pages on behalf of viewers
    events   send events and feedback for viewers
    catalog  read and change the catalog of videos
    metrics  read /metrics and the status
    admin    everything, including data of all viewers

If the file exists, a key is required. If it cannot be read, or is gone although the home once had keys, nobody is
admitted: an operator's mistake must fail closed.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from bento_services.admission.callers import SCOPES, Caller, Scope, ViewerRule
from bento_services.admission.hosts import is_loopback
from bento_services.admission.problem import Problem
from bento_services.viewer_tokens import PREFIX as TOKEN_PREFIX
from bento_services.viewer_tokens import ViewerToken, key_id_of, read_token
from feature_repo.core.errors import REFUSED, USAGE, MarqueeError
from feature_repo.core.files import read_bounded
from feature_repo.core.home import Home
from feature_repo.limits import LimitError, check

FILE = "keys.json"
WAYS_OUT = "put it back, or take all keys away (marquee keys revoke --all) and make new ones (marquee keys create)"
PREFIX = "mq_"
MAX_BYTES = 4 * 1024 * 1024  # of keys.json: ten thousand keys
Moment = Annotated[datetime, Meta(tz=True)]


class AuthError(MarqueeError):
    """An invalid change of the keys."""

    exit_status = USAGE


class Unsafe(AuthError):
    """Unreadable keys, or an address that requires keys without any."""

    exit_status = REFUSED


class Key(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One secret, by its digest. A key under rotation has two for a while."""

    name: str
    sha256: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
    scopes: tuple[Scope, ...]
    created: Moment
    expires: Moment | None = None
    viewers: ViewerRule = "any"
    signing: Annotated[str, Meta(pattern="^([0-9a-f]{64})?$")] = ""  # of viewer tokens; only with viewers = "token"

    @property
    def key_id(self) -> str:
        return key_id_of(self.sha256)

    def is_over(self, now: datetime) -> bool:
        return self.expires is not None and self.expires <= now


@dataclass(frozen=True)
class Keys:
    """The keys in a home's file at one moment. Without a file, callers on loopback may do everything."""

    keys: tuple[Key, ...] = ()
    required: bool = False
    closed: str = ""  # why nobody is admitted

    def __len__(self) -> int:
        return len(self.keys)

    def __iter__(self) -> Iterator[Key]:
        return iter(self.keys)

    @property
    def current(self) -> Keys:
        return self

    @property
    def keyless(self) -> bool:
        return not (self.keys or self.required or self.closed)

    @classmethod
    def of(cls, home: Home) -> Keys:
        """Never raises: an unreadable file makes closed keys."""
        path = keys_path(home)
        try:
            return cls(msgspec.json.decode(read_bounded(path, MAX_BYTES), type=tuple[Key, ...]), required=True)
        except FileNotFoundError:
            return cls(closed=f"{FILE} of the home is gone; {WAYS_OUT}") if used_path(home).exists() else cls()
        except OSError as error:
            return cls(closed=f"{FILE} of the home cannot be read ({error.strerror}); {WAYS_OUT}")
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            return cls(closed=f"{FILE} of the home is no list of keys ({error}); {WAYS_OUT}")

    def caller(self, presented: str, now: datetime | None = None) -> Caller:
        """The caller that presents this key or viewer token. Raises Problem: 401 for an unknown or
        expired one, 403 for a key that only signs viewer tokens."""
        now = now or datetime.now(UTC)
        if presented.startswith(TOKEN_PREFIX):
            return self._bearer(read_token(presented), now)
        digest, found = digest_of(presented), None
        for key in self.keys:  # every key is compared, so that timing reveals nothing
            if hmac.compare_digest(digest, key.sha256):
                found = key
        if found is None:
            raise Problem(401, "not_authenticated", "this API key is not known")
        if found.is_over(now):
            raise Problem(401, "not_authenticated", "this API key has expired (`marquee keys rotate` gives a new one)")
        if found.viewers == "token":
            message = "this key signs viewer tokens (`marquee keys token`); send one of those"
            raise Problem(403, "not_allowed", message)
        return Caller(found.name, frozenset(found.scopes), found.viewers, key_id=found.key_id)

    def _bearer(self, token: ViewerToken | None, now: datetime) -> Caller:
        key = next((key for key in self.keys if token and key.signing and key.key_id == token.key_id), None)
        if token is None or key is None or not token.is_signed_with(bytes.fromhex(key.signing)):
            raise Problem(401, "not_authenticated", "this viewer token was not signed with a key of this service")
        if token.expires <= now.timestamp() or key.is_over(now):
            raise Problem(401, "not_authenticated", "this viewer token has expired")
        try:
            viewer_id: str = check("events", "user_id", token.viewer_id, called="the viewer of this token")
        except LimitError as error:
            raise Problem(401, "not_authenticated", str(error)) from error
        return Caller(key.name, frozenset(key.scopes), "token", viewer_id, key.key_id)


def keys_path(home: Home) -> Path:
    return home.root / FILE


def used_path(home: Home) -> Path:
    """Holds when each key was last used. Exists from the first key on, as proof that this home requires keys."""
    return home.root / "keys-used.json"


def digest_of(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def check_bind(host: str, keys: Keys, *, insecure: bool) -> None:
    """Refuse to expose viewers' histories to a network by accident, and to start with unreadable keys."""
    if keys.closed:
        raise Unsafe(keys.closed)
    if not is_loopback(host) and not len(keys) and not insecure:
        raise Unsafe(
            f"refusing to listen on {host} without API keys: anybody who reaches it could read and write every "
            "viewer's history. Listen on 127.0.0.1, make a key (marquee keys create), or say --insecure"
        )


def known_scopes(scopes: Iterable[str]) -> tuple[Scope, ...]:
    """The scopes without repeats. Raises AuthError for an unknown one."""
    chosen = tuple(dict.fromkeys(scopes))
    if unknown := [scope for scope in chosen if scope not in SCOPES]:
        raise AuthError(f"unknown scope {unknown[0]!r}: expected some of {', '.join(SCOPES)}")
    return chosen  # type: ignore[return-value]
