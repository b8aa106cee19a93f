"""The verbs of serving: serve, recommend, precompute, work, autopilot, package, and those of keys_cli.py, rules_cli.py
and verify_cli.py."""

from __future__ import annotations

import signal
import threading
from pathlib import Path
from typing import Annotated, Any

import typer

from bento_services import keys_cli, rules_cli, verify_cli
from feature_repo.core.command_line import wait_for_interrupt
from feature_repo.core.options import HomeOption, JsonOption, existing, refuse_unused
from feature_repo.core.terminal import bars, print_table, say, show
from feature_repo.limits import LimitError, check

app = typer.Typer()
app.add_typer(keys_cli.app, name="keys")
app.add_typer(rules_cli.app, name="rules")
app.add_typer(verify_cli.app)

LIST_LENGTH = 20  # items per user with --all
MAX_WORKERS = 64
HttpPort = Annotated[int, typer.Option(min=0, max=65535, help="0 = any free port.")]


@app.command(epilog="Examples:  marquee serve --http-port 8080 --grpc-port 8081   ·   marquee serve --workers auto")
def serve(
    http_port: HttpPort = 8080,
    grpc_port: HttpPort = 8081,
    host: Annotated[str, typer.Option(help="Address to bind.")] = "127.0.0.1",
    insecure: Annotated[bool, typer.Option("--insecure", help="Allow a non-loopback bind without API keys.")] = False,
    workers: Annotated[
        str | None,
        typer.Option(help="Processes that make pages, or auto: one per core. Default: supervisor.workers, 1."),
    ] = None,
    home: HomeOption = None,
) -> None:
    """Serve the home page until Ctrl-C. Online store, event processor, HTTP and gRPC."""
    from bento_services.process.supervisor import running

    count = _workers(workers)
    opened = existing(home, to_write=True)
    with running(opened, http_port, grpc_port, host, insecure, count) as ports:
        say(f"page      {ports.http_url}/\nAPI       {ports.http_url}/docs\ngRPC      {ports.host}:{ports.grpc_port}")
        say("Ctrl-C stops everything.")
        wait_for_interrupt()


