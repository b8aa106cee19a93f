"""Composes the parts of a release (heavy) and the recipe of a surface (light) into a `Serving`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial

from bento_services.feed.breaker import Breaker
from bento_services.feed.config import FeedConfig
from bento_services.feed.ladder import Ladder, ListOf, Rung
from bento_services.feed.list_maker import ListMaker
from bento_services.feed.near_duplicates import NearDuplicates
from bento_services.feed.page import FULL, RECOMMENDATIONS
from bento_services.feed.parts import Parts
from bento_services.feed.pipeline import Pipeline
from bento_services.feed.reasons import REASONS, Reason
from bento_services.feed.rows.spec import RowSpec
from bento_services.feed.stages import Request
from bento_services.feed.subject import Named
from feature_repo.core.home import World
from feature_repo.store.snapshot import Prepare
from models.candidates.sources.spec import SourceSpec
from models.page.policy import Policy
from models.page.popular import PopularShares
from models.page.rules import Filter


@dataclass(frozen=True)
class Recipe:
    """What a surface shows and how, independent of any release. An experiment's arm is a modified copy."""

    surface: str
    ladder: tuple[RungSpec, ...]  # best first
    sources: tuple[SourceSpec, ...]  # in the order in which they are called
    rows: tuple[RowSpec, ...]  # of a first page, in the order in which they pick candidates
    config: FeedConfig
    reasons: tuple[Reason, ...] = REASONS
    policy: Policy | None = None  # None: the release's own
    more: tuple[RowSpec, ...] = ()  # of a flat list, and of the pages after the first
    within: tuple[Filter, ...] = ()  # what belongs to the surface at all, beyond what may be shown to the viewer
    names: Named = Named.NOTHING  # what a query has to name
    adapt: Callable[[Policy], Policy] = lambda policy: policy  # to rules that make sense on the surface
    is_popular_at_first: bool = False  # the shares of popular videos that the policy declares are kept
    is_cached: bool = False  # the last page of an unchanged viewer is shown again
    is_bounded: bool = False  # its sources give all that belongs on it, and its feed ends with them
    must_answer: bool = False  # an empty list is an answer, and none is given where no rung has one
    lists: Callable[[Parts, Recipe], Pipeline] | None = None  # what makes its lists beforehand; None: it has none

    def breaker_of(self, rung: str) -> str:
        """The name of a rung's breaker in metrics: rungs of the home page have the name alone."""
        return rung if self.surface == "home" else f"{self.surface}/{rung}"

    def policy_of(self, parts: Parts) -> Policy:
        policy = self.adapt(self.policy if self.policy is not None else parts.policy)
        return policy if self.is_popular_at_first else replace(policy, popular=PopularShares())


@dataclass(frozen=True)
class RungSpec:
    """A rung independent of any release: its name, and how to build its pipeline."""

    name: str
    pipeline: Callable[[Parts, Recipe], Pipeline]
    needs_viewer: bool = False
    patient: bool = False
    share: Callable[[FeedConfig], float] = lambda config: 1.0  # of the deadline: until then it may take
    from_release: bool = False  # uses the static list of the release as its catalog
    for_personal: bool = False  # only for queries that ask for the viewer's order
    for_unread: bool = False  # also answers viewers whose features could not be read at all
    list_of: ListOf | None = None  # what it is made from; a request without it is passed over
    leads: Callable[[FeedConfig, Request], bool] | None = None  # whether it is tried before all others
    speed: str = FULL

    @property
    def asks_models(self) -> bool:
        """Whether trained models answer: now, for a viewer whose features are read, or before, in a list."""
        return self.needs_viewer or self.list_of is not None


@dataclass(frozen=True)
class Serving:
    """Everything that answers one surface, built from one release."""

    surface: str
    release_id: str
    world: World
    policy: Policy
    ladder: Ladder
    reasons: tuple[Reason, ...]
    names: Named = Named.NOTHING  # what its queries name
    is_cached: bool = False  # the last page of an unchanged viewer is shown again
    must_answer: bool = False  # where no rung has an answer, an empty page is none
    listed: tuple[str, ...] = RECOMMENDATIONS  # the rows that hold a page's recommendations
    near_duplicates: NearDuplicates = field(default_factory=lambda: NearDuplicates(0))
    maker: ListMaker | None = None  # of its lists; None: it has none
    follow: Prepare = lambda snapshot: None  # what has to be done for a new catalog before requests see it


def compose(parts: Parts, recipe: Recipe) -> Serving:
    config = recipe.config

    def rung(spec: RungSpec) -> Rung:
        return Rung(
            name=spec.name,
            pipeline=spec.pipeline(parts, recipe),
            breaker=Breaker(config.breaker_failures, config.breaker_seconds, name=recipe.breaker_of(spec.name)),
            needs_viewer=spec.needs_viewer,
            patient=spec.patient,
            share=spec.share(config),
            for_personal=spec.for_personal,
            for_unread=spec.for_unread,
            list_of=spec.list_of,
            leads=partial(spec.leads, config) if spec.leads is not None else None,
            speed=spec.speed,
            catalog=parts.static_catalog if spec.from_release else None,
        )

    release = parts.release
    makes = recipe.lists if release.is_trained else None
    maker = ListMaker(release.release_id, release.world, makes(parts, recipe), config) if makes else None
    offered = [spec for spec in recipe.ladder if release.is_trained or not spec.asks_models]
    return Serving(
        surface=recipe.surface,
        release_id=release.release_id,
        world=release.world,
        policy=recipe.policy_of(parts),
        ladder=Ladder(tuple(map(rung, offered))),
        reasons=recipe.reasons,
        names=recipe.names,
        is_cached=recipe.is_cached,
        must_answer=recipe.must_answer,
        listed=(*RECOMMENDATIONS, *(row.row_id for row in recipe.more)),
        near_duplicates=parts.near_duplicates,
        maker=maker,
        follow=parts.follow,
    )
