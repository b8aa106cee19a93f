"""Creates, rotates and revokes keys: what `marquee keys` does to HOME/keys.json. Running services follow within a
second."""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import msgspec

from bento_services.admission.callers import VIEWER_RULES, ViewerRule
from bento_services.admission.keys import (
    PREFIX,
    AuthError,
    Key,
    Keys,
    Unsafe,
    digest_of,
    keys_path,
    known_scopes,
    used_path,
)
from bento_services.viewer_tokens import signed, signing_secret
from feature_repo.core.files import write_atomic
from feature_repo.core.home import Home
from feature_repo.limits import LimitError, check


def create_key(
    home: Home, name: str, scopes: Iterable[str], viewers: ViewerRule = "any", expires: datetime | None = None
) -> str:
    """Add a key and return it: the only time that it is shown. Raises AuthError if the name is taken."""
    chosen = known_scopes(scopes)
    if viewers not in VIEWER_RULES:
        raise AuthError(f"unknown rule for viewers {viewers!r}: expected one of {', '.join(VIEWER_RULES)}")
    if not name.strip() or len(name) > 64 or not name.isprintable():
        raise AuthError(f"the name of a key: expected 1 to 64 printable characters, found {name!r}")
    if viewers == "token" and set(chosen) - {"serve", "events"}:
        raise AuthError("a viewer token ends up on a viewer's device: expected the scopes serve and events, no others")
    with _changing(home) as before:
        if any(key.name == name for key in before):
            raise AuthError(f"there is a key named {name!r}: marquee keys rotate {name} gives it a new secret")
        secret, made = _made(name, chosen, viewers, expires)
        _write(home, [*before, made])
    return secret


def rotate_key(home: Home, name: str, overlap: timedelta = timedelta()) -> str:
    """A new secret for a key, with the scopes and lifetime of the old one, which stays valid for `overlap`."""
    now = datetime.now(UTC)
    with _changing(home) as before:
        old = [key for key in before if key.name == name]
        if not old:
            raise _unknown(name, before)
        newest = max(old, key=lambda key: key.created)
        expires = None if newest.expires is None else now + (newest.expires - newest.created)
        secret, made = _made(name, newest.scopes, newest.viewers, expires)
        kept = [_until(newest, now + overlap)] if overlap else []
        _write(home, [*(key for key in before if key.name != name), *kept, made])
    return secret


def revoke_key(home: Home, name: str) -> None:
    """Revoke a key with all its secrets. With no key left, nobody is admitted."""
    with _changing(home) as before:
        kept = [key for key in before if key.name != name]
        if len(kept) == len(before):
            raise _unknown(name, before)
        _write(home, kept)


def revoke_all(home: Home) -> None:
    """Revoke all keys and return to keyless use; a running service requires keys until it is restarted."""
    with _locked(home):
        keys_path(home).unlink(missing_ok=True)
        used_path(home).unlink(missing_ok=True)


def token_of(home: Home, name: str, viewer_id: str, ttl: timedelta) -> str:
    """A viewer token signed by the key of this name."""
    candidates = [key for key in _readable(home) if key.name == name]
    if not candidates:
        raise _unknown(name, list(Keys.of(home)))
    newest = max(candidates, key=lambda key: key.created)
    if not newest.signing:
        raise AuthError(f"the key {name!r} signs no viewer tokens: marquee keys create NAME --viewer token makes one")
    try:
        viewer = check("events", "user_id", viewer_id)
    except LimitError as error:
        raise AuthError(f"--viewer: {error}") from error
    return signed(newest.key_id, bytes.fromhex(newest.signing), viewer, ttl.total_seconds())


def _made(name: str, scopes: Iterable[str], viewers: ViewerRule, expires: datetime | None) -> tuple[str, Key]:
    secret = PREFIX + secrets.token_urlsafe(32)
    signing = signing_secret(secret).hex() if viewers == "token" else ""
    created = datetime.now(UTC)
    return secret, Key(name, digest_of(secret), known_scopes(scopes), created, expires, viewers, signing)


def _until(key: Key, moment: datetime) -> Key:
    return msgspec.structs.replace(key, expires=min(moment, key.expires or moment))


def _readable(home: Home) -> Keys:
    keys = Keys.of(home)
    if keys.closed and keys_path(home).exists():
        raise Unsafe(keys.closed)
    return keys


def _unknown(name: str, keys: Iterable[Key]) -> AuthError:
    known = ", ".join(dict.fromkeys(key.name for key in keys)) or "none"
    return AuthError(f"no key is named {name!r}; there are: {known}")


@contextmanager
def _changing(home: Home) -> Iterator[list[Key]]:
    """Yield the keys under an exclusive lock. Raises AuthError if they cannot be read."""
    with _locked(home):
        yield [key for key in _readable(home) if not key.is_over(datetime.now(UTC))]


@contextmanager
def _locked(home: Home) -> Iterator[None]:
    with open(home.root / "keys.lock", "a", opener=lambda path, flags: os.open(path, flags, 0o600)) as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _write(home: Home, keys: Iterable[Key]) -> None:
    """Readable only by the owner, like every file that `write_atomic` makes."""
    if not used_path(home).exists():
        write_atomic(used_path(home), "{}\n")
    write_atomic(keys_path(home), msgspec.json.format(msgspec.json.encode(list(keys)), indent=2) + b"\n")
