"""The trial of a release in a separate process: loads it, and builds pages for edge-case viewers on every rung.

models/release/answerable.py starts it before a release may serve. What it finds is the last line of its output, as
JSON: `why` the release cannot answer, "" when it can. Everything happens in memory: no store, no log.

    python -m bento_services.process.trial --home DIR --release DIR --memory-mb 4096
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

from feature_repo.core.errors import MarqueeError

if TYPE_CHECKING:
    from bento_services.feed.compose import Serving
    from bento_services.feed.config import FeedConfig
    from bento_services.feed.feed import Feed
    from bento_services.feed.page import Page, Query
    from feature_repo.store.memory import MemoryReader
    from models.release.artifact import Release

NOBODY = "no rung could answer"  # the warning of a ladder
PATIENCE_MS = 30_000  # of one page: whether it is made at all; how fast is asked of the fastest


class NotAnswered(MarqueeError):
    """The release on trial failed to build a page, or built an invalid one; the message says which."""


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="bento_services.process.trial", description=__doc__)
    parser.add_argument("--home", required=True)
    parser.add_argument("--release", required=True)
    parser.add_argument("--memory-mb", type=int, required=True)
    options = parser.parse_args(arguments)
    _limit(options.memory_mb)
    pages, why = 0, ""
    try:
        pages = _try(Path(options.home), Path(options.release))
    except MarqueeError as error:
        why = str(error)
    except MemoryError:
        why = f"it needs more than {options.memory_mb} MB (promotion.check_memory_mb)"
    except BaseException as error:  # whatever it is, it would have been the service's
        why = f"{type(error).__name__}: {error}"
    print(json.dumps({"why": why[:1000], "pages": pages}), flush=True)
    return 1 if why else 0


def _limit(memory_mb: int) -> None:
    """Private memory, not addresses: libraries map far more than they use. Enforced on Linux."""
    import resource

    most = memory_mb << 20
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    if hard != resource.RLIM_INFINITY:
        most = min(most, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (most, hard))


def _try(home: Path, path: Path) -> int:
    from bento_services.feed.config import FEED
    from feature_repo.core.settings import read
    from models.release.artifact import load_release

    return ask_every_rung(load_release(path), read(FEED, home))


def ask_every_rung(release: Release, config: FeedConfig) -> int:
    """The number of pages made. Raises NotAnswered, or whatever composing the release raises."""
    from bento_services.feed.build import build_feed
    from bento_services.feed.compose import compose
    from bento_services.feed.parts import Parts
    from bento_services.feed.subject import example
    from bento_services.feed.surfaces.registry import SURFACES
    from bento_services.process.edge_viewers import edge_users, edge_videos
    from feature_repo.store.memory import MemoryReader

    now_us = release.world.now_us()
    videos = edge_videos(release, now_us)
    reader = MemoryReader(release.world, edge_users(list(videos), now_us), videos)
    config = replace(config, list_share=1.0, segment_share=1.0, base_first=False)
    parts, made = Parts(release), 0
    for recipe in SURFACES.values():
        serving = compose(parts, recipe(config))
        for rung in serving.ladder:
            alone = replace(serving, ladder=replace(serving.ladder, rungs=(rung,)))
            made += _ask(alone, release, reader, config)
    empty = MemoryReader(release.world, {}, {})
    nothing = build_feed(release, empty, None, config)
    for surface, recipe in SURFACES.items():  # the catalog is empty, or cannot be read
        if recipe(config).must_answer:
            continue  # its answer is then a 503: what is searched for cannot be found
        named = example(recipe(config).names, empty.snapshot())
        page = nothing.page(replace(_query("new", surface), subject=named), surface)
        _check(page, release, "the whole ladder, with an empty catalog")
        made += 1
    return made


def _ask(serving: Serving, release: Release, reader: MemoryReader, config: FeedConfig) -> int:
    """Build the pages of every viewer on one rung."""
    from structlog.testing import capture_logs

    from bento_services.feed.feed import Feed
    from bento_services.feed.page import HOME
    from bento_services.feed.subject import example

    (rung,) = serving.ladder
    feed = Feed(release, reader, None, config, None, lambda _: {serving.surface: serving})
    made, shown, fastest_ms = 0, 0, math.inf
    named = example(serving.names, reader.snapshot())
    for viewer, query in _queries(serving.surface):
        if rung.needs_viewer and rung.list_of is not None and not viewer:
            continue  # nobody makes a list for a viewer who is not known
        asked = f"{serving.surface}: {rung.name}, the viewer {viewer!r}"
        cursor: str | None = ""
        for _ in range(2 if serving.surface == HOME else 1):  # the first page and the one after it
            started = perf_counter()
            with capture_logs() as logged:
                asks = replace(query, subject=named, cursor=cursor or "", personal=rung.for_personal)
                page = _answered(feed, asks, serving.surface)
            fastest_ms = min(fastest_ms, (perf_counter() - started) * 1e3)
            _check(page, release, asked, [str(line["why"]) for line in logged if "why" in line])
            if page.served_by != rung.name:
                raise NotAnswered(f"{asked}: expected its page, found one of {page.served_by}")
            made, shown, cursor = made + 1, shown + len(page.recommendations), page.cursor
            if not cursor:
                break
    if not shown and not rung.pipeline.is_bounded:
        raise NotAnswered(f"{rung.name}: every page is empty")
    if not rung.patient and fastest_ms > config.deadline_ms:
        raise NotAnswered(
            f"{rung.name}: its fastest page took {fastest_ms:.0f} ms, the deadline is {config.deadline_ms}"
        )
    return made


def _answered(feed: Feed, query: Query, surface: str) -> Page:
    """The page, once the list has been made that its rung is made from."""
    page = feed.page(query, surface)
    if NOBODY not in page.warnings:
        return page
    feed.settle()
    return feed.page(query, surface)


def _queries(surface: str) -> Iterator[tuple[str, Query]]:
    from bento_services.feed.page import HOME
    from bento_services.process.edge_viewers import KINDS

    for viewer in (*KINDS, ""):
        yield viewer, _query(viewer, surface)
    if surface != HOME:  # its stages are those of home
        return
    for viewer in KINDS[:2]:
        yield viewer, replace(_query(viewer, surface), limit=1, rows=False)
        yield viewer, replace(_query(viewer, surface), limit=100, utc_offset_minutes=-720, device="a fridge")
        yield viewer, replace(_query(viewer, surface), country="ZZ", last_watched_item_id="gone")


def _query(viewer: str, surface: str) -> Query:
    from bento_services.feed.page import Query

    return Query(user_id=viewer, surface=surface, request_id=f"trial-{viewer}", log=False, deadline_ms=PATIENCE_MS)


def _check(page: Page, release: Release, asked: str, causes: Sequence[str] = ()) -> None:
    """Raises NotAnswered for a page that a stage failed on, or that may not be sent like this."""
    if failed := [warning for warning in page.warnings if " failed at " in warning or warning == NOBODY]:
        raise NotAnswered(f"{asked}: {'; '.join(causes or failed)}")
    if page.release_id != release.release_id:
        raise NotAnswered(f"{asked}: expected a page of {release.release_id}, found one of {page.release_id}")
    for row in page.rows:
        ids = [item.video_id for item in row.items]
        if len(set(ids)) < len(ids):
            raise NotAnswered(f"{asked}: a video stands twice in the row {row.row_id}")
        for item in row.items:
            if not (math.isfinite(item.score) and 0.0 <= item.propensity <= 1.0):
                raise NotAnswered(f"{asked}: {item.video_id} has score {item.score} and propensity {item.propensity}")
    if asked.endswith("'dislikes-everything'") and page.recommendations:
        raise NotAnswered(f"{asked}: expected nothing, found {page.recommendations[0].video_id}")


if __name__ == "__main__":
    sys.exit(main())
