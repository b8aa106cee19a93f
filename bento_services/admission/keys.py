"""Who is calling, and what they may do: API keys with scopes, and the keyless mode of a loopback demo.

A home's keys are in `HOME/keys.json` as SHA-256 digests; the key itself is shown once, when it is made. A key is 256
random bits, so a plain digest is enough: there is nothing to guess, and key stretching adds nothing.

    serve    read pages, and speak for any viewer in doing so
    events   send events and feedback for any viewer
    admin    everything, and what one viewer should not see of another
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import json
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, get_args

from feature_repo.core.errors import MarqueeError
from feature_repo.core.files import write_atomic
from feature_repo.core.home import Home

Scope = Literal["serve", "events", "admin"]
SCOPES: tuple[Scope, ...] = get_args(Scope)
PREFIX = "mq_"


class AuthError(MarqueeError):
    """The service may not be started like this, or the key file is invalid."""


@dataclass(frozen=True)
class Key:
    name: str
    sha256: str
    scopes: tuple[str, ...]
    created: str


@dataclass(frozen=True)
class Caller:
    name: str
    scopes: frozenset[str]

    def has(self, scope: Scope) -> bool:
        return scope in self.scopes or "admin" in self.scopes


ANYBODY_HERE = Caller("loopback", frozenset(SCOPES))
NOBODY = Caller("nobody", frozenset())


class Keys:
    """The keys of one home. With none, any caller on the loopback address may do everything: the demo mode."""

    def __init__(self, keys: Iterable[Key]) -> None:
        self._keys = tuple(keys)

    def __len__(self) -> int:
        return len(self._keys)

    def __iter__(self) -> Iterator[Key]:
        return iter(self._keys)

    @classmethod
    def of(cls, home: Home) -> Keys:
        path = keys_path(home)
        if not path.exists():
            return cls(())
        try:
            return cls(Key(**{**fields, "scopes": tuple(fields["scopes"])}) for fields in json.loads(path.read_text()))
        except (ValueError, TypeError, KeyError) as error:
            raise AuthError(f"{path} is not a list of keys ({error}); mend it, or remove it for keyless use") from error

    def owner(self, presented: str) -> Caller | None:
        """The caller whose key this is; None for an unknown key."""
        digest = _digest(presented)
        found = None
        for key in self._keys:  # every key is compared, so that timing reveals nothing
            if hmac.compare_digest(digest, key.sha256):
                found = key
        return None if found is None else Caller(found.name, frozenset(found.scopes))


def keys_path(home: Home) -> Path:
    return home.root / "keys.json"


def create_key(home: Home, name: str, scopes: Iterable[Scope]) -> str:
    """Add a key and return it: the only time that it is shown. An old key of this name is replaced (rotation)."""
    chosen = tuple(dict.fromkeys(scopes))
    if unknown := [scope for scope in chosen if scope not in SCOPES]:
        raise AuthError(f"unknown scope {unknown[0]!r}: expected some of {', '.join(SCOPES)}")
    key = PREFIX + secrets.token_urlsafe(32)
    made = Key(name, _digest(key), chosen, datetime.now(UTC).isoformat(timespec="seconds"))
    _write(home, [*(old for old in Keys.of(home) if old.name != name), made])
    return key


def revoke_key(home: Home, name: str) -> None:
    """Remove a key. A running service keeps the keys that it started with."""
    before = list(Keys.of(home))
    kept = [key for key in before if key.name != name]
    if len(kept) == len(before):
        known = ", ".join(key.name for key in before) or "none"
        raise AuthError(f"no key is named {name!r}; there are: {known}")
    _write(home, kept)


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def check_bind(host: str, keys: Keys, *, insecure: bool) -> None:
    """Refuse to show viewers' histories to a network by accident."""
    if not is_loopback(host) and not len(keys) and not insecure:
        raise AuthError(
            f"refusing to listen on {host} without API keys: anybody who reaches it could read and write every "
            "viewer's history. Listen on 127.0.0.1, make a key (marquee keys create), or say --insecure"
        )


def host_is_ours(host_header: str) -> bool:
    """Whether a keyless request was meant for this machine. A page of another site that had its name resolve to
    127.0.0.1 (DNS rebinding) still sends that name."""
    name = host_header.strip().lower()
    name = name[1:].partition("]")[0] if name.startswith("[") else name.rpartition(":")[0] or name
    return is_loopback(name)


def _write(home: Home, keys: Iterable[Key]) -> None:
    path = keys_path(home)
    write_atomic(path, json.dumps([asdict(key) for key in keys], indent=2) + "\n")
    path.chmod(0o600)


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()
