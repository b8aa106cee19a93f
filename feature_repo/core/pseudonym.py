"""Pseudonyms: what stands for a viewer's id where the id itself must not be kept.

Whoever knows an id can tell its pseudonym, and nobody can read an id from one. It is not anonymity: ids that can be
listed can be tried.
"""

from __future__ import annotations

from hashlib import blake2b

PREFIX = "h-"
_PURPOSE = b"marquee viewer"


def pseudonym(user_id: str) -> str:
    """The same everywhere and always: `h-` and 32 hex digits."""
    return PREFIX + blake2b(user_id.encode(), digest_size=16, person=_PURPOSE).hexdigest()
