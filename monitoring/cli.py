"""The verbs that report on a home: report, status, doctor, logs, config."""

from __future__ import annotations

import json
from itertools import chain
from pathlib import Path
from typing import Annotated

import typer

from feature_repo.core.home import Home
from feature_repo.core.options import HomeOption, JsonOption, existing, named, refuse_unused
from feature_repo.core.terminal import bars, print_table, say, show

app = typer.Typer()
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
    """Update the tables of settings in a page (`make docs`)."""
    from feature_repo.core.settings_list import renewed
    from monitoring.settings import every_section

    page.write_text(renewed(page.read_text(), every_section()))
