"""The verbs for the catalog: `marquee videos put | get | patch | take-down | restore | list | history`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from feature_repo.core.command_line import who
from feature_repo.core.options import HomeOption, JsonOption, existing
from feature_repo.core.terminal import bars, print_table, say, show
from feature_repo.limits import LIMITS

if TYPE_CHECKING:
    from feature_repo.catalog.store import Audited, CatalogStore
    from feature_repo.catalog.video import StoredVideo, Written

SHOWN = ("video_id", "title", "category", "creator_id", "duration_seconds", "version")

app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="The catalog: put, read, change and take down videos, live."
)

IdArgument = Annotated[str, typer.Argument(help="The video's id.", show_default=False)]
IfMatchOption = Annotated[
    int | None, typer.Option("--if-match", min=0, help="Only if this is its version; 0: only if it is new.")
]
WhyOption = Annotated[str, typer.Option(help="The reason, for its history.")]


@app.command(
    "put", epilog="Examples:  marquee videos put film.json   ·   zcat films.jsonl.gz | marquee videos put - --json"
)
def put(
    file: Annotated[
        str, typer.Argument(help="One JSON object, a list, or JSON lines; -: standard input.", show_default=False)
    ],
    if_match: IfMatchOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Create videos, or replace them: what is not stated gets its default. All or none; status 3 for any bad field."""
    from feature_repo.catalog.errors import InvalidVideos
    from feature_repo.catalog.video_files import placed, read_videos

    called = "standard input" if file == "-" else file
    read = read_videos(_content(file), called)
    if if_match is not None and len(read.videos) != 1:
        raise typer.BadParameter(f"expected one video, found {len(read.videos)}", param_hint="--if-match")
    with bars() as progress, _catalog(home, to_write=True) as catalog, progress.task("writing to the catalog"):
        try:
            if if_match is None:
                written = catalog.put_many(read.videos, who())
            else:
                written = [catalog.put(read.videos[0], who(), if_match)]
        except InvalidVideos as error:
            raise placed(error, read.places) from error
    created, changed = (sum(map(test, written)) for test in (lambda one: one.created, lambda one: one.change_id > 0))
    counts = {"created": created, "changed": changed - created, "unchanged": len(written) - changed}
    show({**counts, **(_versioned(written[0]) if len(written) == 1 else {})}, as_json)


