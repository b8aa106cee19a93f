"""The verbs that bring data in: `marquee ingest movielens | kuairand | table | suggest`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from feature_repo.core.home import Home
from feature_repo.core.options import HomeOption, JsonOption, existing, refuse_unused
from feature_repo.core.terminal import bars, note, print_table, say, show

if TYPE_CHECKING:
    from feature_repo.ingest.new_world import IngestOptions

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Bring a data set into the lake.")

ReplaceOption = Annotated[
    bool,
    typer.Option(
        "--replace", help="Replace another world; its models, releases, reports and online state are deleted."
    ),
]
SetAsideOption = Annotated[
    bool,
    typer.Option("--set-aside", help="Write invalid rows to HOME/rejected, with the reason, and ingest the others."),
]
MaxRejectedOption = Annotated[
    str,
    typer.Option(help="With --set-aside: fail above this many rejected rows, or this share of a file (1%)."),
]


PathOption = Annotated[Path, typer.Option("--path", exists=True, file_okay=False, help="Directory of the data set.")]


@app.command(
    "movielens",
    epilog="Examples:  marquee ingest movielens --path ml-1m --home worlds/ml1m   ·   "
    "marquee ingest movielens --path mine --set-aside --max-rejected 0.5% --replace --json",
)
def ingest_movielens(
    path: PathOption,
    set_aside: SetAsideOption = False,
    max_rejected: MaxRejectedOption = "",
    replace: ReplaceOption = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Read MovieLens: `ratings.dat`, `users.dat`, `movies.dat`, or the CSV files of the newer sets."""
    from feature_repo.ingest import movielens

    ingest_options = _ingest_options(set_aside, max_rejected, replace)
    with bars() as progress:
        show(movielens.ingest(Home.open(home), path, progress, ingest_options), as_json)


@app.command(
    "kuairand",
    epilog="Examples:  marquee ingest kuairand --path kuairand-pure --home worlds/kuairand   ·   "
    "marquee ingest kuairand --path mine --set-aside --max-rejected 100",
)
def ingest_kuairand(
    path: PathOption,
    set_aside: SetAsideOption = False,
    max_rejected: MaxRejectedOption = "",
    replace: ReplaceOption = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Read KuaiRand: exposures with clicks, likes and watch time."""
    from feature_repo.ingest import kuairand

    ingest_options = _ingest_options(set_aside, max_rejected, replace)
    with bars() as progress:
        show(kuairand.ingest(Home.open(home), path, progress, ingest_options), as_json)


@app.command(
    "table",
    epilog="Examples:  marquee ingest table --mapping map.toml --home worlds/ours   ·   "
    "marquee ingest table --mapping map.toml --append --set-aside --max-rejected 1% --json",
)
def ingest_table(
    context: typer.Context,
    mapping: Annotated[
        Path, typer.Option(exists=True, dir_okay=False, help="The mapping file; `marquee ingest suggest` writes one.")
    ],
    append: Annotated[
        bool, typer.Option("--append", help="Add what is new to the world that is there, also while it is served.")
    ] = False,
    set_aside: SetAsideOption = False,
    max_rejected: MaxRejectedOption = "",
    replace: ReplaceOption = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Read your own tables by a mapping file: CSV, JSON lines and Parquet of videos, viewers, events, impressions."""
    if append:
        refuse_unused(context, ("replace",), "with --append, which replaces nothing")
    ingest_options = _ingest_options(set_aside, max_rejected, replace)
    if append:
        from feature_repo.ingest.table.append import append as add

        opened = existing(home, to_write=True)
        with bars() as progress:
            show(add(opened, mapping, progress, ingest_options), as_json)
        return
    from feature_repo.ingest.table.world import ingest

    with bars() as progress:
        show(ingest(Home.open(home), mapping, progress, ingest_options), as_json)


@app.command(
    "suggest",
    epilog="Examples:  marquee ingest suggest exports   ·   marquee ingest suggest exports --out map.toml --force",
)
def suggest(
    directory: Annotated[
        Path, typer.Argument(exists=True, file_okay=False, help="Where the files lie.", show_default=False)
    ],
    out: Annotated[Path | None, typer.Option(help="The mapping file. Default: DIRECTORY/map.toml.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Write over a mapping file that is there.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Look at the files of a directory and write a mapping for them. Says what is unsure, and shows ten mapped rows."""
    from feature_repo.ingest.table.suggest.mapping_file import suggested

    with bars() as progress:
        found = suggested(directory, out or directory / "map.toml", force, progress)
    for line in found["unsure"]:
        note(f"marquee: unsure: {line}")

    def tables(result: Mapping[str, Any]) -> None:
        for table, rows in result["rows"].items():
            print_table(table, rows)
        say(f"wrote {result['mapping']}: {len(result['unsure'])} lines in it are marked with CHECK; then")
        say(f"marquee ingest table --mapping {result['mapping']}")

    show(found, as_json, tables)


def _ingest_options(set_aside: bool, max_rejected: str, replace: bool) -> IngestOptions:
    from feature_repo.ingest.new_world import IngestOptions
    from feature_repo.ingest.rejected import MaxRejected

    if max_rejected and not set_aside:
        raise typer.BadParameter("only works with --set-aside", param_hint="--max-rejected")
    try:
        most = MaxRejected.parse(max_rejected) if max_rejected else MaxRejected()
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--max-rejected") from error
    return IngestOptions(replace, set_aside, most)
