"""Options that most verbs share, and opening the home that a verb works on."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from feature_repo.core import job_log
from feature_repo.core.errors import HomeError
from feature_repo.core.files import check_writable
from feature_repo.core.home import Home
from feature_repo.core.settings import MARQUEE_HOME
from feature_repo.core.world_swap import keeping

HomeOption = Annotated[
    Path | None,
    typer.Option("--home", help="Directory of this world (else MARQUEE_HOME, else var/).", show_default=False),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as JSON on stdout.")]
EndOption = Annotated[
    str, typer.Option(help="The history ends before this day, and the world's clock starts there. Default: today.")
]


_kept = ExitStack()  # locks on the worlds that this process works on


def refuse_unused(context: typer.Context, names: Sequence[str], why: str) -> None:
    """Raises BadParameter for the first of these options that was given although it has no effect; `why` says when."""
    for name in names:
        source = context.get_parameter_source(name)
        if source is not None and source.name == "COMMANDLINE":
            declared = next(option for option in context.command.params if option.name == name)
            raise typer.BadParameter(f"has no effect {why}", param_hint=" / ".join(declared.opts))


def named(path: Path | None) -> Home:
    """The home of a verb that needs no world; raises HomeError for a named one that does not exist."""
    home = Home.open(path)
    if (path is not None or MARQUEE_HOME.get() != MARQUEE_HOME.default) and not home.root.is_dir():
        raise HomeError(f"no home at {home.root}: expected a directory, such as `marquee simulate --home DIR` creates")
    return home


def existing(path: Path | None, *, to_write: bool = False) -> Home:
    """The home that a verb works on; raises HomeError if it has no world yet.

    `to_write`: also raises OSError if it is not writable, now rather than after minutes of work, and keeps other worlds
    out of the home until the verb has ended. Raises WorldBusy while one is being installed.
    """
    home = Home.open(path)
    home.world()
    if to_write:
        check_writable(home.root)
        _kept.enter_context(keeping(home.root))
        home.world()  # the one that was there before may have gone since
        job_log.begin(home)
    return home


def let_go() -> None:
    """When a verb has ended: other worlds may come into the home that it worked on."""
    _kept.close()
