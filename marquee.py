"""The command line. Thin: each verb opens a home, calls one function of the layer that owns the work, shows the result.

Heavy imports live inside the commands, so that `marquee --help` answers at once.
"""

from __future__ import annotations

import atexit
import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from feature_repo.core.errors import HomeError, MarqueeError
from feature_repo.core.files import plain
from feature_repo.core.home import Home
from feature_repo.core.progress import Advance

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress as Bars

    from feature_repo.ingest.simulator import SimulatorConfig
    from training.record.steps import Steps

HomeOption = Annotated[
    Path | None,
    typer.Option("--home", help="Directory of this world (else MARQUEE_HOME, else var/).", show_default=False),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as JSON on stdout.")]

EPILOG = """Examples:

  marquee demo --once

  marquee ingest movielens --path ml-1m --home worlds/ml1m

  marquee recommend u00042 -n 10 --explain"""

PIPE_WIDTH = 150
SHOWN_FIGURES = {
    "retrieval": (
        "model",
        "hit_rate_at_10",
        "ndcg_at_10",
        "recall_at_50",
        "recall_at_50_new",
        "coverage_at_10",
        "ild_at_10",
    )
}
INTERRUPTED = 130  # the exit status that typer gives to Ctrl-C

app = typer.Typer(
    no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None, epilog=EPILOG
)
ingest_app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Bring a data set into the lake.")
events_app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Send events to the log, or watch them pass."
)
app.add_typer(ingest_app, name="ingest")
app.add_typer(events_app, name="events")


@app.callback()
def options(home: HomeOption = None) -> None:
    """Marquee decides what a video service shows on its home page."""
    # Before any library starts threads: on a busy machine, spinning while they wait makes training ten times slower.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    if home is not None:
        os.environ["MARQUEE_HOME"] = str(home)


def _existing(path: Path | None) -> Home:
    """The home that a verb works on; raises HomeError where there is no world yet."""
    home = Home.open(path)
    home.world()
    return home


# --- the world -------------------------------------------------------------------------------------------------------


EndOption = Annotated[
    str, typer.Option(help="Day before which the history ends and the world's clock goes on. Default: today.")
]


