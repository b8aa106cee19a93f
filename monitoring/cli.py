"""The verbs that report on a home: report, ladder, moments, exposure, status, doctor, logs, config."""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import chain
from pathlib import Path
from typing import Annotated, Any

import typer

from feature_repo.core.home import Home
from feature_repo.core.options import HomeOption, JsonOption, existing, named, refuse_unused
from feature_repo.core.terminal import bars, note, print_table, say, show

app = typer.Typer()
LISTED = 20  # videos in a terminal
config_app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="The settings of a home: defaults, marquee.toml, environment."
)
app.add_typer(config_app, name="config")


@app.command(epilog="Example:  marquee report && xdg-open var/reports/index.html")
def report(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Write drift and quality reports as HTML. Features, embeddings, recommendations."""
    from monitoring.reports.report import write_reports

    with bars() as progress:
        show(write_reports(existing(home, to_write=True), progress), as_json)


@app.command(epilog="Examples:  marquee ladder   ·   marquee ladder --viewers 1000 --out ladder.json")
def ladder(
    viewers: Annotated[int, typer.Option(min=1, help="Most held-out viewers to ask about.")] = 400,
    seed: Annotated[int, typer.Option(min=0, help="Draws the viewers; the same ones give the same figures.")] = 0,
    out: Annotated[Path | None, typer.Option(dir_okay=False, help="Also write the JSON to this file.")] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Measure every rung of the home page on held-out viewers: what each loses, and how long it takes."""
    if out is not None and not out.absolute().parent.is_dir():
        raise typer.BadParameter(f"expected a directory, found none: {out.absolute().parent}", param_hint="--out")
    from feature_repo.core.files import plain, write_atomic
    from monitoring.reports.ladder_report import write_ladder

    with bars() as progress:
        result = write_ladder(existing(home, to_write=True), viewers, seed, progress)
    if out is not None:
        write_atomic(out, json.dumps(result, indent=2, default=plain) + "\n")
    show(result, as_json, table=_print_ladder)


def _print_ladder(result: Mapping[str, Any]) -> None:
    """The columns that fit a terminal; the file and --json have all."""
    print_table("ladder", [_shown_rung(row) for row in result["rungs"]])
    say(
        f"{result['viewers']:,} viewers and {result['videos']:,} videos of {result['as_of']},"
        f" judged by what was watched until {result['until']}"
    )
    say(f"release  {result['release_id']}\nwritten  {result['file']}")
    if result["page"]:
        say(f"report   {result['page']}")
    for warning in result["warnings"]:
        note(f"marquee: warning: {warning}")


def _shown_rung(row: Mapping[str, Any]) -> dict[str, Any]:
    def lost(figure: str) -> str:
        if (found := row[f"{figure}_lost"]) is None:
            return ""
        error = row.get(f"{figure}_lost_error")
        return f"{found:.1f} %" if error is None else f"{found:.1f} ± {error:.1f} %"

    return {
        "rung": row["rung"],
        "ndcg@10": row["ndcg_at_10"],
        "lost": lost("ndcg_at_10"),
        "recall@20": row["recall_at_20"],
        "lost ": lost("recall_at_20"),
        "hit rate@10": row["hit_rate_at_10"],
        "lost  ": lost("hit_rate_at_10"),
        "ild@10": row["ild_at_10"],
        "coverage@10": row["coverage_at_10"],
        "new@10": row["new_at_10"],
        "p50 ms": f"{row['p50_ms']:.1f}",
        "p95 ms": f"{row['p95_ms']:.1f}",
    }


@app.command(epilog="Example:  marquee moments --users 300 --videos 400 --days 14 --end 2026-11-21 --viewers 200")
def moments(
    viewers: Annotated[int, typer.Option(min=1, help="Most held-out viewers whose pages are made.")] = 300,
    users: Annotated[int | None, typer.Option(min=10, help="As the world was simulated.")] = None,
    videos: Annotated[int | None, typer.Option(min=30, help="As the world was simulated.")] = None,
    days: Annotated[int | None, typer.Option(min=5, help="As the world was simulated.")] = None,
    end: Annotated[str, typer.Option(help="As the world was simulated.")] = "",
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Measure what each weight of the policy's [context] gains in watch time, in a simulated world, and what a page for
    two who watch together gains over one for the viewer who asks."""
    from feature_repo.cli import simulator_config
    from monitoring.reports.moments_report import measure_moments

    opened = existing(home)
    config = simulator_config(opened, {"users": users, "videos": videos, "days": days, "end": end})
    with bars() as progress:
        result = measure_moments(opened, config, viewers, progress=progress)
    show(result, as_json, table=_print_moments)


def _print_moments(result: Mapping[str, Any]) -> None:
    rows = [
        {
            "weight": row["weight"],
            "value": row["value"],
            "seconds without": f"{row['seconds_without']:.1f}",
            "seconds with": f"{row['seconds_with']:.1f}",
            "gain": f"{row['seconds_gain']:+.2f} ± {row['seconds_gain_error']:.2f} %",
            "finished": f"{row['finished_gain']:+.2f} ± {row['finished_gain_error']:.2f} %",
        }
        for row in result["weights"]
    ]
    print_table("watch time of a page", rows)
    say(f"{result['viewers']:,} viewers, release {result['release_id']}")


@app.command(
    epilog="Examples:  marquee exposure   ·   marquee exposure --json | jq '.videos[] | select(.state == \"late\")'"
)
def exposure(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Show what new videos were promised and got, and how evenly impressions fall on creators."""
    from feature_repo.store.valkey_server import online_store
    from monitoring.exposure import exposure_of

    opened = existing(home)
    with online_store(opened) as url:
        result = exposure_of(opened, url)
    show(result, as_json, table=_print_exposure)


def _print_exposure(result: Mapping[str, Any]) -> None:
    """The videos that are furthest behind; --json has all."""
    columns = ("video_id", "published", "deadline", "delivered", "due", "target", "pace", "state")
    if result["videos"]:
        print_table("new videos", [{name: one[name] for name in columns} for one in result["videos"][:LISTED]])
    promise, new, creators = result["promise"], result["new_videos"], result["creators"]
    say(
        f"promised  {promise['target']:g} impressions within {promise['days']:g} days, of {promise['impressions']:,}"
        f" (limited by {promise['limited_by']}; {result['impressions_a_day']:,} a day in all)"
        if promise["impressions"]
        else "promised  nothing: the champion's policy says nothing of [delivery]"
    )
    say(f"videos    {', '.join(f'{new[name]:,} {name}' for name in ('delivered', 'on_track', 'behind', 'late'))}")
    say(
        f"creators  {creators['small']:,} small ones of {creators['all']:,}:"
        f" {creators['small_share_of_catalog']:.1%} of the catalog,"
        f" {creators['small_share_of_impressions']:.1%} of impressions;"
        f" Gini {creators['gini_of_creators']:.2f} of creators, {creators['gini_of_videos']:.2f} of videos"
    )


@app.command(epilog="Example:  marquee status --json")
def status(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Show the state of a home: world, counts, champion, running processes."""
    from monitoring.status import status_of

    show(status_of(existing(home)), as_json)


@app.command(epilog="Example:  marquee doctor --json")
def doctor(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Check this machine and a home, and name a command for each problem found."""
    from dataclasses import asdict

    from monitoring.doctor import examine, require_health

    opened = Home.open(home)
    findings = examine(opened)
    rows = [{name: each for name, each in asdict(one).items() if name != "is_dependency"} for one in findings]
    show({"home": str(opened.root), "checks": rows}, as_json, table=lambda _: print_table("checks", rows))
    require_health(opened, findings)


@app.command(epilog="Examples:  marquee logs --process service --since 10m   ·   marquee logs --follow --level warning")
def logs(
    follow: Annotated[bool, typer.Option("--follow", help="Keep printing new records.")] = False,
    process: Annotated[str, typer.Option(help="supervisor, service, processor or valkey; default: all.")] = "",
    since: Annotated[str, typer.Option(help="90s, 10m, 2h or 1d ago, or a time (UTC).")] = "",
    level: Annotated[str, typer.Option(help="Lowest level: debug, info, warning, error, critical.")] = "info",
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print the merged logs of all processes of a home, in order of time."""
    from feature_repo.core import log_reader
    from feature_repo.core.logs import LEVELS

    opened = existing(home)
    if level not in LEVELS:
        raise typer.BadParameter(f"expected one of {', '.join(LEVELS)}, found {level}", param_hint="--level")
    if process and process not in (known := log_reader.processes(opened)):
        expected = ", ".join(known) or "one that has a log; nothing was served here yet"
        raise typer.BadParameter(f"expected {expected}, found {process}", param_hint="--process")
    try:
        wanted = log_reader.LogFilter(process, log_reader.moment(since) if since else "", level)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--since") from None
    written = log_reader.read(opened, wanted)
    for record in chain(written, log_reader.follow(opened, wanted)) if follow else written:
        say(json.dumps(record) if as_json else log_reader.shown(record))


@config_app.command("show", epilog="Examples:  marquee config show   ·   marquee config show feed.deadline_ms --json")
def config_show(
    context: typer.Context,
    key: Annotated[str | None, typer.Argument(help="One setting, or one table; default: all.")] = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print the tables of settings for the docs.")] = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print settings with their values, units and origins."""
    from feature_repo.core import settings_list
    from monitoring.settings import every_section

    if markdown:
        refuse_unused(context, ("key", "home", "as_json"), "with --markdown, which prints the defaults of all")
        print(settings_list.markdown(every_section()), end="")
        return
    rows = settings_list.settings(every_section(), named(home).root)
    if key is not None and not (rows := settings_list.only(rows, key)):
        raise typer.BadParameter(f"expected a key or table that `marquee config show` prints, found {key}")
    shown = [{name: value for name, value in row.items() if name != "variable"} for row in rows]
    show({"settings": rows}, as_json, table=lambda _: print_table("settings", shown))


@config_app.command("check", epilog="Example:  marquee config check --home worlds/small")
def config_check(home: HomeOption = None) -> None:
    """Validate marquee.toml and the environment; names the first error and its line."""
    from feature_repo.core.settings import FILE, check
    from monitoring.settings import every_section

    root = named(home).root
    check(every_section(), root)
    say(f"{root / FILE}: " + ("nothing is wrong" if (root / FILE).exists() else "does not exist; defaults apply"))


@config_app.command("document", hidden=True)
def config_document(page: Path) -> None:
    """Update the tables of settings and metrics in a page (`make docs`)."""
    from feature_repo.core.settings_list import renewed
    from monitoring import metrics_list
    from monitoring.settings import every_section

    page.write_text(metrics_list.renewed(renewed(page.read_text(), every_section())))
