"""The verbs of the retrieval index: what it holds and finds, and a rebuild of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import typer

from feature_repo.core.options import HomeOption, JsonOption, existing
from feature_repo.core.settings import read
from feature_repo.core.terminal import bars, say, show
from training.release.shown import print_promotion, refuse_unless_promoted

app = typer.Typer(no_args_is_help=True)


@app.command(epilog="Examples:  marquee index status   ·   marquee index status --json --home worlds/ml1m")
def status(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Show the champion's index: kind, size, recall, and how far the catalog has moved on."""
    from training.release.index_rebuild import index_status

    show(index_status(existing(home)), as_json, table=_print_status)


@app.command(
    epilog="Example:  marquee index rebuild   (services follow within a second; `marquee work` runs it each night)"
)
def rebuild(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Build the champion's index anew over the catalog as it is now, by [retrieval], and promote it if it passes.

    Models stay as they are. Until it has passed its gates, the old index answers; exits with 3 if it does not.
    """
    from models.release.config import PROMOTION
    from training.release.index_rebuild import rebuild_index

    opened = existing(home, to_write=True)
    with bars() as progress:
        result = rebuild_index(opened, read(PROMOTION, opened.root), progress)
    show(result, as_json, table=_print_rebuilt)
    if not result["unchanged"]:
        refuse_unless_promoted(result)


def _print_status(found: Mapping[str, Any]) -> None:
    say(f"release   {found['release_id']}")
    lists = f", {found['lists']} lists ({found['probes']} of them searched)" if found["lists"] else ""
    shards = f" in {found['shards']} shards" if found["shards"] > 1 else ""
    say(f"index     {found['kind']}{lists}, {found['videos']} videos{shards}, {found['bytes'] / 1e6:.1f} MB")
    if found["recall"] is not None:
        filtered = f"{found['filtered_recall']:.3f} under a filter"
        say(f"recall    {found['recall']:.3f} of the nearest {found['neighbours']}, {filtered}")
    if found["live_recall"] is not None:
        say(f"live      {found['live_recall']:.3f}, of {found['live_searches']} pages since the service was started")
    say(f"catalog   {found['new_videos']} videos beside the index, {found['gone_videos']} of its videos are gone")


def _print_rebuilt(result: Mapping[str, Any]) -> None:
    if result["unchanged"]:
        say(f"the index of {result['release_id']} is that of the catalog as it is now")
    else:
        print_promotion(result)
