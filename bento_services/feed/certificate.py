"""Which rules of the policy a page keeps, measured on the finished page; and the check that a client makes of it.

Both measure with the same code what the page itself shows: a creator is `channel`, a category is `category`, and fresh
means `published_at` on or after `fresh_from`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import groupby
from types import MappingProxyType
from typing import Any, NamedTuple

import msgspec

from bento_services.feed.near_duplicates import titles_twice
from bento_services.feed.page import RECOMMENDATIONS, Item, Page, Row
from models.candidates.sources.explore import EXPLORE
from models.candidates.sources.resume import RESUME
from models.page.diversity import GENRE_SHARE, HEAVY_RUN, POPULAR_SHARE, Caps, PageCaps
from models.page.policy import Policy
from models.page.popular import SOURCES, least
from models.page.rulebook import KeptShare

NO_VARIETY_CAPS = (RESUME, EXPLORE)  # rows exempt from them
LOOK_TWICE = "near_duplicates_on_page"
NOT_ON_PAGE = (LOOK_TWICE,)  # rules about what a page does not say
OF_PAGE = ("max_per_creator_on_page", "max_category_share_on_page", GENRE_SHARE, HEAVY_RUN, POPULAR_SHARE)


class Measured(NamedTuple):
    bar: float
    found: float
    at_least: bool = False  # whether `found` must be at least the bar, or at most

    @property
    def kept(self) -> bool:
        return self.found >= self.bar if self.at_least else self.found <= self.bar


def certify(
    rows: Sequence[Row],
    items: Sequence[Item],
    limit: int,
    policy: Policy,
    now_us: int,
    costs: Mapping[str, float] = MappingProxyType({}),
    broken: Mapping[str, tuple[int, int]] = MappingProxyType({}),
    popular_share: float = 0.0,
    look_twice: int = 0,
    shares: Sequence[KeptShare] = (),
) -> dict[str, Any]:
    """{policy, fresh_from, top, limit, caps, rules: [{rule, bar, found, kept, cost?, why?}], relaxed, not_on_page}.

    `max_per_creator_in_row` covers the rows other than the recommendations and those in NO_VARIETY_CAPS; rules
    `…_on_page` all rows but what the viewer has begun. `costs`: the sum of scores that were given up for a rule;
    `broken`: the first place of the recommendations that broke it, and how many videos were left for it. `look_twice`:
    how many videos look like another one; a page does not say how they look, so that a client cannot check it:
    `not_on_page` names such rules. `shares`: those that rules of the business ask for; they are listed apart, {rule_id,
    at_least, at_most, found, kept} in videos, since a page does not say what such a rule is about.
    """
    fresh_from = (datetime.fromtimestamp(now_us / 1e6, UTC).date() - timedelta(days=policy.caps.fresh_days)).isoformat()
    heavy = policy.context.heavy
    found = _measured(rows, items, limit, policy.caps, policy.page, fresh_from, heavy, popular_share)
    found[LOOK_TWICE] = Measured(0, look_twice)
    rules = []
    for rule, one in found.items():
        said: dict[str, Any] = {"rule": rule, "bar": one.bar, "found": one.found, "kept": one.kept}
        if costs.get(rule, 0.0) > 0:
            said["cost"] = round(costs[rule], 6)
        if not one.kept and rule in broken:
            place, left = broken[rule]
            said["why"] = f"none of the {left} videos that were left for place {place + 1} kept it and what counts more"
        rules.append(said)
    return {
        "policy": policy.version,
        "fresh_from": fresh_from,
        "top": policy.caps.top,
        "limit": limit,
        "caps": _stated(policy.caps, policy.page),
        "heavy": list(heavy),
        "popular_share": popular_share,
        "rules": rules,
        "shares": [_of_share(one) for one in shares],
        "relaxed": [rule for rule in (*policy.caps.relaxation, *OF_PAGE) if rule in found and not found[rule].kept],
        "not_on_page": list(NOT_ON_PAGE),
    }


def _of_share(share: KeptShare) -> dict[str, Any]:
    return {**share._asdict(), "kept": share.at_least <= share.found <= share.at_most}


@cache
def _stated(caps: Caps, of_page: PageCaps) -> dict[str, Any]:
    return {"list": asdict(caps), "page": asdict(of_page)}


def verify(page: Mapping[str, Any]) -> list[str]:
    """What the certificate of a page, as it was sent, says wrongly or leaves out; empty: it is true.

    It asks nobody: all is computed from the page's own fields. Raises ValueError for what is no page.
    """
    try:
        shown, sent = msgspec.convert(page, Page), page["certificate"]
        caps = Caps(**{**sent["caps"]["list"], "relaxation": tuple(sent["caps"]["list"]["relaxation"])})
        bars = PageCaps(**sent["caps"]["page"])
        said = {one["rule"]: one for one in sent["rules"]}
        heavy, share = msgspec.convert(sent.get("heavy", []), list[str]), float(sent.get("popular_share", 0.0))
        since = sent["fresh_from"]
        limit = msgspec.convert(sent["limit"], int)
        found = _measured(shown.rows, shown.recommendations, limit, caps, bars, since, heavy, share)
        relaxed = set(msgspec.convert(sent["relaxed"], list[str]))  # names of another type cannot be sorted
    except (msgspec.ValidationError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise ValueError(f"expected a page with its certificate: {error}") from error
    faults = [f"{rule}: the certificate does not speak of it" for rule in (*found, *NOT_ON_PAGE) if rule not in said]
    faults += [f"{rule}: there is no such rule" for rule in said if rule not in found and rule not in NOT_ON_PAGE]
    for rule in NOT_ON_PAGE:
        if rule in said and said[rule].get("kept") != (said[rule].get("found") == said[rule].get("bar") == 0):
            faults.append(f"{rule}: the certificate contradicts itself")
    for rule, one in found.items():
        claimed = {name: said.get(rule, {}).get(name) for name in ("bar", "found", "kept")}
        true = {"bar": one.bar, "found": one.found, "kept": one.kept}
        if rule in said and claimed != true:
            faults.append(f"{rule}: the certificate says {claimed}, the page shows {true}")
    gave_way = {rule for rule in (*caps.relaxation, *OF_PAGE) if rule in found and not found[rule].kept}
    faults += [
        f"{rule}: it is not kept, and the certificate does not list it as relaxed"
        for rule in sorted(gave_way - relaxed)
    ]
    faults += [f"{rule}: it is listed as relaxed, and is not" for rule in sorted(relaxed - gave_way)]
    ids = [item.video_id for row in shown.rows for item in row.items]
    faults += [f"{one}: it is on the page {count} times" for one, count in Counter(ids).items() if count > 1]
    listed = [row.items for row in shown.rows if row.row_id in RECOMMENDATIONS]
    if shown.recommendations not in (listed or [(), *(row.items for row in shown.rows)]):  # a list has its own row
        faults.append("recommendations: they are others than those in their row")
    return faults


def _measured(
    rows: Sequence[Row],
    items: Sequence[Item],
    limit: int,
    caps: Caps,
    page: PageCaps,
    fresh_from: str,
    heavy: Sequence[str],
    popular_share: float,
) -> dict[str, Measured]:
    n = len(items)
    categories = [item.category for item in items]
    on_page = [item.video_id for row in rows for item in row.items]
    varied = [row.items for row in rows if row.row_id not in (*NO_VARIETY_CAPS, *RECOMMENDATIONS)]
    in_rows = [_most(item.channel for item in row) for row in varied]
    counted = [item for row in rows if row.row_id != RESUME for item in row.items]
    top = [genre for item in items[: caps.top] for genre in set(item.genres)]
    heavy_run = {HEAVY_RUN: Measured(1, _longest_heavy_run(items, heavy))} if heavy else {}
    popular = sum(not set(SOURCES).isdisjoint(item.sources) for item in items)
    bar = least(popular_share, n)
    shares = {POPULAR_SHARE: Measured(bar, popular, at_least=True)} if popular_share else {}
    return {
        **heavy_run,
        **shares,
        "count": Measured(limit, n, at_least=True),
        "duplicates_on_page": Measured(0, len(on_page) - len(set(on_page))),
        "same_title_on_page": Measured(0, titles_twice([item for row in rows for item in row.items])),
        "max_per_creator_in_row": Measured(caps.max_per_creator, max(in_rows, default=0)),
        "max_per_creator": Measured(caps.max_per_creator, _most(item.channel for item in items)),
        "max_category_share": Measured(caps.category_bar(n), _most(categories)),
        "max_category_run": Measured(caps.max_category_run, _longest_run(categories)),
        "max_genre_in_top": Measured(caps.max_genre_in_top, _most(top)),
        "min_fresh": Measured(caps.fresh_bar(n), sum(item.published_at >= fresh_from for item in items), at_least=True),
        "max_per_creator_on_page": Measured(page.max_per_creator, _most(item.channel for item in counted)),
        "max_category_share_on_page": Measured(
            page.category_bar(len(counted)), _most(item.category for item in counted)
        ),
        GENRE_SHARE: Measured(
            page.genre_bar(len(counted)), _most(genre for item in counted for genre in set(item.genres))
        ),
    }


def _most(names: Any) -> int:
    return max((count for name, count in Counter(names).items() if name), default=0)


def _longest_heavy_run(items: Sequence[Item], heavy: Sequence[str]) -> int:
    """The most items in a row that bear the same heavy genre."""
    names = {name.casefold() for name in heavy}
    runs: dict[str, int] = {}
    longest = 0
    for item in items:
        runs = {genre: runs.get(genre, 0) + 1 for genre in item.genres if genre.casefold() in names}
        longest = max(longest, *runs.values(), 0)
    return longest


def _longest_run(categories: Sequence[str]) -> int:
    return max((len(list(run)) for category, run in groupby(categories) if category), default=0)
