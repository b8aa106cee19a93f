"""The verbs of releases: make, promote, roll back, list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer

from feature_repo.core.home import Home
from feature_repo.core.options import HomeOption, JsonOption, existing, refuse_unused
from feature_repo.core.settings import read
from feature_repo.core.terminal import bars, note, show
from feature_repo.schema import RANK_SERVICE
from models.release.config import PROMOTION
from models.release.store import release_named
from training.release.shown import (
    print_plan,
    print_pointers,
    print_promotion,
    print_release,
    print_releases,
    refuse_unless_promoted,
)

ForceOption = Annotated[
    bool, typer.Option("--force", help="Promote although a gate fails; recorded in the history of releases.")
]
AcceptOption = Annotated[
    list[str] | None,
    typer.Option(
        "--accept", help="A gate, or a kind of gates, that may go unmeasured; repeatable.", show_default=False
    ),
]

app = typer.Typer()


@app.command(
    epilog="Examples:  marquee promote   ·   marquee promote --rollback   ·   marquee promote r-0123456789ab   ·   "
    "marquee promote --accept 'against the champion'"
)
def promote(
    release: Annotated[
        str | None,
        typer.Argument(help="A release of `marquee releases`; else one is made of the models.", show_default=False),
    ] = None,
    rollback: Annotated[bool, typer.Option("--rollback", help="Go back to the previous release instead.")] = False,
    force: ForceOption = False,
    accept: AcceptOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a release the champion. It must build pages for edge-case viewers on every rung, then pass its gates.

    For a rollback, and a release that served before, only the pages are checked again. Exits with 3 if the release is
    refused; the champion then stays the same.
    """
    from training.release import champion

    opened = existing(home, to_write=True)
    if rollback and (release or force or accept):
        raise typer.BadParameter("stands alone", param_hint="--rollback")
    _check_gates(accept)
    config = read(PROMOTION, opened.root, force=force or None)
    given = [release] if release else ["--rollback"] if rollback else []
    command = " ".join(["marquee promote", *given, *_told(force, accept)])
    chosen = release_named(opened, release) if release else None
    if rollback:
        _say_moved(opened, champion.rollback(opened, config, command), as_json)
        return
    if chosen and champion.served_before(opened, chosen):
        _say_moved(opened, champion.serve_again(opened, chosen, config, command), as_json)
        return
    from feature_repo.lake.history import require_tables
    from training.release.promote import judge_and_move
    from training.release.promote import promote as make_and_promote

    require_tables(opened, RANK_SERVICE)  # its gates ask questions of them, after all else

    with bars() as progress:
        if chosen:
            path = opened.releases / chosen
            result = judge_and_move(opened, path, config, progress, accept or (), command)
        else:
            result = make_and_promote(opened, config, progress, accept or (), command)
    show(result, as_json, table=print_promotion)
    refuse_unless_promoted(result)


def _say_moved(opened: Home, moved: Mapping[str, Any], as_json: bool) -> None:
    """Say that the pointer has moved before MLflow is told, which takes longer."""
    if not as_json:
        print_pointers(moved)
    from training.release.record import in_mlflow

    recorded = in_mlflow(opened)
    if as_json:
        show({**moved, **recorded}, as_json)
    elif recorded["mlflow_problem"]:
        note(f"marquee: warning: {recorded['mlflow_problem']}; the champion has changed all the same")


def _told(force: bool, accept: Sequence[str] | None) -> list[str]:
    return [*(["--force"] if force else []), *(f"--accept '{gate}'" for gate in accept or ())]


def _check_gates(accept: Sequence[str] | None) -> None:
    """Raises typer.BadParameter for a gate that there is not."""
    if not accept:
        return
    from training.release.gates import KINDS, NAMES

    if unknown := [gate for gate in accept if gate not in (*NAMES, *KINDS)]:
        known = "; ".join((*KINDS, *NAMES))
        raise typer.BadParameter(
            f"expected a gate or a kind of gates ({known}), found {unknown[0]}", param_hint="--accept"
        )


@app.command(epilog="Examples:  marquee releases   ·   marquee releases --json")
def releases(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """List the releases of a home with their history and figures."""
    from training.release.listing import listing

    show(listing(existing(home)), as_json, table=print_releases)


@app.command(epilog="Examples:  marquee release   ·   marquee release --again --json   ·   marquee release --quick")
def release(
    context: typer.Context,
    resume: Annotated[
        bool, typer.Option("--resume/--again", help="Skip steps whose inputs have not changed, or run all of them.")
    ] = True,
    force: ForceOption = False,
    accept: AcceptOption = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="At most so many epochs of the two-tower model.")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of initialization and shuffling.")] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Train small models on samples: minutes, not hours, for a large catalog.")
    ] = False,
    untrained: Annotated[
        bool,
        typer.Option(
            "--untrained",
            help="Train nothing: pages of what is popular, new and alike, at once. Also without it, where nobody has "
            "watched anything.",
        ),
    ] = False,
    only_plan: Annotated[
        bool, typer.Option("--plan", help="Show which steps would run and why, without running or changing anything.")
    ] = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a release, from data to champion: features, models, evaluation, gates, promotion, report.

    Steps whose inputs have not changed are skipped: a stopped run continues where it stopped. Exits with 3 when a gate
    fails; the champion then stays the same.
    """
    from feature_repo.core.plan import plan
    from feature_repo.core.steps import StepContext, Steps
    from training.release.run import RELEASE, make_release

    opened, page = existing(home, to_write=not only_plan), context.obj.page
    _check_gates(accept)
    if untrained:
        refuse_unused(
            context, ("accept", "epochs", "seed", "quick", "only_plan"), "with --untrained, which trains nothing"
        )
    chosen = [f"--{name}" for name, is_so in (("quick", quick), ("untrained", untrained)) if is_so]
    typed = " ".join(["marquee release", *chosen, *_told(force, accept)])
    options: dict[str, Any] = {"force": force, "accept": accept, "epochs": epochs, "seed": seed, "quick": quick}
    options |= {"untrained": untrained, "command": typed}
    every = (*RELEASE, page)
    steps = Steps(opened, note, () if resume else [step.name for step in every])
    if only_plan:
        planned = plan(every, StepContext(opened, options=options), steps, again=not resume)
        show({"steps": [one.to_json() for one in planned]}, as_json, table=print_plan)
        return
    with bars() as progress:
        result = make_release(StepContext(opened, progress, options), steps, page)
    show(result, as_json, table=print_release)
    refuse_unless_promoted(result)
