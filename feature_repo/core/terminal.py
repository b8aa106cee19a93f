"""Terminal output of commands: results on stdout as text, tables or JSON; progress bars and notes on stderr.

Rich is imported only when something is drawn, which keeps importing this module cheap.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from feature_repo.core.files import plain
from feature_repo.core.progress import Advance

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress as Drawn

PIPE_WIDTH = 150


class Bars:
    """A Progress (feature_repo/core/progress.py) that draws bars on stderr."""

    def __init__(self, drawn: Drawn) -> None:
        self.drawn = drawn

    @contextmanager
    def task(self, label: str, total: int | None = None) -> Iterator[Advance]:
        bar = self.drawn.add_task(label, total=total)
        try:
            yield lambda steps: self.drawn.advance(bar, steps)
        finally:
            self.drawn.update(bar, visible=False)


@contextmanager
def bars() -> Iterator[Bars]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    drawing = Console(stderr=True)
    with Progress(*columns, console=drawing, transient=True, disable=not drawing.is_terminal) as drawn:
        yield Bars(drawn)


def show(result: Mapping[str, Any], as_json: bool, table: Callable[[Mapping[str, Any]], None] | None = None) -> None:
    """A command's result: as JSON, drawn by `table`, or field by field."""
    if as_json:
        print(json.dumps(result, indent=2, default=plain))
    elif table is not None:
        table(result)
    else:
        _print_fields(result)


def print_table(title: str, rows: Sequence[Mapping[str, Any]]) -> None:
    from rich.table import Table

    table = Table(title=title.replace("_", " "), title_justify="left")
    for column in rows[0] if rows else ():
        table.add_column(str(column))
    for row in rows:
        table.add_row(*map(_cell, row.values()))
    console().print(table)


def console() -> Console:
    """A console on stdout; of fixed width, enough for our tables, if that is a file or a pipe."""
    from rich.console import Console

    return Console() if sys.stdout.isatty() else Console(width=PIPE_WIDTH)


def say(text: str) -> None:
    print(text, flush=True)


def note(text: str) -> None:
    """Print a line about work in progress to stderr; stdout is for results."""
    print(text, file=sys.stderr, flush=True)


def _cell(value: Any) -> str:
    """A value as people write it, not as Python does."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:,.{0 if abs(value) >= 1000 else 4}f}"
    if isinstance(value, list | tuple | set | frozenset):
        return ", ".join(map(_cell, value))
    return "" if value is None else str(value)


def _print_fields(result: Mapping[str, Any], indent: str = "") -> None:
    for name, value in result.items():
        if isinstance(value, Mapping):
            say(f"{indent}{name}")
            _print_fields(value, indent + "  ")
        elif isinstance(value, list) and value and isinstance(value[0], Mapping):
            print_table(name, value)
        else:
            say(f"{indent}{name:<24} {_cell(value) or '–'}")
