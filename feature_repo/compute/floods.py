"""Whose events are not believed: bots and floods. The one place that says by what a viewer is told to be one.

What such a viewer does counts for nobody else: not for a video's popularity, trend and rates, not for training. Their
own history and pages go on as everybody's, so that a person who is tagged by mistake loses nothing.

The lake judges whole days by rate and by pattern (lake/floods.py); the event processor judges by `Pace`, seconds after.
What a viewer who is not tagged may add to one video in a day is limited besides: see votes.py.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, fields

from feature_repo.core.settings import Section
from feature_repo.events import Event

FAST_MINUTE, FAST_HOUR, SLEEPLESS = "fast_minute", "fast_hour", "sleepless"  # by rate
SAME_VIDEO, REGULAR, UNSEEN = "same_video", "regular", "unseen"  # by pattern
REASONS = (FAST_MINUTE, FAST_HOUR, SLEEPLESS, SAME_VIDEO, REGULAR, UNSEEN)
MINUTE_US, HOUR_US = 60_000_000, 3_600_000_000
COUNTED_AT_ONCE = 200_000  # minutes and hours of viewers that `Pace` has in memory


@dataclass(frozen=True)
class FloodConfig:
    """Above these a viewer is tagged. They are far above what people do, and days, hours and minutes are UTC's.

    What was ingested is not judged, because its times may be those of writing it down: a viewer of MovieLens has rated
    hundreds of films within one minute that they watched over years. It is told apart by how it came to the lake: the
    files of the event log have a name of their own (lake/outcomes.py:LIVE).
    """

    most_a_minute: int = 300  # events of a viewer in a minute, impressions apart
    most_an_hour: int = 3_000  # and in an hour
    most_watch_hours_a_day: float = 48.0  # hours watched in a day: more than two screens show, day and night
    most_of_one_video_a_day: int = 300  # events of a viewer on one video, impressions and pauses apart
    regular_a_day: int = 200  # videos begun in a day at equal gaps
    regular_share: float = 0.95  # gaps of that day that are equal
    regular_within: float = 0.02  # share of the middle gap by which an equal one may differ from it
    most_unseen_a_day: int = 200  # clicks and opinions on videos that the viewer was neither shown nor watched
    imported: bool = False  # judge what was ingested, too: where its times are those at which it happened

    def __post_init__(self) -> None:
        for one in fields(self):
            if one.name != "imported" and not getattr(self, one.name) > 0:
                raise ValueError(f"{one.name}: expected more than 0, found {getattr(self, one.name)!r}")
        for name in ("regular_share", "regular_within"):
            if getattr(self, name) > 1:
                raise ValueError(f"{name}: expected at most 1, found {getattr(self, name)!r}")


FLOODS = Section("floods", FloodConfig, "processor, marquee features")


class Pace:
    """The events of viewers in this minute and hour, as one processor has folded them.

    In memory: a restart forgets the minute that it falls into, which the lake then judges.
    """

    def __init__(self, config: FloodConfig = FloodConfig()) -> None:
        self._most = {MINUTE_US: config.most_a_minute, HOUR_US: config.most_an_hour}
        self._counts: Counter[tuple[str, int, int]] = Counter()  # viewer, span, number of the span since 1970

    def too_fast(self, events: Iterable[Event]) -> set[str]:
        """The viewers who would be above a limit with these events, each given once. Adds nothing."""
        more = self._counted(events)
        return {key[0] for key, count in more.items() if count + self._counts.get(key, 0) > self._most[key[1]]}

    def add(self, events: Iterable[Event]) -> None:
        if len(self._counts) > COUNTED_AT_ONCE:
            self._counts.clear()
        self._counts.update(self._counted(events))

    def _counted(self, events: Iterable[Event]) -> Counter[tuple[str, int, int]]:
        return Counter(
            (event.user_id, span_us, event.timestamp_us // span_us)
            for event in events
            if event.event != "impression"
            for span_us in self._most
        )
