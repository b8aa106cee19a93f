"""Every metric on /metrics, and the values that each of its labels may have: all of them fixed sets.

For docs/operations.md, and for the test that no label can grow with viewers, videos or time. Only the top layer may
import all that counts something.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cache
from http import HTTPStatus
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, get_args

from prometheus_client.metrics import MetricWrapperBase

if TYPE_CHECKING:
    from bento_services.feed.compose import Recipe

BEGIN, END = "<!-- metrics: made by `make docs` -->", "<!-- end of metrics -->"

SERVICE, PROCESSOR, SUPERVISOR = "workers", "processor", "supervisor"
# The codes of bento_services/admission/problem.py and its users: gRPC's statuses in the log and the metrics.
PROBLEMS = frozenset(
    (
        "catalog_down",
        "catalog_unusable",
        "compressed",
        "deadline_passed",
        "event_id_conflict",
        "head_too_large",
        "erasure_running",
        "idempotency_conflict",
        "internal",
        "keys_unreadable",
        "malformed",
        "no_catalog",
        "not_allowed",
        "not_authenticated",
        "not_found",
        "not_json",
        "not_this_viewer",
        "overloaded",
        "rate_limited",
        "timed_out",
        "too_large",
        "too_slow",
        "unavailable",
        "unknown_category",
        "unknown_genre",
        "unknown_rule",
        "unknown_video",
        "unprocessable",
        "version_conflict",
        "wrong_host",
    )
)
ONE = "one at a time"  # a label that has a single value at any moment


@dataclass(frozen=True)
class Described:
    """One metric: its name without the suffixes of samples, kind, labels, and which processes have it."""

    name: str
    kind: str  # counter | gauge | histogram
    labels: tuple[str, ...]
    what: str
    told_by: str


def every_metric() -> list[Described]:
    """Those that Marquee counts itself; the label `process` is added to all."""
    from bento_services import metrics as of_service
    from bento_services.process.family_metrics import FamilyMetrics
    from feature_repo.core.home import Home
    from feature_repo.stream import metrics as of_processor

    found = [*_declared(of_service, SERVICE), *_declared(of_processor, PROCESSOR)]
    for family in FamilyMetrics(Home(Path("/nonexistent")), tuple).collect():
        labels = tuple(getattr(family, "_labelnames", ()))
        found.append(Described(family.name, family.type, labels, family.documentation, SUPERVISOR))
    return sorted(found, key=lambda one: one.name)


@cache
def values() -> dict[str, Collection[str]]:
    """The values that each label may have, the same wherever it is used. `process` besides: service-2 and on."""
    from bento_services.admission.endpoints import RateClass
    from bento_services.admission.rates import KEY
    from bento_services.admission.rates import SERVICE as SERVICE_LIMIT
    from bento_services.feed.page import BASE, FULL, PAGE_CACHE, SEGMENT
    from bento_services.health import CATALOG, LOG, STORE
    from bento_services.process.family_metrics import KINDS
    from bento_services.process.log_facts import READ_TOPICS
    from feature_repo import schema
    from feature_repo.compute.feature import DAILY, NEAR_REAL_TIME
    from feature_repo.compute.floods import REASONS
    from feature_repo.limits import LIMITS
    from feature_repo.stream import metrics as of_processor
    from models.page.popular import FEW, MANY, NONE
    from models.retrieval.index_config import Kind

    recipes = _recipes()
    rungs = {spec.name for recipe in recipes for spec in recipe.ladder}
    breakers = {recipe.breaker_of(spec.name) for recipe in recipes for spec in recipe.ladder}
    return {
        "protocol": {"http", "grpc"},
        "route": _routes(),
        "status": {*(str(int(status)) for status in HTTPStatus), "0", "499", "OK", "CANCELLED", *PROBLEMS},
        "stage": _stages(),
        "speed": {FULL, PAGE_CACHE, BASE, SEGMENT},
        "surface": {recipe.surface for recipe in recipes},
        "served_by": rungs,
        "rung": rungs,
        "breaker": {*breakers, STORE, LOG, CATALOG, "made_lists", "making_lists"},
        "event": set(schema.EVENTS),
        "why": {"part_down", "log_down", "late", "invalid", "id_used", "busy"},
        "action": {"put", "patch", "take_down", "restore"},
        "topic": set(READ_TOPICS),
        "list": {"base", "segment"},
        "result": {"hit", "stale", "miss", "outdated", "made", "shown", "unfit", *of_processor.RESULTS},
        "release_id": ONE,
        "tier": {NEAR_REAL_TIME, DAILY},
        "index": get_args(Kind),
        "table": set(LIMITS),
        "field": {field for table in LIMITS.values() for field in table},
        "group": {*_groups(), of_processor.RELAY_GROUP},
        "kind": set(KINDS.values()),
        "class": set(get_args(RateClass)),
        "limit": {KEY, SERVICE_LIMIT},
        "from": {"store", "memory"},
        "process": {"service", "processor", "supervisor", "forkserver"},
        "verb": _verbs(),
        "watches": {NONE, FEW, MANY},
        "popular": {"yes", "no"},
        "reason": set(REASONS),
    }


def markdown() -> str:
    lines = ["| metric | kind | labels | told by | meaning |", "|---|---|---|---|---|"]
    for one in every_metric():
        labels = ", ".join(f"`{label}`" for label in one.labels)
        lines.append(f"| `{one.name}` | {one.kind} | {labels} | {one.told_by} | {one.what} |")
    return "\n".join(lines) + "\n"


def renewed(page: str) -> str:
    """A page with the table between its two markers regenerated."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{markdown()}\n{END}{after}"