@app.command(epilog="Examples:  marquee reload   ·   marquee reload --json")
def reload(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Replace the workers of a running service one by one, with marquee.toml read anew. No request is lost."""
    from bento_services.process.reload import reloaded

    with bars() as progress:
        result = reloaded(existing(home), progress)
    show(result, as_json)


@app.command(
    epilog="Examples:  marquee recommend u00042 -n 20 --explain   ·   marquee recommend --all -n 10 --out r.parquet"
)
def recommend(
    context: typer.Context,
    user: Annotated[
        str | None, typer.Argument(help="Whose page; any id, also one never seen.", show_default=False)
    ] = None,
    n: Annotated[
        int | None,
        typer.Option("-n", min=1, max=1000, help="One list of so many items, without rows; with --all: 20."),
    ] = None,
    together: Annotated[
        list[str] | None,
        typer.Option("--with", help="Who watches with USER; may be given several times.", show_default=False),
    ] = None,
    explain: Annotated[bool, typer.Option("--explain", help="Show sources, scores and per-stage times.")] = False,
    everyone: Annotated[bool, typer.Option("--all", help="Every user of the lake, into --out.")] = False,
    out: Annotated[Path | None, typer.Option(help="Parquet: user_id, item_id, rank, score.")] = None,
    stage: Annotated[
        str, typer.Option(help="With --all: retrieval (two-tower order) or full (the whole funnel).")
    ] = "full",
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show one viewer's page, or write a list for every user to a file."""
    if stage not in ("retrieval", "full"):
        raise typer.BadParameter(f"expected retrieval or full, found {stage}", param_hint="--stage")
    if everyone == (user is not None) or (everyone and out is None):
        raise typer.BadParameter("give either a USER, or --all with --out FILE.parquet", param_hint="USER")
    try:
        user = user and check("events", "user_id", user, called="USER")
        together = [check("events", "user_id", one, called="--with") for one in together or ()]
    except LimitError as error:
        raise typer.BadParameter(str(error)) from error
    if everyone:
        refuse_unused(context, ("explain", "together"), "with --all: lists are of one viewer each, and have no page")
    else:
        refuse_unused(context, ("out", "stage"), "without --all")
    from bento_services.process.page_table import print_page
    from feature_repo.store.valkey_server import online_store

    opened = existing(home)
    with online_store(opened) as url:
        if everyone:
            from bento_services.precompute.batch import recommend_all

            with bars() as progress:
                show(recommend_all(opened, url, n or LIST_LENGTH, out, stage, progress), as_json)  # type: ignore[arg-type]
            return
        from bento_services.precompute.batch import recommend_one

        page = recommend_one(opened, url, str(user), n, together)
    show(page, as_json, table=lambda shown: print_page(shown, explain))


@app.command(epilog="Examples:  marquee precompute --active   ·   marquee precompute --all --engine spark --json")
def precompute(
    active: Annotated[
        bool, typer.Option("--active", help="Viewers of late events, where it is missing or old.")
    ] = False,
    everyone: Annotated[bool, typer.Option("--all", help="Every viewer.")] = False,
    engine: Annotated[str, typer.Option(help="here, or spark: the same function on Spark's workers.")] = "here",
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make the bases that pages are quickly made from, in place of those before."""
    if engine not in ("here", "spark"):
        raise typer.BadParameter(f"expected here or spark, found {engine}", param_hint="--engine")
    if active == everyone:
        raise typer.BadParameter("give either --active or --all", param_hint="--active / --all")
    from bento_services.precompute.bases import precompute as made
    from feature_repo.store.valkey_server import online_store

    opened = existing(home, to_write=True)
    with online_store(opened) as url, bars() as progress:
        found = made(opened, url, "active" if active else "all", engine, progress)  # type: ignore[arg-type]
    show(found, as_json)


@app.command(epilog="Example:  marquee work   (beside `marquee serve`; once is enough for all services of a home)")
def work(home: HomeOption = None) -> None:
    """Run the jobs that have a clock until Ctrl-C: bases every 5 min and every 4 h, the autopilot hourly, a new index
    each night."""
    from bento_services.precompute.schedule import jobs_of
    from bento_services.precompute.schedule import work as run
    from feature_repo.core.processes import set_on_signal
    from feature_repo.store.valkey_server import online_store

    opened, stopping = existing(home, to_write=True), threading.Event()
    set_on_signal(stopping, signal.SIGTERM, signal.SIGINT)
    with online_store(opened) as url:
        jobs = jobs_of(opened, url)
        say("\n".join(map(str, jobs)))
        say("`marquee logs --process jobs` shows what they do; Ctrl-C ends it.")
        run(jobs, stopping)


@app.command(epilog="Examples:  marquee autopilot --dry-run   ·   marquee rules list   (what it has raised)")
def autopilot(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Judge, and change nothing.")] = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Give cohorts whose pages have become narrow more exploration, and take it back where they are varied again."""
    from bento_services.precompute.autopilot import autopilot as run

    found = run(existing(home, to_write=not dry_run), dry_run)

    def table(_: Any) -> None:
        if found["cohorts"]:
            print_table("cohorts", found["cohorts"])
        say(f"{len(found['cohorts'])} cohorts, {found['raised']} with more exploration")

    show(found, as_json, table)


@app.command(epilog="Example:  marquee package   (prints the `bentoml serve` command of what it built)")
def package(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Build a Bento of the champion release. It holds the verified files."""
    from bento_services.process import package as packaging

    show(packaging.build(existing(home, to_write=True)), as_json)


def _workers(said: str | None) -> int | None:
    """The number of workers; 0: one per core."""
    if said is None or said == "auto":
        return None if said is None else 0
    if not said.isdigit() or not 1 <= int(said) <= MAX_WORKERS:
        raise typer.BadParameter(f"expected auto or 1 to {MAX_WORKERS}, found {said}", param_hint="--workers")
    return int(said)