@app.command("get", epilog="Example:  marquee videos get v00042 --json | jq .title")
def get(video_id: IdArgument, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Show a video. What --json prints can be put again."""
    with _catalog(home) as catalog:
        show(_row(catalog.get(video_id)), as_json)


@app.command(
    "patch", epilog="Example:  marquee videos patch v00042 title='A new title' genres='[\"Drama\"]' maturity=13"
)
def patch(
    video_id: IdArgument,
    fields: Annotated[
        list[str],
        typer.Argument(help="FIELD=VALUE; lists as JSON; nothing behind = : its default.", show_default=False),
    ],
    if_match: IfMatchOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Change some fields of a video."""
    values = dict(map(_field, fields))
    with _catalog(home, to_write=True) as catalog:
        show(_versioned(catalog.patch(video_id, values, who(), if_match)), as_json)


@app.command("take-down", epilog="Example:  marquee videos take-down v00042 --why 'rights ended'")
def take_down(
    video_id: IdArgument,
    why: WhyOption = "",
    if_match: IfMatchOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show a video nowhere from now on. It stays in the history that models learn from."""
    with _catalog(home, to_write=True) as catalog:
        show(_versioned(catalog.take_down(video_id, who(), why, if_match)), as_json)


@app.command("restore", epilog="Example:  marquee videos restore v00042")
def restore(
    video_id: IdArgument,
    why: WhyOption = "",
    if_match: IfMatchOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take back a video's takedown."""
    with _catalog(home, to_write=True) as catalog:
        show(_versioned(catalog.restore(video_id, who(), why, if_match)), as_json)


@app.command("list", epilog="Example:  marquee videos list --genre Drama --since 2026-11-01 -n 20")
def list_videos(
    n: Annotated[int, typer.Option("-n", min=1, max=10_000, help="How many.")] = 20,
    after: Annotated[str, typer.Option(help="Only behind this id; the order is by id.")] = "",
    genre: Annotated[str, typer.Option(help="Only with this genre.")] = "",
    category: Annotated[str, typer.Option(help="Only of this main category.")] = "",
    creator: Annotated[str, typer.Option(help="Only by this creator's id.")] = "",
    since: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Only published since this day.")] = None,
    taken_down: Annotated[bool | None, typer.Option("--taken-down/--not-taken-down", help="Only those.")] = None,
    expired: Annotated[bool | None, typer.Option("--expired/--not-expired", help="Only those.")] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """List videos by id, and how many there are."""
    from feature_repo.catalog.store import VideoFilter

    since_us = int(since.replace(tzinfo=UTC).timestamp()) * 1_000_000 if since else None
    chosen = VideoFilter(taken_down, expired, genre, category, creator, since_us)
    with _catalog(home) as catalog:
        found, count = catalog.listed(after, n, chosen), catalog.count(chosen)
    rows = [_row(one) for one in found]

    def table(_: Any) -> None:
        if rows:
            print_table("videos", [{name: row[name] for name in SHOWN} for row in rows])
        say(f"{len(rows)} of {count} videos" if count else "no videos")

    show({"count": count, "videos": rows, "after": rows[-1]["video_id"] if len(rows) == n else None}, as_json, table)


@app.command("history", epilog="Example:  marquee videos history v00042 --json")
def history(video_id: IdArgument, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Show who changed a video, when and what, oldest first."""
    with _catalog(home) as catalog:
        found = catalog.changes(video_id)

    def table(_: Any) -> None:
        if found:
            print_table(f"changes of {video_id}", [_summary(one) for one in found])
        else:
            say(f"{video_id} is as it was ingested")

    show({"video_id": video_id, "changes": [_described(one) for one in found]}, as_json, table)


@contextmanager
def _catalog(path: Path | None, to_write: bool = False) -> Iterator[CatalogStore]:
    home = existing(path, to_write=to_write)
    from feature_repo.lake.projection import home_catalog

    catalog = home_catalog(home)
    try:
        yield catalog
    finally:
        catalog.close()


def _content(file: str) -> bytes:
    if file == "-":
        return sys.stdin.buffer.read()
    path = Path(file)
    if not path.is_file() and not path.is_fifo():
        raise typer.BadParameter(f"expected a file, found {'a directory' if path.is_dir() else 'nothing'}: {file}")
    return path.read_bytes()


def _field(stated: str) -> tuple[str, Any]:
    name, equals, text = stated.partition("=")
    if not equals:
        raise typer.BadParameter(f"expected FIELD=VALUE, found {stated!r}")
    limit = LIMITS["videos"].get(name)
    if not text or limit is None or limit.kind in ("id", "word", "text"):
        return name, text or None
    try:
        return name, json.loads(text)
    except ValueError:
        return name, text  # which the limit of the field refuses


def _row(one: StoredVideo) -> dict[str, Any]:
    return {**one.video, "version": one.version, "changed_us": one.changed_us}


def _versioned(written: Written) -> dict[str, Any]:
    return {
        "video_id": written.stored.video["video_id"],
        "version": written.stored.version,
        "change_id": written.change_id or None,
    }


def _described(one: Audited) -> dict[str, Any]:
    before, after = one.before or {}, one.change.video or {}
    return {
        "change_id": one.change.change_id,
        "version": one.change.version,
        "action": one.change.action,
        "who": one.change.who,
        "why": one.why,
        "at": _moment(one.change.at_us),
        "published_at": _moment(one.sent_us) if one.sent_us else None,
        "changed": {
            name: {"before": before.get(name), "after": after[name]}
            for name in after
            if before.get(name) != after[name]
        },
    }


def _summary(one: Audited) -> dict[str, Any]:
    said = _described(one)
    return {**{name: said[name] for name in ("version", "at", "action", "who", "why")}, "changed": [*said["changed"]]}


def _moment(at_us: int) -> str:
    return datetime.fromtimestamp(at_us / 1e6, UTC).isoformat(timespec="milliseconds")
