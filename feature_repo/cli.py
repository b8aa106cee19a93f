"""The verbs of the feature layer: fill the lake, build features, send and watch events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from feature_repo import dead_letters_cli, ingest_cli, videos_cli, viewers_cli
from feature_repo.core.home import Home
from feature_repo.core.options import EndOption, HomeOption, JsonOption, existing, named, refuse_unused
from feature_repo.core.settings import read
from feature_repo.core.terminal import bars, note, print_table, show
from feature_repo.dead_letters_cli import TopicOption
from feature_repo.ingest_cli import ReplaceOption
from feature_repo.schema import WATCH_EVENTS

if TYPE_CHECKING:
    from feature_repo.ingest.simulator.config import SimulatorConfig

OPTION_OF = {"user_id": "--user", "item_id": "--video", "event": "--event", "duration_sec": "--seconds"}

app = typer.Typer()
features_app = typer.Typer(rich_markup_mode=None)
events_app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Send events to the log, or print them.")
app.add_typer(ingest_cli.app, name="ingest")
app.add_typer(features_app, name="features")
app.add_typer(events_app, name="events")
events_app.add_typer(dead_letters_cli.app, name="dlq")
app.add_typer(videos_cli.app, name="videos")
app.add_typer(viewers_cli.app, name="viewers")


@app.command(epilog="Example:  marquee simulate --users 500 --videos 400 --days 30 --seed 7 --home worlds/small")
def simulate(
    users: Annotated[int | None, typer.Option(min=10, help="Viewers.")] = None,
    videos: Annotated[int | None, typer.Option(min=30, help="Videos in the catalog.")] = None,
    days: Annotated[int | None, typer.Option(min=5, help="Days of history.")] = None,
    seed: Annotated[int | None, typer.Option(help="The same seed and end give the same world.")] = None,
    end: EndOption = "",
    replace: ReplaceOption = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Simulate a video service and write it to the lake. It has hidden tastes, impressions and outcomes."""
    from feature_repo.ingest.new_world import IngestOptions
    from feature_repo.ingest.simulator.world import simulate as run

    opened = Home.open(home)
    config = simulator_config(opened, {"users": users, "videos": videos, "days": days, "seed": seed, "end": end})
    with bars() as progress:
        show(run(opened, config, progress, IngestOptions(replace)), as_json)


@features_app.callback(invoke_without_command=True, epilog="Example:  marquee features --engine spark")
def features(
    context: typer.Context,
    engine: Annotated[str, typer.Option(help="duckdb (one machine) or spark (the `spark` extra and Java).")] = "duckdb",
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Build the features for training and serving. Offline tables, `feast apply`, materialize to the online store."""
    if context.invoked_subcommand is not None:
        refuse_unused(
            context, ("engine", "home", "as_json"), f"before {context.invoked_subcommand}: write it after the verb"
        )
        return
    if engine not in ("duckdb", "spark"):
        raise typer.BadParameter(f"expected duckdb or spark, found {engine}", param_hint="--engine")
    from feature_repo.core.steps import StepContext, Steps
    from feature_repo.jobs.features_step import FEATURES

    opened = existing(home, to_write=True)
    with bars() as progress:
        steps = Steps(opened, again=[FEATURES.name])
        show(steps.take(FEATURES, StepContext(opened, progress, {"engine": engine})), as_json)


@features_app.command("list", epilog="Example:  marquee features list --kind window --json")
def features_list(
    kind: Annotated[str, typer.Option(help="profile, window, folded, cross, derived, rate, …")] = "",
    view: Annotated[str, typer.Option(help="Only of this feature view: user_activity, …")] = "",
    as_json: JsonOption = False,
) -> None:
    """List all features with description, unit, freshness and owner."""
    from feature_repo.listing import listed

    rows = listed(kind, view)
    show({"features": rows}, as_json, lambda _: print_table("features", _narrow(rows)))


@features_app.command("describe", epilog="Example:  marquee features describe video_like_rate_7d")
def features_describe(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="A feature, or one of its columns, such as genre:Drama.")],
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Describe a feature: type, default, unit, where it is computed, and who reads it."""
    from feature_repo.listing import described

    opened = named(home)
    world = opened.known_world()
    champion = context.obj.champion_inputs(opened) if context.obj is not None else None
    show(described(name, champion, world.genres if world else ()), as_json)


def _narrow(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The columns that fit a terminal; `--json` has all."""
    shown = ("name", "kind", "entity", "dtype", "tier", "ranker", "unit", "description")
    return [{column: row[column] for column in shown} for row in rows]


@events_app.command(
    "send", epilog="Example:  marquee events send --user u00042 --video v00007 --event watch --seconds 900"
)
def events_send(
    context: typer.Context,
    user: Annotated[str | None, typer.Option(help="The viewer.")] = None,
    video: Annotated[str | None, typer.Option(help="The video.")] = None,
    event: Annotated[str, typer.Option(help="click, watch, like, unlike, dislike, not_interested or share.")] = "watch",
    seconds: Annotated[float, typer.Option(min=0, help="Seconds watched.")] = 0.0,
    file: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="JSON lines, one event each; /dev/stdin: standard input."),
    ] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write events durably to the log; the processor of `marquee serve` folds them into the features."""
    from feature_repo.events import EventError
    from feature_repo.stream.send import send_lines, send_one

    if file is not None:
        refuse_unused(context, ("user", "video", "event", "seconds"), "with --file, whose lines state it")
        sent = send_lines(existing(home), file.read_bytes(), str(file))
    elif user and video:
        if event != "watch":
            refuse_unused(context, ("seconds",), f"for {event}: only a watch has seconds")
        fields = {"user_id": user, "video_id": video, "event": event, "watch_seconds": seconds}
        try:
            sent = send_one(existing(home), fields)
        except EventError as error:
            option = OPTION_OF.get(error.field, error.field)
            raise typer.BadParameter(str(error).partition(": ")[2], param_hint=option) from error
    else:
        raise typer.BadParameter("give --user and --video, or --file", param_hint="--user")
    if sent["unknown_videos"]:
        note(f"marquee: warning: accepted, but the catalog has no video {', '.join(sent['unknown_videos'])}")
    show(sent, as_json)


@events_app.command("tail", epilog="Example:  marquee events tail -n 5 --topic recommendation-served")
def events_tail(
    n: Annotated[int, typer.Option("-n", min=1, max=10_000, help="How many of the newest records.")] = 10,
    topic: TopicOption = WATCH_EVENTS,
    home: HomeOption = None,
) -> None:
    """Print the newest records of a topic, oldest first, one JSON object a line."""
    from feature_repo.store.valkey_server import online_store
    from feature_repo.stream.log.open import open_home_log
    from feature_repo.stream.tail import lines

    opened = existing(home)
    with online_store(opened) as url, closing(open_home_log(opened, url)) as log:
        for line in lines(log, topic, n):
            print(line)


def simulator_config(home: Home, size: Mapping[str, Any]) -> SimulatorConfig:
    """The simulator's config with the given options. Raises BadParameter for a size that cannot be simulated."""
    from feature_repo.ingest.simulator.config import SIMULATOR

    try:
        return read(SIMULATOR, home.root, **size)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
