"""Settings of a simulated world: size, time span, and the shares that catalog and viewers are drawn with."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from feature_repo.compute.fold import DAY_US
from feature_repo.core.settings import Section

HOUR_US = DAY_US // 24
COUNTRIES = ("US", "GB", "DE", "FR", "BR", "IN", "JP", "KR")
COUNTRY_SHARE = (0.30, 0.10, 0.12, 0.08, 0.14, 0.12, 0.08, 0.06)
COUNTRY_LANGUAGE = ("en", "en", "de", "fr", "pt", "en", "ja", "ko")
COUNTRY_OFFSET_HOURS = (-5, 0, 1, 1, -3, 5, 9, 9)
LANGUAGES = ("en", "de", "fr", "pt", "ja", "ko")
LANGUAGE_SHARE = (0.58, 0.10, 0.08, 0.10, 0.08, 0.06)
AGE_GROUPS = ("kid", "18-24", "25-34", "35-49", "50+")
AGE_SHARE = (0.04, 0.24, 0.30, 0.26, 0.16)
MATURITIES = (0, 7, 13, 16, 18)
MATURITY_SHARE = (0.35, 0.25, 0.22, 0.12, 0.06)
DEVICES = ("mobile", "desktop", "tv")
DEVICE_SHARE = ((0.65, 0.25, 0.10), (0.30, 0.20, 0.50))  # of the morning, of the evening
VIDEOS_PER_CREATOR = 12
PAGES_OF_VIDEOS = 3  # minimum, else every page shows the same videos


@dataclass(frozen=True)
class SimulatorConfig:
    users: int = 2500
    videos: int = 2000
    days: int = 35
    seed: int = 7
    # ISO date; the simulation ends at its 00:00 UTC, where the world's clock starts. "": today, on the wall clock.
    end: str = ""
    page_length: int = 10
    pages_per_day: float = 0.32  # mean pages of a viewer per day; activity is skewed around it

    def __post_init__(self) -> None:
        if self.users < 10 or self.days < 5:
            raise ValueError("a world needs at least 10 users and 5 days")
        if self.videos < (fewest := PAGES_OF_VIDEOS * self.page_length):
            raise ValueError(
                f"a world needs at least {fewest} videos, {PAGES_OF_VIDEOS} pages of {self.page_length}; "
                f"found {self.videos}"
            )
        if self.end:
            self.end_us()

    @property
    def creators(self) -> int:
        return max(self.videos // VIDEOS_PER_CREATOR, 4)

    def end_us(self) -> int:
        """Midnight UTC at which the world ends, in microseconds. Raises ValueError if `end` is not a date."""
        try:
            day = datetime.fromisoformat(self.end).replace(tzinfo=UTC) if self.end else datetime.now(UTC)
        except ValueError:
            raise ValueError(f"end: expected an ISO date such as 2026-11-21, found {self.end!r}") from None
        return int(day.replace(hour=0, minute=0, second=0, microsecond=0).timestamp()) * 1_000_000


SIMULATOR = Section("simulator", SimulatorConfig, "marquee simulate")
