"""What a page loses on each rung of the ladder: accuracy, variety and latency, rung by rung, for the same viewers.

B viewers, V videos of the catalog, K recommendations of a page, G genres.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Any

import numpy as np

from bento_services.errors import FeedError
from bento_services.feed.attempt import Attempt
from bento_services.feed.feed import Feed
from bento_services.feed.page import Page, Query
from feature_repo.core.progress import SILENT, Progress
from training.measure.metrics import coverage, hit_rate_at, hits, ild_at, ndcg_at, recall_at

Array = np.ndarray[Any, Any]
TOP = 10  # places of the figures that end in it
K = 20  # recommendations of a page, as a client gets that states no limit
WARM = 3  # viewers whose pages are not timed: the first ones fill caches
COMPARED = ("ndcg_at_10", "hit_rate_at_10", "recall_at_20")  # figures with what a rung loses of the first one's


@dataclass(frozen=True)
class RungPages:
    """The recommendations of one rung, and the milliseconds of its whole pages."""

    rung: str
    lists_BK: Array  # rows of the catalog, best first; -1: nothing there
    ms_B: Array


@dataclass(frozen=True)
class Answers:
    """What the recommendations are measured by."""

    targets: Sequence[Sequence[int]]  # rows of the catalog that each viewer watched afterwards
    genres_VG: Array
    new_V: Array  # bool


def page_on(feed: Feed, rungs: Sequence[str], at: int, user_id: str) -> Page:
    """The page that rung `at` of the home page's ladder makes for a viewer, the same every time.

    Raises FeedError where that rung does not answer, and another one would.
    """
    return timed_page_on(feed, rungs, at, user_id)[0]


def timed_page_on(feed: Feed, rungs: Sequence[str], at: int, user_id: str) -> tuple[Page, float]:
    """The same with its milliseconds, without those of making the list that it is made from. Raises FeedError."""
    query = Query(user_id=user_id, limit=K, request_id=f"ladder {user_id}", log=False)
    attempt = Attempt(below=rungs[at - 1] if at else "")
    started = perf_counter()
    page = feed.page(query, attempt=replace(attempt))
    if page.served_by != rungs[at]:  # it may want a list that is being made now
        feed.settle()
        started = perf_counter()
        page = feed.page(query, attempt=attempt)
    ms = (perf_counter() - started) * 1e3
    if page.served_by != rungs[at]:
        raise FeedError(
            f"the rung {rungs[at]}: expected it to answer, found {page.served_by}: {'; '.join(page.warnings)}"
        )
    return page, ms


def pages_of_rungs(
    feed: Feed, rungs: Sequence[str], user_ids: Sequence[str], row_of: Mapping[str, int], progress: Progress = SILENT
) -> list[RungPages]:
    """The pages of every rung for every viewer, one at a time as a page thread makes them. Raises FeedError."""
    found = []
    with progress.task("pages of every rung", total=len(rungs) * len(user_ids)) as advance:
        for at, rung in enumerate(rungs):
            for user_id in user_ids[:WARM]:
                page_on(feed, rungs, at, user_id)
            lists_BK = np.full((len(user_ids), K), -1, dtype=np.int64)
            ms_B = np.zeros(len(user_ids))
            for number, user_id in enumerate(user_ids):
                page, ms_B[number] = timed_page_on(feed, rungs, at, user_id)
                shown = [row_of[item.video_id] for item in page.recommendations]
                lists_BK[number, : len(shown)] = shown
                advance(1)
            found.append(RungPages(rung, lists_BK, ms_B))
    return found


def ladder_rows(pages: Sequence[RungPages], answers: Answers) -> list[dict[str, Any]]:
    """One row of figures per rung, in order; what a rung loses is in % of the first one's figure.

    `ndcg_at_10_lost_error` is one standard error of that loss, over viewers.
    """
    rows: list[dict[str, Any]] = []
    per_viewer = [accuracy(one.lists_BK, answers.targets) for one in pages]
    first = {name: float(values.mean()) for name, values in per_viewer[0].items()}
    for one, figures in zip(pages, per_viewer, strict=True):
        means = {name: float(values.mean()) for name, values in figures.items()}
        difference_B = per_viewer[0]["ndcg_at_10"] - figures["ndcg_at_10"]
        error = float(difference_B.std() / np.sqrt(len(difference_B)))
        rows.append(
            {
                "rung": one.rung,
                **means,
                **{f"{name}_lost": _percent(first[name] - means[name], first[name]) for name in COMPARED},
                "ndcg_at_10_lost_error": _percent(error, first["ndcg_at_10"]),
                **variety(one.lists_BK, answers),
                "p50_ms": float(np.percentile(one.ms_B, 50)),
                "p95_ms": float(np.percentile(one.ms_B, 95)),
            }
        )
    return rows


def accuracy(lists_BK: Array, targets: Sequence[Sequence[int]]) -> dict[str, Array]:
    """Figure -> (B,)."""
    hits_BK, counts_B = hits(lists_BK, targets), np.array([len(set(wanted)) for wanted in targets])
    return {
        "ndcg_at_10": ndcg_at(hits_BK, counts_B, TOP),
        "hit_rate_at_10": hit_rate_at(hits_BK, TOP),
        "recall_at_20": recall_at(hits_BK, counts_B, K),
    }


def variety(lists_BK: Array, answers: Answers) -> dict[str, float | None]:
    """How unlike the first ten are, how much of the catalog they reach, and how many of them are new."""
    first_BK = lists_BK[:, :TOP]
    shown, ild_B = first_BK[first_BK >= 0], ild_at(lists_BK, answers.genres_VG, TOP)
    alike = np.isnan(ild_B)  # fewer than two videos
    return {
        "ild_at_10": None if alike.all() else float(ild_B[~alike].mean()),
        "coverage_at_10": coverage(first_BK, len(answers.new_V)),
        "new_at_10": float(answers.new_V[shown].mean()) if len(shown) else None,
    }


def _percent(lost: float, of: float) -> float | None:
    """Negative for a gain, None where there is nothing to lose."""
    return 100.0 * lost / of if of else None