def _declared(module: ModuleType, told_by: str) -> Iterator[Described]:
    for metric in vars(module).values():
        if isinstance(metric, MetricWrapperBase):
            yield Described(metric._name, str(metric._type), metric._labelnames, str(metric._documentation), told_by)


def _routes() -> set[str]:
    """Templates of addresses, and methods of gRPC; "other" is any address that there is not."""
    from bento_services.http.app import GROUPS
    from bento_services.rpc.service import SERVICE_METHODS

    paths = {endpoint.route.path_format for group in GROUPS for endpoint in group.listed}
    return {"other", *paths, *SERVICE_METHODS}


def _recipes() -> list[Recipe]:
    from bento_services.feed.config import FeedConfig
    from bento_services.feed.surfaces.registry import SURFACES

    return [recipe(FeedConfig()) for recipe in SURFACES.values()]


def _stages() -> set[str]:
    """What a page's time is divided into."""
    from bento_services.feed import hydrators, moment, newcomers, query_hydrators, rerankers, scorers
    from bento_services.feed.page import BASE, SEGMENT
    from bento_services.feed.surfaces.similar import LIKENESS
    from bento_services.feed.surfaces.up_next import NEXT_EPISODE
    from models.candidates.sources import resume
    from models.candidates.sources.registry import SOURCES

    stages = {
        NEXT_EPISODE,
        *LIKENESS.sources,
        "filters",
        "merge",
        "rows",
        "boosts",
        "present",
        BASE,
        SEGMENT,
        resume.SPEC.name,
        *(spec.name for spec in SOURCES),
    }
    for module in (query_hydrators, hydrators, scorers, rerankers, newcomers, moment):
        for value in vars(module).values():
            if isinstance(value, type) and value.__module__ == module.__name__:
                name: Any = vars(value).get("name")
                stages |= {name} if isinstance(name, str) else set()
    return stages


def _groups() -> set[str]:
    from feature_repo.stream.handlers import count_shown, fold_events, publish_videos, write_lake

    return {module.GROUP for module in (count_shown, fold_events, publish_videos, write_lake)}


def _verbs() -> set[str]:
    """The verbs of the command line, and "other" for one that has no name."""
    from importlib import import_module

    apps = [import_module(f"{layer}.cli").app for layer in ("feature_repo", "training", "bento_services", "monitoring")]
    found = {"other", "demo"}
    for app in apps:
        found |= {command.name or command.callback.__name__.replace("_", "-") for command in app.registered_commands}
        found |= {str(group.name) for group in app.registered_groups}
    return found
