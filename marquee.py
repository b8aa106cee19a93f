"""The command line: the verbs of every layer, and the demo that goes through all of them.

Heavy imports live inside the commands, for a fast `--help`. Importing this module imports nothing of Marquee: where it
is installed, `bentoml serve marquee:TAG` does that before it looks for the sources that the Bento holds.
"""

from functools import cache
from typing import Annotated, Any

import typer

EPILOG = """Examples:

  marquee demo --once

  marquee ingest movielens --path ml-1m --home worlds/ml1m

  marquee recommend u00042 -n 10 --explain

Exit status: 0 done, 1 failed, 2 wrong usage or no such home, 3 refused by a gate, 4 a dependency is down,
130 stopped by Ctrl-C."""


@cache
def command_line() -> typer.Typer:
    """The command line: the verbs of each layer, and the demo."""
    import bento_services.cli
    import feature_repo.cli
    import monitoring.cli
    import training.cli
    from feature_repo.core import job_log
    from feature_repo.core.command_line import UpperLayers
    from feature_repo.core.home import Home
    from feature_repo.core.options import HomeOption, let_go
    from feature_repo.core.settings import MARQUEE_HOME, preset, variables_of_tables
    from monitoring.reports.steps import PAGE

    def read_by_champion(home: Home) -> Any:
        """The inputs of the champion's ranker, for `marquee features describe`."""
        from models.release.inputs import champion_inputs

        return champion_inputs(home)

    app = typer.Typer(
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        epilog=EPILOG,
        context_settings={"obj": UpperLayers(PAGE, read_by_champion)},
    )
    for verbs in (feature_repo.cli.app, training.cli.app, bento_services.cli.app, monitoring.cli.app):
        app.add_typer(verbs)

    @app.callback()
    def options(
        context: typer.Context,
        home: HomeOption = None,
        version: Annotated[
            bool, typer.Option("--version", is_eager=True, callback=_print_version, help="Print the version and exit.")
        ] = False,
    ) -> None:
        """Marquee decides what a video service shows on its home page."""
        context.call_on_close(let_go)
        job_log.named(context.invoked_subcommand or "")
        preset(OMP_WAIT_POLICY="PASSIVE")  # before any library starts threads
        if home is not None:
            MARQUEE_HOME.set(str(home))
        if names := variables_of_tables():  # most runs have none, and import no settings for this
            from monitoring.settings import refuse_unknown

            refuse_unknown(names)

    _add_demo(app)
    return app


def _print_version(asked: bool) -> None:
    if asked:
        from feature_repo.core.revision import version

        print(version())
        raise typer.Exit


def _add_demo(app: typer.Typer) -> None:
    from bento_services.cli import HttpPort
    from feature_repo.core.options import EndOption, HomeOption
    from feature_repo.ingest_cli import ReplaceOption

    @app.command(
        epilog="Examples:  marquee demo   ·   marquee demo --once   ·   marquee demo --users 300 --videos 300 --once"
    )
    def demo(
        once: Annotated[bool, typer.Option("--once", help="Stop everything at the end instead of staying up.")] = False,
        users: Annotated[int | None, typer.Option(min=50, help="Viewers to simulate.")] = None,
        videos: Annotated[int | None, typer.Option(min=100, help="Videos to simulate.")] = None,
        days: Annotated[int | None, typer.Option(min=10, help="Days to simulate.")] = None,
        end: EndOption = "",
        replace: ReplaceOption = False,
        http_port: HttpPort = 8080,
        grpc_port: HttpPort = 8081,
        home: HomeOption = None,
    ) -> None:
        """From nothing to a personal home page: simulate, train, evaluate, promote, report, serve."""
        from monitoring.demo import demonstrate

        size = {"users": users, "videos": videos, "days": days, "end": end}
        demonstrate(home, size, replace, http_port, grpc_port, once)


def main() -> None:
    from feature_repo.core.command_line import run

    run(lambda: command_line()())


def __getattr__(name: str) -> Any:
    """`app`, the command line as typer has it, made when it is first asked for."""
    if name != "app":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return command_line()


if __name__ == "__main__":
    main()
