"""The verbs of training: train and evaluate models, measure policies, score rows."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from feature_repo.core.home import Home
from feature_repo.core.options import HomeOption, JsonOption, existing, refuse_unused
from feature_repo.core.terminal import bars, print_table, say, show
from feature_repo.schema import RANK_SERVICE
from training import cli_index, cli_releases
from training.release.shown import refuse_unless_promoted

if TYPE_CHECKING:
    from feature_repo.core.steps import Steps

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

app = typer.Typer()
app.add_typer(cli_releases.app)
app.add_typer(cli_index.app, name="index", help="The retrieval index of the champion: its state, and a rebuild.")


@app.command(epilog="Examples:  marquee train   ·   marquee train ranker   ·   marquee train two-tower --epochs 12")
def train(
    context: typer.Context,
    model: Annotated[str | None, typer.Argument(help="two-tower or ranker; default: both, in that order.")] = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="Most epochs of the two-tower model.")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of initialization and shuffling.")] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Train the two-tower model and the ranker. Resumes where a stopped run left off."""
    if model not in (None, "two-tower", "ranker"):
        raise typer.BadParameter(f"expected two-tower or ranker, found {model}", param_hint="MODEL")
    from feature_repo.core.steps import StepContext, Steps
    from feature_repo.lake.history import require_tables
    from training.release.run import RANKER, TWO_TOWER

    if model == "ranker":
        refuse_unused(context, ("epochs",), "for the ranker: it bounds the two-tower model")
    opened = existing(home, to_write=True)
    if model != "two-tower":
        require_tables(opened, RANK_SERVICE)
    chosen = [step for step in (TWO_TOWER, RANKER) if model in (None, step.name)]
    steps = Steps(opened, again=[step.name for step in chosen])  # the record lets `marquee release` skip the step
    with bars() as progress:
        step_context = StepContext(opened, progress, {"epochs": epochs, "seed": seed})
        result = {step.name.replace("-", "_"): steps.take(step, step_context) for step in chosen}
    show(result, as_json)


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
    """Measure the models against baselines, on the held-out last window or by a protocol file."""
    opened = existing(home, to_write=True)
    if protocol is not None:
        _evaluate_protocol(opened, protocol, seeds, models, home, as_json)
        return
    if seeds or models:
        raise typer.BadParameter("given without --protocol", param_hint="--seeds" if seeds else "--models")
    from training.release.evaluate import evaluate as run

    with bars() as progress:
        evaluation = run(opened, progress)
    show(evaluation.to_json(), as_json, table=print_evaluation)


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
    show(results.to_json(), as_json, table=lambda _: print_table(results.protocol, results.shown()))
    if not as_json:
        say(f"{results.question}\nrecorded in {quality_directory(opened, results.protocol)}: results.json, results.md")


@app.command(epilog="Example:  marquee frontier --home worlds/ml1m   (prints where the curves were drawn)")
def frontier(
    protocol: Annotated[
        str, typer.Option(help="What to sweep: a file of training/configs by its name, or a path.")
    ] = "diversity",
    seeds: Annotated[str | None, typer.Option(help="Fit a model for each, as 0,1,2. Default: the home's own.")] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Measure the cost of diversity and choose a trade-off for the next release. Curves for MMR, max-sum, DPP."""
    from training.judge.protocols.diversity import frontier as run
    from training.judge.protocols.reading import read_protocol

    opened, command = existing(home, to_write=True), f"marquee frontier --protocol {protocol}"
    declared = read_protocol(protocol)
    if seeds:
        declared, command = declared | {"seeds": _seeds(seeds)}, f"{command} --seeds {seeds}"
    with bars() as progress:
        result = run(opened, declared, command, progress)
    show(result, as_json)


@app.command(
    epilog="Example:  marquee score --rows week.parquet --out scored.parquet --as-of 2022-05-01T00:00:00+08:00"
)
def score(
    rows: Annotated[
        Path,
        typer.Option(
            "--rows",
            exists=True,
            dir_okay=False,
            help="Parquet: user_id, item_id, timestamp; surface, device, duration.",
        ),
    ],
    out: Annotated[Path, typer.Option("--out", help="Parquet to write: the rows with one column per head, and score.")],
    as_of: Annotated[
        str | None,
        typer.Option(
            "--as-of",
            help="Freeze features at this time (ISO or epoch number). Default: the end of the lake, or the first row "
            "if that is earlier.",
            show_default=False,
        ),
    ] = None,
    release: Annotated[str | None, typer.Option("--release", help="A release id; default: the champion.")] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Score given rows with the release's ranker. Rows and order are kept; unknown ids are scored as new ones."""
    from training.judge.score import score_file

    with bars() as progress:
        result = score_file(existing(home, to_write=True), rows, out, as_of, release, progress)
    show(result, as_json)


@app.command("off-policy", epilog="Example:  marquee off-policy   ·   marquee off-policy --open-bandit DIR")
def off_policy(
    synthetic: Annotated[bool, typer.Option("--synthetic", help="Test on simulated logs with a known truth.")] = False,
    bandit: Annotated[
        Path | None,
        typer.Option("--open-bandit", exists=True, file_okay=False, help="Test on Open Bandit's two policies."),
    ] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Estimate the value of another policy with IPS, SNIPS and DR: from this home's log, or against known truths."""
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
            results = ope_protocol.on_own_log(existing(home, to_write=True), "marquee off-policy", progress)
    show(results.to_json(), as_json, table=lambda _: print_table(results.question, ope_protocol.shown(results)))


def print_evaluation(result: Mapping[str, Any]) -> None:
    """The columns that fit a terminal; the file and --json have all."""
    for name, rows in result["tables"].items():
        shown = SHOWN_FIGURES.get(name, tuple(rows[0]))
        print_table(name, [{figure: row[figure] for figure in shown if figure in row} for row in rows])


def print_prepared(steps: Steps, promoted: Mapping[str, Any]) -> None:
    """What `marquee demo` prints about the release it is about to serve."""
    refuse_unless_promoted(promoted)
    evaluation = steps.done("evaluate")
    print_evaluation(evaluation.result if evaluation else {"tables": {}})
    passed = sum(gate["passed"] for gate in promoted["gates"])
    unmeasured = sum(not gate.get("measured", True) for gate in promoted["gates"])
    summary = f"{passed} gates passed" + (f", {unmeasured} not measured" if unmeasured else "")
    say(f"release {promoted['release_id']} is the champion; {summary}")
