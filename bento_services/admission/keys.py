"""API keys of a home: who may call, what for, until when; and the keyless mode of a loopback demo.

HOME/keys.json holds SHA-256 digests; a key itself is shown once, when it is made. A key is 256 random bits, so a plain
digest is enough: there is nothing to guess, and key stretching adds nothing.

    serve    read pages, and speak for viewers in doing so
    events   send events and feedback for viewers
    metrics  read /metrics and the status
    admin    everything, and what one viewer should not see of another

Where the file is, a key is needed. A file that cannot be read, or that is gone although keys were made for the home,
admits nobody: that is what a mistake of an operator must come to.
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

FILE = "keys.json"
WAYS_OUT = "put it back, or take all keys away (marquee keys revoke --all) and make new ones (marquee keys create)"
PREFIX = "mq_"
MAX_BYTES = 4 * 1024 * 1024  # of keys.json: ten thousand keys
Moment = Annotated[datetime, Meta(tz=True)]


class AuthError(MarqueeError):
    """The keys cannot be changed as was asked."""

    exit_status = USAGE


class Unsafe(AuthError):
    """Keys that cannot be read, or an address that needs some."""

    exit_status = REFUSED


class Key(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One secret, by its digest. A key that is being rotated has two for a while."""

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
    """The keys of one home, as its file was at one moment. Without any file, callers on loopback may do everything."""

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
        """Raises nothing: what cannot be read is closed."""
        path = keys_path(home)
        try:
            return cls(msgspec.json.decode(read_bounded(path, MAX_BYTES), type=tuple[Key, ...]), required=True)
        except FileNotFoundError:
            return cls(closed=f"{FILE} of the home is gone; {WAYS_OUT}") if used_path(home).exists() else cls()
        except OSError as error:
            return cls(closed=f"{FILE} of the home cannot be read ({error.strerror}); {WAYS_OUT}")
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            return cls(closed=f"{FILE} of the home is no list of keys ({error}); {WAYS_OUT}")

    def caller(self, presented: str, now: datetime | None = None) -> tuple[Caller, str]:
        """Who presents this key or viewer token, and the id of the key. Raises Problem: 401 for an unknown or expired
        one, 403 for a key that acts through viewer tokens only."""
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
        return Caller(found.name, frozenset(found.scopes), found.viewers), found.key_id

    def _bearer(self, token: ViewerToken | None, now: datetime) -> tuple[Caller, str]:
        key = next((key for key in self.keys if token and key.signing and key.key_id == token.key_id), None)
        if token is None or key is None or not token.is_signed_with(bytes.fromhex(key.signing)):
            raise Problem(401, "not_authenticated", "this viewer token was not signed with a key of this service")
        if token.expires <= now.timestamp() or key.is_over(now):
            raise Problem(401, "not_authenticated", "this viewer token has expired")
        return Caller(key.name, frozenset(key.scopes), "token", token.viewer_id), key.key_id


def keys_path(home: Home) -> Path:
    return home.root / FILE


def used_path(home: Home) -> Path:
    """When each key was last used. It is there from the first key on, and says that this home has needed keys."""
    return home.root / "keys-used.json"


def digest_of(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def check_bind(host: str, keys: Keys, *, insecure: bool) -> None:
    """Refuse to show viewers' histories to a network by accident, and to start with keys that admit nobody."""
    if keys.closed:
        raise Unsafe(keys.closed)
    if not is_loopback(host) and not len(keys) and not insecure:
        raise Unsafe(
            f"refusing to listen on {host} without API keys: anybody who reaches it could read and write every "
            "viewer's history. Listen on 127.0.0.1, make a key (marquee keys create), or say --insecure"
        )


def known_scopes(scopes: Iterable[str]) -> tuple[Scope, ...]:
    """Each once. Raises AuthError for one that there is not."""
    chosen = tuple(dict.fromkeys(scopes))
    if unknown := [scope for scope in chosen if scope not in SCOPES]:
        raise AuthError(f"unknown scope {unknown[0]!r}: expected some of {', '.join(SCOPES)}")
    return chosen  # type: ignore[return-value]
