"""The command line: the verbs of every layer, and the demo that goes through all of them.

Heavy imports live inside the commands, so that `marquee --help` answers at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

import bento_services.cli
import feature_repo.cli
import monitoring.cli
import training.cli
from bento_services.cli import HttpPort
from feature_repo.cli import simulator_config
from feature_repo.core.command_line import Above, run
from feature_repo.core.home import Home
from feature_repo.core.options import EndOption, HomeOption
from feature_repo.core.settings import MARQUEE_HOME, preset
from feature_repo.core.terminal import bars, say
from monitoring.reports.steps import PAGE, REPORT

if TYPE_CHECKING:
    from feature_repo.registry import ModelInputs

EPILOG = """Examples:

  marquee demo --once

  marquee ingest movielens --path ml-1m --home worlds/ml1m

  marquee recommend u00042 -n 10 --explain"""


def read_by_champion(home: Home) -> ModelInputs | None:
    """The features that the promoted ranker reads, for `marquee features describe`."""
    from models.release.inputs import champion_inputs

    return champion_inputs(home)


app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    epilog=EPILOG,
    context_settings={"obj": Above(PAGE, read_by_champion)},
)
for verbs in (feature_repo.cli.app, training.cli.app, bento_services.cli.app, monitoring.cli.app):
    app.add_typer(verbs)


@app.callback()
def options(home: HomeOption = None) -> None:
    """Marquee decides what a video service shows on its home page."""
    preset(OMP_WAIT_POLICY="PASSIVE")  # before any library starts threads
    if home is not None:
        MARQUEE_HOME.set(str(home))


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
    from bento_services.process.demo import converse
    from feature_repo.core.steps import Making, Steps
    from feature_repo.ingest.new_world import simulation
    from training.cli import print_prepared
    from training.release.run import prepare_world

    opened = Home.open(home)
    config = simulator_config(opened, {"users": users, "videos": videos, "days": days, "end": end})
    steps = Steps(opened, say)
    with bars() as progress:
        promoted = prepare_world(Making(opened, progress), steps, simulation(config), PAGE, REPORT)
    print_prepared(steps, promoted)
    converse(opened, http_port, grpc_port, once)


def main() -> None:
    run(app)


if __name__ == "__main__":
    main()
