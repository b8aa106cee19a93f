"""Options common to most verbs, and opening the home that a verb works on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from feature_repo.core.files import check_writable
from feature_repo.core.home import Home

HomeOption = Annotated[
    Path | None,
    typer.Option("--home", help="Directory of this world (else MARQUEE_HOME, else var/).", show_default=False),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as JSON on stdout.")]
EndOption = Annotated[
    str, typer.Option(help="Day before which the history ends and the world's clock goes on. Default: today.")
]


def existing(path: Path | None, *, to_write: bool = False) -> Home:
    """The home that a verb works on; raises HomeError where there is no world yet.

    `to_write`: also OSError now where nothing can be written, and not after minutes of work.
    """
    home = Home.open(path)
    home.world()
    if to_write:
        check_writable(home.root)
    return home
