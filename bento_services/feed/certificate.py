"""Which rules of the policy a page keeps, measured on the finished page, so that a client can verify it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any

from bento_services.feed.page import Item, Row
from models.candidates.sources.explore import EXPLORE
from models.candidates.sources.resume import RESUME
from models.page.policy import Policy

NO_VARIETY_CAPS = (RESUME, EXPLORE)  # rows exempt from them


def certify(rows: Sequence[Row], items: Sequence[Item], limit: int, policy: Policy, now_us: int) -> dict[str, Any]:
    """Measures each rule of the policy on the page: {policy, fresh_from, top, rules: [{rule, bar, found, kept}],
    relaxed: [rule]}.

    A client can compute the same figures from the page: a creator is `channel`, a category is `genres[0]`, and fresh
    means `published_at` on or after `fresh_from`. `max_per_creator_in_row` covers the rows other than the
    recommendations and those in NO_VARIETY_CAPS.
    """
    caps, n = policy.caps, len(items)
    fresh_from = (datetime.fromtimestamp(now_us / 1e6, UTC).date() - timedelta(days=caps.fresh_days)).isoformat()
    categories = [item.genres[0] if item.genres else "" for item in items]
    genres_on_top = Counter(genre for item in items[: caps.top] for genre in set(item.genres))
    found: dict[str, tuple[float, float, bool]] = {}  # rule -> (bar, found, whether `found` must be at least the bar)
    found["count"] = (limit, n, True)
    on_page = [item.video_id for row in rows for item in row.items]
    found["duplicates_on_page"] = (0, len(on_page) - len(set(on_page)), False)
    varied = [row.items for row in rows if row.row_id not in NO_VARIETY_CAPS and row.items is not items]
    in_rows = [_most(Counter(item.channel for item in row)) for row in varied]
    found["max_per_creator_in_row"] = (caps.max_per_creator, max(in_rows, default=0), False)
    found["max_per_creator"] = (caps.max_per_creator, _most(Counter(item.channel for item in items)), False)
    found["max_category_share"] = (caps.category_bar(n), _most(Counter(categories)), False)
    found["max_category_run"] = (caps.max_category_run, _longest_run(categories), False)
    found["max_genre_in_top"] = (caps.max_genre_in_top, _most(genres_on_top), False)
    found["min_fresh"] = (caps.fresh_bar(n), sum(item.published_at >= fresh_from for item in items), True)
    kept = {rule: value >= bar if more else value <= bar for rule, (bar, value, more) in found.items()}
    return {
        "policy": policy.version,
        "fresh_from": fresh_from,
        "top": caps.top,
        "rules": [
            {"rule": rule, "bar": bar, "found": value, "kept": kept[rule]} for rule, (bar, value, _) in found.items()
        ],
        "relaxed": [rule for rule in caps.relaxation if not kept[rule]],
    }


def _most(counts: Counter[str]) -> int:
    return max((count for name, count in counts.items() if name), default=0)


def _longest_run(categories: Sequence[str]) -> int:
    return max((len(list(run)) for category, run in groupby(categories) if category), default=0)
