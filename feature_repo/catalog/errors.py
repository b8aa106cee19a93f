"""What can go wrong with a change of the catalog."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from feature_repo.core.errors import DependencyDown, HomeError, Refused
from feature_repo.limits import shown

SHOWN_FAULTS = 5  # in a message; `faults` has all


@dataclass(frozen=True)
class Fault:
    """One field of a video or of a rule that is outside its limit."""

    field: str
    expectation: str
    found: Any
    at: int = 0  # place of the video in its batch
    video_id: str = ""  # "" where that is what is wrong, and of rules

    def __str__(self) -> str:
        return f"{self.field}: expected {self.expectation}, found {shown(self.found)}"


class InvalidVideos(Refused):
    """Videos outside the limits; nothing was changed. `faults` has every one of them."""

    def __init__(self, faults: Sequence[Fault], count: int, named: Callable[[Fault], str] | None = None) -> None:
        """`count`: how many videos there were. `named`: a fault with the place of its video."""
        self.faults = tuple(faults)
        said = [(named or (str if count == 1 else _named))(one) for one in self.faults[:SHOWN_FAULTS]]
        more = f"; and {len(self.faults) - SHOWN_FAULTS} more" if len(self.faults) > SHOWN_FAULTS else ""
        super().__init__(f"{'; '.join(said)}{more}; nothing was changed")

    @classmethod
    def unread(cls, why: str) -> InvalidVideos:
        """A file that holds none; `why` names it."""
        error = cls((), 0)
        error.args = (f"{why}; nothing was changed",)
        return error


class Conflict(Refused):
    """If-Match does not hold: what is to change has another version than the caller expected. `current` 0: there is no
    such thing."""

    def __init__(self, thing: str, thing_id: str, expected: int, current: int) -> None:
        """`thing`: video or rule."""
        self.thing, self.thing_id, self.expected, self.current = thing, thing_id, expected, current
        found = f"found version {current}" if current else f"found no such {thing}"
        wanted = f"version {expected}" if expected else f"no such {thing} yet"
        super().__init__(f"{thing_id}: expected {wanted}, {found}: read it again; nothing was changed")


class UnknownVideo(HomeError):
    """The catalog has no video of this id."""

    def __init__(self, video_id: str) -> None:
        self.video_id = video_id
        super().__init__(f"the catalog has no video {shown(video_id)}: `marquee videos list` shows those it has")


class CatalogDown(DependencyDown):
    """The catalog did not answer in time; whether a change was made is unknown only if its commit was under way."""


class NewerCatalog(Refused):
    """A newer Marquee has written the catalog."""


class ForeignCatalog(Refused):
    """The database holds the catalog of another home."""


class CatalogAbsent(HomeError):
    """The home's videos have not been taken over into a catalog yet."""


def _named(fault: Fault) -> str:
    return f"video {fault.at + 1}{f' ({fault.video_id})' if fault.video_id else ''}: {fault}"