@app.command(epilog="Example:  marquee simulate --users 500 --videos 400 --days 30 --seed 7 --home worlds/small")
def simulate(
    users: Annotated[int | None, typer.Option(min=10, help="Viewers.")] = None,
    videos: Annotated[int | None, typer.Option(min=20, help="Videos in the catalog.")] = None,
    days: Annotated[int | None, typer.Option(min=5, help="Days of history.")] = None,
    seed: Annotated[int | None, typer.Option(help="The same seed and end give the same world.")] = None,
    end: EndOption = "",
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Simulate a video service into the lake. It has hidden tastes, impressions and outcomes."""
    from feature_repo.ingest.simulator import simulate as run

    config = _simulator_config({"users": users, "videos": videos, "days": days, "seed": seed, "end": end})
    opened = Home.open(home)
    forget_online_state(opened)
    with bars() as progress:
        _show(run(opened, config, progress), as_json)


PathOption = Annotated[Path, typer.Option("--path", exists=True, file_okay=False, help="Directory of the data set.")]


@ingest_app.command("movielens", epilog="Example:  marquee ingest movielens --path ml-1m --home worlds/ml1m")
def ingest_movielens(path: PathOption, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Read MovieLens: `ratings.dat`, `users.dat`, `movies.dat`, or the CSV files of the newer sets."""
    from feature_repo.ingest import movielens

    opened = Home.open(home)
    forget_online_state(opened)
    with bars() as progress:
        _show(movielens.ingest(opened, path, progress), as_json)


@ingest_app.command("kuairand", epilog="Example:  marquee ingest kuairand --path kuairand-pure --home worlds/kuairand")
def ingest_kuairand(path: PathOption, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Read KuaiRand: exposures with clicks, likes and watch time."""
    from feature_repo.ingest import kuairand

    opened = Home.open(home)
    forget_online_state(opened)
    with bars() as progress:
        _show(kuairand.ingest(opened, path, progress), as_json)


def forget_online_state(home: Home) -> None:
    """A new world starts with an empty embedded online store: states of other viewers would outlive their world."""
    import shutil

    from feature_repo.store.valkey_server import running_url

    if running_url(home):
        raise MarqueeError(f"{home.root} is being served: stop `marquee serve` before putting another world there")
    shutil.rmtree(home.valkey, ignore_errors=True)


@app.command(epilog="Example:  marquee features --engine spark")
def features(
    engine: Annotated[str, typer.Option(help="duckdb (one machine) or spark (the `spark` extra and Java).")] = "duckdb",
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Build the features for training and serving. Offline tables, `feast apply`, materialize to the online store."""
    if engine not in ("duckdb", "spark"):
        raise typer.BadParameter(f"expected duckdb or spark, found {engine}", param_hint="--engine")
    opened = _existing(home)
    with bars() as progress:
        _show(build_features(opened, _anew(opened), progress, engine), as_json)


def build_features(home: Home, steps: Steps, progress: RichProgress, engine: str = "duckdb") -> dict[str, Any]:
    from feature_repo.compute.fold import DAY_US
    from feature_repo.jobs import build_features, materialize
    from feature_repo.store.valkey_server import online_store
    from feature_repo.stream.flush import flush
    from training.record.steps import code_of, content_of

    def build() -> dict[str, Any]:
        tables = build_features.build_features(home, engine, progress)  # type: ignore[arg-type]
        materialize.apply(home, url)
        return {"tables": tables, "online": materialize.materialize(home, url, progress)}

    with online_store(home) as url:
        flush(home, url)  # what happened live is part of the past now
        inputs = {
            "data": content_of([home.lake, home.root / "world.json"]),
            "day": home.world().now_us() // DAY_US,  # windows end with it
            "code": code_of("feature_repo.jobs.build_features") + code_of("feature_repo.jobs.materialize"),
            "store": os.environ.get("REDIS_URL", "").rpartition("@")[2],
        }
        return steps.run("features", inputs, [home.features], build)


# --- models ----------------------------------------------------------------------------------------------------------


@app.command(epilog="Examples:  marquee train   ·   marquee train ranker   ·   marquee train two-tower --epochs 12")
def train(
    model: Annotated[
        str | None, typer.Argument(help="two-tower or ranker; both, in that order, when left out.")
    ] = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="At most so many epochs of the two-tower model.")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of initialization and shuffling.")] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Train the two-tower model and the ranker. Resumes where a stopped run left off."""
    if model not in (None, "two-tower", "ranker"):
        raise typer.BadParameter(f"expected two-tower or ranker, found {model}", param_hint="MODEL")
    opened = _existing(home)
    result = {}
    with bars() as progress:
        if model != "ranker":
            result["two_tower"] = train_two_tower(opened, _anew(opened), progress, epochs=epochs, seed=seed)
        if model != "two-tower":
            result["ranker"] = train_ranker(opened, _anew(opened), progress, seed=seed)
    _show(result, as_json)


def train_two_tower(home: Home, steps: Steps, progress: RichProgress, **chosen: int | None) -> dict[str, Any]:
    from dataclasses import asdict

    from models.release.artifact import refitted_name
    from training.fit.two_tower import TwoTowerConfig
    from training.fit.two_tower import train_two_tower as run
    from training.record.steps import code_of, content_of
    from training.release.compose import MODELS, OF_SOURCES

    given = {name: value for name, value in chosen.items() if value is not None}
    config = TwoTowerConfig.for_world(home.world(), **given)
    made = (*MODELS, *OF_SOURCES, refitted_name("two_tower"))
    outputs = [home.models / name for name in made if name != "ranker"]
    inputs = {"config": asdict(config), **content_of([home.lake]), "code": code_of("training.fit.two_tower")}
    return steps.run("two-tower", inputs, outputs, lambda: run(home, config, progress))


def train_ranker(home: Home, steps: Steps, progress: RichProgress, **chosen: int | None) -> dict[str, Any]:
    from dataclasses import asdict

    from models.release.artifact import refitted_name
    from training.fit.ranker import RankerConfig
    from training.fit.ranker import train_ranker as run
    from training.record.steps import code_of, content_of

    given = {name: value for name, value in chosen.items() if value is not None}
    config = RankerConfig.for_world(home.world(), **given)
    # The features of a moment follow from the lake; tables of another day hold the same moments.
    data = content_of([home.lake, home.models / "two_tower"])
    inputs = {"config": asdict(config), **data, "code": code_of("training.fit.ranker")}
    outputs = [home.models / name for name in ("ranker", refitted_name("ranker"), "ranker_baseline")]
    return steps.run("ranker", inputs, outputs, lambda: run(home, config, progress))


@app.command(
    epilog="Examples:  marquee evaluate --json   ·   marquee evaluate --protocol a1 --seeds 0,1,2 --models id_only,full"
)
def evaluate(
    protocol: Annotated[
        str | None, typer.Option(help="Run a protocol instead: a name of training/configs, or a TOML file.")
    ] = None,
    seeds: Annotated[str | None, typer.Option(help="With --protocol: only these seeds, as 0,1,2.")] = None,
    models: Annotated[str | None, typer.Option(help="With --protocol: only these models, as ease,full.")] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Measure the models beside the baselines. On the untouched last window, or as a protocol file says."""
    opened = _existing(home)
    if protocol is not None:
        _evaluate_protocol(opened, protocol, seeds, models, home, as_json)
        return
    if seeds or models:
        raise typer.BadParameter("given without --protocol", param_hint="--seeds" if seeds else "--models")
    from training.release.evaluate import evaluate as run

    with bars() as progress:
        result = run(opened, progress)
    _show(result, as_json, table=print_evaluation)


def _seeds(text: str) -> list[int]:
    if not all(part.strip().isdigit() for part in text.split(",")):
        raise typer.BadParameter(f"expected whole numbers as 0,1,2, found {text}", param_hint="--seeds")
    return [int(part) for part in text.split(",")]


def _evaluate_protocol(
    opened: Home, protocol: str, seeds: str | None, models: str | None, home: Path | None, as_json: bool
) -> None:
    from training.record.results import quality_directory
    from training.release.evaluate import evaluate_protocol

    chosen = _seeds(seeds) if seeds else None
    options = (("protocol", protocol), ("seeds", seeds), ("models", models), ("home", home))
    command = " ".join(["marquee evaluate", *(f"--{name} {value}" for name, value in options if value is not None)])
    with bars() as progress:
        results = evaluate_protocol(
            opened,
            protocol,
            command,
            progress,
            chosen,
            [part.strip() for part in models.split(",")] if models else None,
        )
    _show(results.to_json(), as_json, table=lambda said: _print_table(results.protocol, results.shown()))
    if not as_json:
        _say(f"{results.question}\nrecorded in {quality_directory(opened, results.protocol)}: results.json, results.md")


@app.command(epilog="Example:  marquee frontier --home worlds/ml1m   (prints where the curves were drawn)")
def frontier(
    protocol: Annotated[
        str, typer.Option(help="What to sweep: a file of training/configs by its name, or a path.")
    ] = "diversity",
    seeds: Annotated[str | None, typer.Option(help="Fit a model for each, as 0,1,2. Default: the home's own.")] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Measure what variety costs and choose how much. Curves for MMR, max-sum and DPP; the next release serves it."""
    from training.judge.protocols.diversity import frontier as run
    from training.judge.protocols.reading import read_protocol

    opened, command = _existing(home), f"marquee frontier --protocol {protocol}"
    declared = read_protocol(protocol)
    if seeds:
        declared, command = declared | {"seeds": _seeds(seeds)}, f"{command} --seeds {seeds}"
    with bars() as progress:
        result = run(opened, declared, command, progress)
    _show(result, as_json)


@app.command(
    epilog="Example:  marquee score --rows week.parquet --out scored.parquet --as-of 2022-05-01T00:00:00+08:00"
)
def score(
    rows: Annotated[
        Path, typer.Option("--rows", help="Parquet: user_id, item_id, timestamp; surface, device, duration.")
    ],
    out: Annotated[Path, typer.Option("--out", help="Parquet to write: the rows with one column per head, and score.")],
    as_of: Annotated[
        str | None,
        typer.Option(
            "--as-of",
            help="Freeze every feature there: ISO time or epoch number. Default: the end of the lake, or the first row "
            "where that is earlier.",
            show_default=False,
        ),
    ] = None,
    release: Annotated[str | None, typer.Option("--release", help="A release id; the champion when left out.")] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Score given rows with the release's ranker. Rows and order are kept; unknown ids are scored as new ones."""
    from training.judge.score import score_file

    with bars() as progress:
        result = score_file(_existing(home), rows, out, as_of, release, progress)
    _show(result, as_json)


@app.command("off-policy", epilog="Example:  marquee off-policy   ·   marquee off-policy --open-bandit DIR")
def off_policy(
    synthetic: Annotated[bool, typer.Option("--synthetic", help="Against made-up logs whose truth is known.")] = False,
    bandit: Annotated[
        Path | None, typer.Option("--open-bandit", exists=True, file_okay=False, help="Against Open Bandit's policies.")
    ] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say what another policy would have earned. IPS, SNIPS, DR: from this home's own log, or held against truths."""
    from training.judge.protocols import off_policy as ope_protocol

    if synthetic and bandit is not None:
        raise typer.BadParameter("give --synthetic or --open-bandit, not both", param_hint="--synthetic")
    with bars() as progress:
        if synthetic:
            command = "marquee off-policy --synthetic"
            results = ope_protocol.against_synthetic(Home.open(home), command, progress=progress)
        elif bandit is not None:
            command = f"marquee off-policy --open-bandit {bandit}"
            results = ope_protocol.against_open_bandit(Home.open(home), bandit, command, progress)
        else:
            results = ope_protocol.on_own_log(_existing(home), "marquee off-policy", progress)
    _show(results.to_json(), as_json, table=lambda said: _print_table(results.question, ope_protocol.shown(results)))


@app.command(epilog="Example:  marquee promote   ·   marquee promote --rollback")
def promote(
    rollback: Annotated[bool, typer.Option("--rollback", help="Go back to the previous release instead.")] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Promote although a gate fails; recorded in the release.")
    ] = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a release the champion. Builds it, holds it against its gates and registers it in MLflow."""
    from training.release import promote as promotion

    opened = _existing(home)
    with bars() as progress:
        config = promotion.PromotionConfig(force=force)
        result = promotion.rollback(opened) if rollback else promotion.promote(opened, config, progress)
    _show(result, as_json)
    _refuse_unless_promoted(result)


@app.command(epilog="Examples:  marquee release   ·   marquee release --again --json   ·   marquee release --force")
def release(
    resume: Annotated[
        bool, typer.Option("--resume/--again", help="Skip steps whose inputs are as they were, or do all anew.")
    ] = True,
    force: Annotated[
        bool, typer.Option("--force", help="Promote although a gate fails; recorded in the release.")
    ] = False,
    epochs: Annotated[int | None, typer.Option(min=1, help="At most so many epochs of the two-tower model.")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of initialization and shuffling.")] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """From data to champion, with a report. Features, both models, evaluation, gates, registry, index, promotion.

    What was done on the same inputs is not done again: a stopped run goes on, a repeated one rests. Ends with 1 where a
    gate fails; the champion then stays what it was.
    """
    from training.record.steps import Steps

    opened = _existing(home)
    steps = Steps(opened, _note)
    for step in () if resume else RELEASE_STEPS:
        steps.forget(step)  # all at once: when this is stopped, it goes on without --again
    with bars() as progress:
        result = make_release(opened, steps, progress, force, epochs=epochs, seed=seed)
    _show(result, as_json, table=_print_release)
    _refuse_unless_promoted(result)


RELEASE_STEPS = ("features", "two-tower", "ranker", "evaluate", "promote", "page")


def make_release(
    home: Home, steps: Steps, progress: RichProgress, force: bool = False, **chosen: int | None
) -> dict[str, Any]:
    """The one way from a lake to a champion. `report` in the result is the page that says what was made and why."""
    from models.page.policy_file import policy_of
    from monitoring.reports.release_report import page_of, write_release_report
    from training.record.steps import code_of, content_of
    from training.release.evaluate import evaluate as run_evaluation
    from training.release.promote import PromotionConfig
    from training.release.promote import promote as run_promotion

    build_features(home, steps, progress)
    train_two_tower(home, steps, progress, **chosen)
    train_ranker(home, steps, progress, seed=chosen.get("seed"))
    models = [path for path in sorted(home.models.iterdir()) if path.is_dir() and not path.name.startswith(".")]
    inputs: dict[str, Any] = {**content_of([home.lake, *models]), "code": code_of("training.release.evaluate")}
    evaluation = home.models / "evaluation.json"
    steps.run("evaluate", inputs, [evaluation], lambda: run_evaluation(home, progress))
    if force and (done := steps.done("promote")) and not done["result"]["promoted"]:
        steps.forget("promote")
    inputs = {
        **content_of([home.lake, *models, evaluation, policy_of(home)]),
        "code": code_of("training.release.promote"),
    }
    promoted = steps.run("promote", inputs, [], lambda: run_promotion(home, PromotionConfig(force=force), progress))
    release_id = promoted["release_id"]
    inputs = {"promotion": promoted, "code": code_of("monitoring.reports.release_report")}
    page = page_of(home, release_id)
    steps.run("page", inputs, [page], lambda: write_release_report(home, promoted, progress))
    return {
        **{name: value for name, value in promoted.items() if name != "measured"},
        **_pointers(home),
        "report": str(page),
        "ran": steps.ran,
    }


def _refuse_unless_promoted(result: Mapping[str, Any]) -> None:
    if result.get("promoted", True):
        return
    for gate in result["gates"]:
        if not gate["passed"]:
            at = "at least" if gate["at_least"] else "at most"
            failure = f"{gate['gate']}: {gate['value']:.4f}, expected {at} {gate['bar']:.4f}"
            print(f"marquee: not promoted: {failure}", file=sys.stderr)
    raise typer.Exit(1)


def _anew(home: Home) -> Steps:
    """A verb that does one step does it whenever it is asked to, and is remembered by `marquee release`."""
    from training.record.steps import Steps

    return Steps(home, again=True)


@app.command(epilog="Example:  marquee report && xdg-open var/reports/index.html")
def report(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Write drift and quality reports as HTML. Features, embeddings, recommendations."""
    from monitoring.reports.report import write_reports

    with bars() as progress:
        _show(write_reports(_existing(home), progress), as_json)


# --- serving ---------------------------------------------------------------------------------------------------------

HttpPort = Annotated[int, typer.Option(min=0, max=65535, help="0 = any free port.")]


@app.command(epilog="Example:  marquee serve --http-port 8080 --grpc-port 8081")
def serve(
    http_port: HttpPort = 8080,
    grpc_port: HttpPort = 8081,
    host: Annotated[str, typer.Option(help="Address to bind.")] = "127.0.0.1",
    insecure: Annotated[bool, typer.Option("--insecure", help="Allow a non-loopback bind without API keys.")] = False,
    home: HomeOption = None,
) -> None:
    """Serve the home page until Ctrl-C. Online store, event processor, HTTP and gRPC."""
    from bento_services.process.supervisor import running

    opened = _existing(home)
    with running(opened, http_port=http_port, grpc_port=grpc_port, host=host, insecure=insecure) as ports:
        _say(f"page      {ports.http_url}/\nAPI       {ports.http_url}/docs\ngRPC      {ports.host}:{ports.grpc_port}")
        _say("Ctrl-C stops everything.")
        _wait_for_interrupt()


@app.command(
    epilog="Examples:  marquee recommend u00042 -n 20 --explain   ·   marquee recommend --all -n 10 --out r.parquet"
)
def recommend(
    user: Annotated[
        str | None, typer.Argument(help="Whose page; any id, also one never seen.", show_default=False)
    ] = None,
    n: Annotated[int, typer.Option("-n", min=1, max=1000, help="Items.")] = 20,
    explain: Annotated[bool, typer.Option("--explain", help="Show sources, scores and per-stage times.")] = False,
    everyone: Annotated[bool, typer.Option("--all", help="Every user of the lake, into --out.")] = False,
    out: Annotated[Path | None, typer.Option(help="Parquet: user_id, item_id, rank, score.")] = None,
    stage: Annotated[
        str, typer.Option(help="With --all: retrieval (two-tower order) or full (the whole funnel).")
    ] = "full",
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show one viewer's page. Or write everyone's list to a file."""
    if stage not in ("retrieval", "full"):
        raise typer.BadParameter(f"expected retrieval or full, found {stage}", param_hint="--stage")
    if everyone == (user is not None) or (everyone and out is None):
        raise typer.BadParameter("give either a USER, or --all with --out FILE.parquet", param_hint="USER")
    from feature_repo.store.valkey_server import online_store

    opened = _existing(home)
    with online_store(opened) as url:
        if everyone:
            from bento_services.precompute.batch import recommend_all

            with bars() as progress:
                _show(recommend_all(opened, url, n, out, stage, progress), as_json)  # type: ignore[arg-type]
            return
        from bento_services.precompute.batch import recommend_one

        page = recommend_one(opened, url, str(user), n)
    _show(page, as_json, table=lambda shown: print_page(shown, explain))


@app.command(epilog="Example:  marquee package   (prints the `bentoml serve` command of what it built)")
def package(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Build a Bento of the champion release. It holds the verified files."""
    from bento_services.process import package as packaging

    _show(packaging.build(_existing(home)), as_json)


@events_app.command(
    "send", epilog="Example:  marquee events send --user u00042 --video v00007 --event watch --seconds 900"
)
def events_send(
    user: Annotated[str | None, typer.Option(help="Who.")] = None,
    video: Annotated[str | None, typer.Option(help="Which video.")] = None,
    event: Annotated[str, typer.Option(help="click, watch, like, dislike, not_interested or share.")] = "watch",
    seconds: Annotated[float, typer.Option(min=0, help="Seconds watched.")] = 0.0,
    file: Annotated[Path | None, typer.Option(exists=True, dir_okay=False, help="JSON lines, one event each.")] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write events durably to the log; the processor of `marquee serve` folds them into the features."""
    from feature_repo.stream.send import send

    if file is not None:
        lines = [line for line in file.read_text().splitlines() if line.strip()]
    elif user and video:
        lines = [json.dumps({"user_id": user, "video_id": video, "event": event, "watch_seconds": seconds})]
    else:
        raise typer.BadParameter("give --user and --video, or --file", param_hint="--user")
    _show(send(_existing(home), lines), as_json)


@events_app.command("tail", epilog="Example:  marquee events tail -n 5 --topic recommendation-served")
def events_tail(
    n: Annotated[int, typer.Option("-n", min=1, max=10_000, help="How many of the newest records.")] = 10,
    topic: Annotated[str, typer.Option(help="Topic of the log.")] = "watch-events",
    home: HomeOption = None,
) -> None:
    """Print the newest records of a topic, oldest first, one JSON object a line."""
    from feature_repo.store.valkey_server import online_store
    from feature_repo.stream.log.open import open_event_log

    opened = _existing(home)
    with online_store(opened) as url:
        log = open_event_log(url)
        for record in log.tail(topic, n):
            print(json.dumps({"id": record.id, "key": record.key, "value": json.loads(record.value)}))
        log.close()


@app.command(epilog="Example:  marquee status --json")
def status(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Say what this home holds. World, counts, champion release, what is running."""
    _show(home_status(_existing(home)), as_json)


def home_status(home: Home) -> dict[str, Any]:
    world = home.world()
    from feature_repo.lake.tables import Lake
    from feature_repo.store.valkey_server import running_url

    ports_file = home.run / "ports.json"
    ports = json.loads(ports_file.read_text()) if ports_file.exists() else None
    return {
        "home": str(home.root),
        "world": world.name,
        "source": world.source,
        "example_user": str(world.source_id(world.example_user)) if world.example_user else None,
        "counts": Lake(home).counts(),
        **_pointers(home),
        "ports": ports,
        "online_store": "running" if running_url(home) else "stopped",
        "steps": sorted(json.loads((home.root / "steps.json").read_text()))
        if (home.root / "steps.json").exists()
        else [],
    }


def _pointers(home: Home) -> dict[str, str | None]:
    files = {name: home.releases / name for name in ("champion", "previous")}
    return {name: file.read_text().strip() if file.exists() else None for name, file in files.items()}


# --- the demo --------------------------------------------------------------------------------------------------------


@app.command(
    epilog="Examples:  marquee demo   ·   marquee demo --once   ·   marquee demo --users 300 --videos 300 --once"
)
def demo(
    once: Annotated[bool, typer.Option("--once", help="Stop everything at the end instead of staying up.")] = False,
    users: Annotated[int | None, typer.Option(min=50, help="Viewers to simulate.")] = None,
    videos: Annotated[int | None, typer.Option(min=100, help="Videos to simulate.")] = None,
    days: Annotated[int | None, typer.Option(min=10, help="Days to simulate.")] = None,
    end: EndOption = "",
    http_port: HttpPort = 8080,
    grpc_port: HttpPort = 8081,
    home: HomeOption = None,
) -> None:
    """From nothing to a personal home page. Simulates, trains, evaluates, promotes, reports, serves."""
    opened = Home.open(home)
    prepare_world(opened, {"users": users, "videos": videos, "days": days, "end": end})
    _converse(opened, http_port, grpc_port, once)


def prepare_world(home: Home, size: Mapping[str, Any]) -> None:
    """Run every step up to a promoted release. A world that stands is left as it is, also after it was served."""
    from dataclasses import asdict

    from training.record.steps import Steps, content_of

    config = _simulator_config(size)
    steps = Steps(home, _say)
    with bars() as progress:
        steps.run("simulate", asdict(config), [home.root / "world.json"], lambda: _simulate(home, config, progress))
        champion = _pointers(home)["champion"]
        if "simulate" not in steps.ran and champion and all(steps.done(name) for name in RELEASE_STEPS):
            result = {name: steps.keep(name) for name in RELEASE_STEPS}["promote"]
        else:
            result = make_release(home, steps, progress)
            _refuse_unless_promoted(result)
        inputs = {"champion": result["release_id"], **content_of([home.features])}
        steps.run("report", inputs, [home.reports / "index.html"], lambda: _reports(home, progress))
    evaluation = steps.done("evaluate")
    print_evaluation(evaluation["result"] if evaluation else {"tables": {}})
    _say(f"release {result['release_id']} is the champion; {len(result['gates'])} gates passed")


def _simulator_config(size: Mapping[str, Any]) -> SimulatorConfig:
    from feature_repo.ingest.simulator import SimulatorConfig

    try:
        return SimulatorConfig(**{name: value for name, value in size.items() if value is not None})
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


def _simulate(home: Home, config: SimulatorConfig, progress: RichProgress) -> dict[str, Any]:
    from feature_repo.ingest.simulator import simulate

    forget_online_state(home)
    return simulate(home, config, progress)


def _reports(home: Home, progress: RichProgress) -> dict[str, Any]:
    from monitoring.reports.report import write_reports

    return write_reports(home, progress)


def _converse(home: Home, http_port: int, grpc_port: int, once: bool) -> None:
    """Serve, ask for one viewer's page, watch something, ask again, and say what changed."""
    from bento_services.client import Client
    from bento_services.process.supervisor import running

    viewer = home.world().example_user
    with running(home, http_port=http_port, grpc_port=grpc_port) as ports:
        client = Client(ports.http_url)
        before = client.home(viewer)
        print_page(before, explain=True)
        watched = _something_to_watch(before)
        _say(f"\n{viewer} watches “{watched['title']}” to the end (POST /api/v1/events) …")
        client.send(
            {"user_id": viewer, "item_id": watched["video_id"], "event": "watch", "duration_sec": watched["duration"]}
        )
        after, seconds = client.home_after(viewer, before)
        print_changes(before, after, seconds)
        print_page(after, explain=True)
        if once:
            return
        _say(
            f"\npage      {ports.http_url}/\nAPI       {ports.http_url}/docs\n"
            f"gRPC      {ports.host}:{ports.grpc_port}\n"
            f"reports   {home.reports / 'index.html'}\n"
            f"MLflow    .venv/bin/mlflow ui --backend-store-uri sqlite:///{home.mlflow / 'mlflow.db'}\n"
            "Ctrl-C stops everything."
        )
        _wait_for_interrupt()


def _something_to_watch(page: Mapping[str, Any]) -> dict[str, Any]:
    rows = {row["row_id"]: row["items"] for row in page["rows"]}
    picks = rows.get("top_picks") or page["recommendations"]
    return dict(picks[0])


# --- printing --------------------------------------------------------------------------------------------------------


class RichProgress:
    """feature_repo.core.progress.Progress drawn as bars on stderr, so that stdout stays for results."""

    def __init__(self, drawn: Bars) -> None:
        self.drawn = drawn

    @contextmanager
    def task(self, label: str, total: int | None = None) -> Iterator[Advance]:
        bar = self.drawn.add_task(label, total=total)
        try:
            yield lambda steps: self.drawn.advance(bar, steps)
        finally:
            self.drawn.update(bar, visible=False)


@contextmanager
def bars() -> Iterator[RichProgress]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as drawn:
        yield RichProgress(drawn)


def print_evaluation(result: Mapping[str, Any]) -> None:
    """What fits a terminal; the rest is in the file and under --json."""
    for name, rows in result["tables"].items():
        shown = SHOWN_FIGURES.get(name, tuple(rows[0]))
        _print_table(name, [{figure: row[figure] for figure in shown if figure in row} for row in rows])


def _print_release(result: Mapping[str, Any]) -> None:
    fields = ("gate", "kind", "value", "bar", "passed")
    _print_table("gates", [{field: gate[field] for field in fields} for gate in result["gates"]])
    state = "is the champion" if result["release_id"] == result["champion"] else "is not the champion"
    _say(f"release  {result['release_id']} {state}\nreport   {result['report']}")


def print_page(page: Mapping[str, Any], explain: bool) -> None:
    from rich.table import Table

    console = _console()
    for row in page["rows"]:
        table = Table(title=row["title"], title_justify="left", title_style="bold", box=None, show_header=False)
        for width in (8, 58, 44):
            table.add_column(width=width, overflow="ellipsis", no_wrap=True)
        for item in row["items"][:5]:
            scored = (f"{item['source']} {item['score']:.3f}",) if explain else ()
            table.add_row(item["video_id"], item["title"], item["reason"], *scored)
        console.print(table)
    if explain:
        stages = " · ".join(f"{stage} {ms:.1f}" for stage, ms in page.get("stage_ms", {}).items())
        console.print(f"[dim]answered by {page['served_by']} · release {page.get('release_id')} · ms: {stages}[/dim]")


def print_changes(before: Mapping[str, Any], after: Mapping[str, Any], seconds: float) -> None:
    def listed(page: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
        return {item["video_id"]: item for row in page["rows"] for item in row["items"]}

    old, new = listed(before), listed(after)
    came = [item for video_id, item in new.items() if video_id not in old]
    _say(f"the page changed after {seconds:.2f} s: {len(came)} videos came, {len(set(old) - set(new))} left")
    for item in came[:5]:
        _say(f"  + {item['title']} — {item['reason']}")
    rows = [row["title"] for row in after["rows"] if row["title"] not in {row["title"] for row in before["rows"]}]
    for title in rows:
        _say(f"  new row: {title}")


def _console() -> Console:
    """stdout; wide enough for our tables where it is no terminal but a file or a pipe."""
    from rich.console import Console

    return Console() if sys.stdout.isatty() else Console(width=PIPE_WIDTH)


def _print_table(title: str, rows: Sequence[Mapping[str, Any]]) -> None:
    from rich.table import Table

    table = Table(title=title.replace("_", " "), title_justify="left")
    for column in rows[0] if rows else ():
        table.add_column(str(column))
    for row in rows:
        table.add_row(
            *(
                f"{value:,.{0 if abs(value) >= 1000 else 4}f}"
                if isinstance(value, float)
                else ""
                if value is None
                else str(value)
                for value in row.values()
            )
        )
    _console().print(table)


def _show(result: Mapping[str, Any], as_json: bool, table: Callable[[Mapping[str, Any]], None] | None = None) -> None:
    if as_json:
        print(json.dumps(result, indent=2, default=plain))
    elif table is not None:
        table(result)
    else:
        _print_fields(result)


def _print_fields(result: Mapping[str, Any], indent: str = "") -> None:
    for name, value in result.items():
        if isinstance(value, Mapping):
            _say(f"{indent}{name}")
            _print_fields(value, indent + "  ")
        elif isinstance(value, list) and value and isinstance(value[0], Mapping):
            _print_table(name, value)
        else:
            _say(f"{indent}{name:<24} {f'{value:.4f}' if isinstance(value, float) else value}")


def _note(text: str) -> None:
    """Of work under way; stdout is for results."""
    print(text, file=sys.stderr, flush=True)


def _say(text: str) -> None:
    print(text, flush=True)


def _wait_for_interrupt() -> None:
    import signal
    import threading

    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    signal.signal(signal.SIGINT, lambda *_: stop.set())
    stop.wait()


def main() -> None:
    code = _run()
    if "duckdb" in sys.modules:
        # DuckDB's binding complains about leaked references on a regular exit (nanobind), in words nobody can act on.
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


def hear_every_interrupt() -> None:
    """A Ctrl-C that arrives inside a finalizer (`__del__`) is printed there and lost: send it once more."""
    import signal
    import threading

    ignored = sys.unraisablehook

    def again(unraisable: Any) -> None:
        if not issubclass(unraisable.exc_type, KeyboardInterrupt):
            ignored(unraisable)
            return
        soon = threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT))  # when the finalizer is over
        soon.daemon = True
        soon.start()

    sys.unraisablehook = again


def _run() -> int:
    hear_every_interrupt()
    try:
        app(standalone_mode=True)
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else int(stop.code is not None)
        if code == INTERRUPTED:
            command = "the same command" + (" without --again" if "--again" in sys.argv else "")
            print(f"marquee: stopped; run {command} to go on where it was", file=sys.stderr)
        return code
    except MarqueeError as error:
        print(f"marquee: {error}", file=sys.stderr)
        return 2 if isinstance(error, HomeError) else 1
    return 0


if __name__ == "__main__":
    main()
