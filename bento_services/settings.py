"""Settings of the serving process, from the environment: `marquee serve` sets it, or whoever runs `bentoml serve`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bento_services.admission.limits import LIMITS, Limits
from bento_services.admission.rates import RATES, RateConfig
from bento_services.feed.config import FEED, FeedConfig
from bento_services.feed.page import HOME
from feature_repo.catalog.rule import MOST_EXPLORED
from feature_repo.core.home import Home
from feature_repo.core.settings import (
    MARQUEE_GRPC_PORT,
    MARQUEE_HOST,
    MARQUEE_INSECURE,
    MARQUEE_RELEASE,
    Section,
    read,
)
from feature_repo.store.config import STORE, StoreConfig
from feature_repo.stream.config import LogConfig
from feature_repo.stream.log.open import home_log_config
from models.release.config import PROMOTION, PromotionConfig


@dataclass(frozen=True)
class ServiceConfig:
    """How one serving process works."""

    page_threads: int = 1  # a page holds the interpreter: more make every page slower, unless models are remote
    quick_threads: int = 1  # that make the pages of quick rungs while the service is busy
    quick_waiting: int = 32  # when more quick pages wait for a thread, those of a segment share one
    page_wait_seconds: float = 0.08  # that a page of full quality may wait for a thread; beyond, a quick rung answers
    other_surfaces: float = 0.5  # of the pages in work that home may have at most, others come up to this share
    surface_shares: Mapping[str, float] = field(default_factory=dict)  # surface -> its own share, above 0 and up to 1
    write_threads: int = 4  # an append waits for the log
    write_seconds: float = 0.2  # from a request with events to its answer; beyond it the caller is told to send again
    write_breaker_seconds: float = 0.5  # after several failures in a row nobody asks store and log for so long
    hung_page_seconds: float = 20.0  # when pages on all threads take so long, the service hangs and is restarted
    read_threads: int = 2  # asking the store for receipts and viewers
    catalog_threads: int = 2  # reading the catalog; as many again for changing it
    catalog_seconds: float = 6.0  # to the catalog's answer; above [catalog] busy_seconds, or a busy one leaves doubts
    follow_seconds: float = 0.2  # between two checks of which release is the champion
    warm_up_pages: int = 20  # made before the service is ready
    warm_up_deadline_ms: int = 10_000  # first calls are slow; that is why they are made now
    unready_seconds: float = 0.3  # from SIGTERM to the last request: /readyz says 503, so that load balancers turn away
    drain_seconds: float = 3.0  # for clients of a worker that is replaced to ask once more, then turn to the next
    call_seconds: float = 5.0  # timeout of the retrieval or ranking service; the first call loads its release
    least_free_bytes: int = 16 * 1024 * 1024  # on the disk that holds the event log; below, events are refused
    needs_processor: bool = False  # events are refused until a processor was heard of; `marquee serve` sets it

    def __post_init__(self) -> None:
        threads = "page_threads", "quick_threads", "write_threads", "read_threads", "catalog_threads"
        if min(getattr(self, name) for name in threads) < 1:
            raise ValueError(f"{', '.join(threads)}: expected at least 1 of each")
        if self.surface_shares:
            from bento_services.feed.surfaces.registry import SURFACES  # the whole feed, which a supervisor has not

            if unknown := sorted(set(self.surface_shares) - set(SURFACES)):
                raise ValueError(f"surface_shares: expected {', '.join(SURFACES)}, found {unknown[0]}")
        if not all(0 < share <= 1 for share in (self.other_surfaces, *self.surface_shares.values())):
            raise ValueError("other_surfaces and surface_shares: expected above 0, up to 1")

    def share_of(self, surface: str) -> float:
        """How much of what a process takes on may be in work when a page of this surface is still taken."""
        return self.surface_shares.get(surface, 1.0 if surface == HOME else self.other_surfaces)


@dataclass(frozen=True)
class SupervisorConfig:
    """How `marquee serve` supervises its child processes."""

    workers: int = 1  # processes that make pages; 0: one per core. Each keeps releases and catalog in its own memory
    ready_seconds: float = 600.0  # for a child to become ready, with millions of videos too; later it is started again
    stop_seconds: float = 10.0  # for children to end before they are killed
    hang_seconds: float = 15.0  # without a sign of life, after which a child is killed and started again
    processor_seconds: float = 10.0  # for the processor; then pages are served without it
    first_pause_seconds: float = 0.05  # before a dead child is restarted; doubled each time
    longest_pause_seconds: float = 5.0
    killed_pause_seconds: float = 0.2  # the longest before one that was killed (SIGKILL), which is not its own fault
    healthy_seconds: float = 2.0  # after this uptime the pause is the first again


@dataclass(frozen=True)
class PrecomputeConfig:
    """The jobs of `marquee work`, and bases."""

    active_seconds: float = 3600.0  # a viewer is active for so long after the last event
    active_every_seconds: float = 300.0  # interval at which `marquee work` makes the bases of active viewers
    all_every_seconds: float = 4 * 3600.0  # interval at which it makes those of all viewers
    rebuild_index: bool = True  # once a day: False where what training needs is not installed
    index_hour: int = 3  # of the day, by the machine's clock, at which that begins

    def __post_init__(self) -> None:
        if min(self.active_every_seconds, self.all_every_seconds) <= 0:
            raise ValueError("active_every_seconds and all_every_seconds: expected more than 0")
        if not 0 <= self.index_hour <= 23:
            raise ValueError(f"index_hour: expected 0 to 23, found {self.index_hour}")


@dataclass(frozen=True)
class AutopilotConfig:
    """Exploration for cohorts whose pages become narrow (`marquee autopilot`, and by its clock in `marquee work`)."""

    every_seconds: float = 3600.0  # interval at which `marquee work` judges; 0: never
    share: float = 0.2  # of the places explore, for a cohort that is narrow; for others, as the policy says
    least_categories: float = 2.0  # in the first 20 places of a page, on average; a cohort with fewer is narrow
    most_fall: float = 0.1  # a cohort is narrow whose impressions fall on so many fewer videos than in the week before
    margin: float = 0.1  # by so much a narrow cohort has to be better than these, to count as varied again
    least_impressions: int = 1_000  # in a day; a cohort with fewer is not judged

    def __post_init__(self) -> None:
        if self.every_seconds < 0 or self.least_categories < 0 or self.least_impressions < 1:
            raise ValueError("every_seconds, least_categories: expected 0 or more; least_impressions: 1 or more")
        if not 0 <= self.share <= MOST_EXPLORED:
            raise ValueError(f"share: expected 0 to {MOST_EXPLORED:g}, found {self.share:g}")
        for name in ("most_fall", "margin"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"{name}: expected 0 up to below 1, found {getattr(self, name):g}")


SERVICE = Section("service", ServiceConfig, "service")
SUPERVISOR = Section("supervisor", SupervisorConfig, "marquee serve")
PRECOMPUTE = Section("precompute", PrecomputeConfig, "marquee precompute, marquee work")
AUTOPILOT = Section("autopilot", AutopilotConfig, "marquee autopilot, marquee work")
SECTIONS = (SERVICE, LIMITS, RATES, FEED, PRECOMPUTE, AUTOPILOT, SUPERVISOR)

PACKAGED_RELEASE = Path(__file__).resolve().parents[1] / "release"


@dataclass(frozen=True)
class Settings:
    home: Home
    release: Path | None = None  # None: the home's champion, followed as it changes
    host: str = "127.0.0.1"
    grpc_port: int | None = None
    insecure: bool = False
    service: ServiceConfig = field(default_factory=ServiceConfig)
    limits: Limits = field(default_factory=Limits)
    rates: RateConfig = field(default_factory=RateConfig)
    feed: FeedConfig = field(default_factory=FeedConfig)
    store: StoreConfig = field(default_factory=StoreConfig)
    log: LogConfig = field(default_factory=LogConfig)
    promotion: PromotionConfig = field(default_factory=PromotionConfig)

    @classmethod
    def from_environment(cls) -> Settings:
        release = MARQUEE_RELEASE.get()
        packaged = PACKAGED_RELEASE if (PACKAGED_RELEASE / "manifest.json").exists() else None
        home = Home.open()
        return cls(
            home=home,
            release=Path(release).resolve() if release else packaged,
            host=MARQUEE_HOST.get(),
            grpc_port=MARQUEE_GRPC_PORT.get(),
            insecure=MARQUEE_INSECURE.get(),
            service=read(SERVICE, home.root),
            limits=read(LIMITS, home.root),
            rates=read(RATES, home.root),
            feed=read(FEED, home.root),
            store=read(STORE, home.root),
            log=home_log_config(home),
            promotion=read(PROMOTION, home.root),
        )
