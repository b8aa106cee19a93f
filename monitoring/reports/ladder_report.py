"""`marquee ladder`: every rung of the champion's home page, measured on viewers of its test window.

The result is kept beside the release, in HOME/releases/ID/ladder.json. No manifest lists it: it holds times, which
differ from run to run, and the id of a release is a hash of what the manifest lists.
"""

from __future__ import annotations

import json
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any

import numpy as np

from bento_services.feed.build import build_feed
from bento_services.feed.config import FEED
from bento_services.feed.surfaces.home import recipe
from feature_repo.compute.publication import published_since
from feature_repo.core.files import plain, write_atomic
from feature_repo.core.home import Home
from feature_repo.core.progress import SILENT, Progress
from feature_repo.core.settings import read
from feature_repo.core.steps import StepContext, Steps
from feature_repo.lake.tables import DAY_US
from feature_repo.store.memory import MemoryReader
from feature_repo.store.valkey_server import online_store
from models.page.policy import load_policy
from models.release.artifact import Release, champion_or_previous
from monitoring.measures.ladder import Answers, ladder_rows, pages_of_rungs
from monitoring.reports.ladder_file import ladder_of
from monitoring.reports.steps import PAGE
from training.release.held_out import HeldOut, held_out

PATIENCE_MS = 60_000


def write_ladder(home: Home, viewers: int, seed: int = 0, progress: Progress = SILENT) -> dict[str, Any]:
    """Measure, write ladder.json, and renew the page of the release where it has one. Returns what was written, and
    where.

    Raises HomeError without a champion, or without viewers of its test window.
    """
    release = champion_or_previous(home)
    shown = _shown_on(home, release.release_id, progress)
    with ExitStack() as stack:
        if shown:  # before minutes are spent on what could not be shown then
            stack.enter_context(online_store(home))
        measured = _measured(home, release, viewers, seed, progress)
        file = ladder_of(home, release.release_id)
        write_atomic(file, json.dumps(measured, indent=1, default=plain) + "\n")
        return {**measured, "file": str(file), "page": _renewed(home, shown) if shown else ""}


def _measured(home: Home, release: Release, viewers: int, seed: int, progress: Progress) -> dict[str, Any]:
    asked = held_out(home, release, viewers, seed, progress)
    return {
        "release_id": release.release_id,
        "as_of": _moment(asked.as_of_us),
        "until": _moment(asked.until_us),
        "viewers": len(asked.asked),
        "videos": len(asked.videos),
        "seed": seed,
        "warnings": list(asked.warnings),
        "rungs": measured_rungs(home, asked, progress),
    }


def measured_rungs(home: Home, asked: HeldOut, progress: Progress = SILENT) -> list[dict[str, Any]]:
    """A row per rung of the home page, whatever rungs there are."""
    config = read(FEED, home.root, deadline_ms=PATIENCE_MS, list_share=1.0, base_first=False)
    reader = reader_of(asked)
    feed = build_feed(asked.release, reader, None, config, now_us=lambda: asked.as_of_us)
    try:
        catalog = reader.snapshot()
        row_of = {str(video_id): row for row, video_id in enumerate(catalog.video_ids)}
        rungs = [rung.name for rung in recipe(config).ladder]
        pages = pages_of_rungs(feed, rungs, asked.asked.user_ids, row_of, progress)
    finally:
        feed.close()
    new_us = asked.as_of_us - load_policy(asked.release.policy_path).caps.fresh_days * DAY_US
    answers = Answers(
        targets=[[row_of[video_id] for video_id in wanted] for wanted in asked.asked.targets],
        genres_VG=np.asarray(catalog.columns["genres"]),
        new_V=published_since(catalog.columns["published_timestamp_us"], new_us),
    )
    return ladder_rows(pages, answers)


def reader_of(asked: HeldOut) -> MemoryReader:
    """The online store of that moment, for its viewers."""
    reader = MemoryReader(asked.release.world, asked.users, asked.videos)
    reader.taken_down |= asked.taken_down
    reader.refresh()
    return reader


def _shown_on(home: Home, release_id: str, progress: Progress) -> StepContext | None:
    """What is needed to renew the page of this release; None where there is none: `marquee promote` makes none, and
    `marquee report` keeps those there are."""
    promoted = Steps(home).done("promote")
    if promoted is None or promoted.result.get("release_id") != release_id:
        return None
    context = StepContext(home, progress, results={"promote": promoted.result})
    return context if all(page.exists() for page in PAGE.writes(context)) else None


def _renewed(home: Home, context: StepContext) -> str:
    Steps(home).take(PAGE, context)
    (page,) = PAGE.writes(context)
    return str(page)


def _moment(moment_us: int) -> str:
    return datetime.fromtimestamp(moment_us / 1e6, UTC).isoformat()
