"""The verbs about people: `marquee viewers erase | export | personal | tagged`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from feature_repo.core.options import HomeOption, JsonOption, existing
from feature_repo.core.terminal import note, print_table, say, show
from feature_repo.limits import LimitError, check

app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="Viewers: what is known of one, given out or erased everywhere."
)


def _id(text: str) -> str:
    try:
        return str(check("events", "user_id", text, called="ID"))
    except LimitError as error:
        raise typer.BadParameter(str(error)) from error


IdArgument = Annotated[str, typer.Argument(help="The viewer's id, or a session's.", show_default=False, parser=_id)]
YesOption = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


@app.command("erase", epilog="Examples:  marquee viewers erase u00042   ·   marquee viewers erase u00042 --yes --json")
def erase(user_id: IdArgument, yes: YesOption = False, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Erase a viewer everywhere: store, log, lake, features, files. Prints a receipt, which the home keeps."""
    from feature_repo.people.erase import erase as erased
    from feature_repo.store.valkey_server import online_store

    opened = existing(home, to_write=True)
    if not yes:
        typer.confirm(
            f"Erase everything that {opened.root} holds of {user_id}? It cannot be taken back", abort=True, err=True
        )
    with online_store(opened) as url:
        receipt = erased(opened, url, user_id, note).to_json()
    _show(receipt, as_json)


@app.command("export", epilog="Example:  marquee viewers export u00042 --json > u00042.json")
def export(user_id: IdArgument, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Print everything that is known of a viewer, by the part that holds it."""
    from feature_repo.people.erase import export as exported
    from feature_repo.store.valkey_server import online_store

    opened = existing(home)
    with online_store(opened) as url:
        found = exported(opened, url, user_id)
    show(found, as_json, table=_print_export)


@app.command(
    "personal",
    epilog="Examples:  marquee viewers personal u00042 --off --yes   ·   marquee viewers personal u00042 --on",
)
def personal(
    user_id: IdArgument,
    on: Annotated[bool, typer.Option("--on/--off", help="Whether this viewer wants personal pages.")] = True,
    yes: YesOption = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Note whether a viewer wants personal pages. Off erases the viewer, and keeps nothing from then on."""
    from feature_repo.people import erase as people
    from feature_repo.store.valkey_server import online_store

    opened = existing(home, to_write=True)
    if not (on or yes):
        typer.confirm(f"Erase {user_id} and keep nothing from now on?", abort=True, err=True)
    with online_store(opened) as url:
        if not on:
            receipt = people.refuse(opened, url, user_id).to_json()
            changed = receipt["removed"] > 0
            show({"personal_pages": False, "changed": changed, "erasure": receipt}, as_json, table=_print_refused)
            _note_of(receipt)
            return
        agreed = people.agree(opened, url, user_id)
        show({"personal_pages": True, "changed": agreed, "erasure": None}, as_json)


@app.command("tagged", epilog="Examples:  marquee viewers tagged   ·   marquee viewers tagged --json")
def tagged(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """List viewers whose events count for nobody else: bots and floods, with the reason, as of the last cut."""
    from feature_repo.ingest.tables import utc_day
    from feature_repo.lake.cut import last_cut
    from feature_repo.lake.taken import Taken

    opened = existing(home)
    if (taken := Taken.of(opened.cut)) is None:
        note("marquee: note: nobody was judged yet: run `marquee features`")
    rows = last_cut(opened).tagged().to_pylist()
    viewers = [{"since": utc_day(row.pop("since_us")), **row} for row in rows]
    show({"by_reason": dict(taken.tagged) if taken else {}, "viewers": viewers}, as_json, table=_print_tagged)


def _print_tagged(found: Mapping[str, Any]) -> None:
    rows = [
        {
            "viewer": one["user_id"],
            "reason": one["reason"],
            "found": f"{one['found']:,.0f} (at most {one['most']:,.0f})",
            "days": f"{one['days']:,} since {one['since']}",
            "events": f"{one['events']:,}",
        }
        for one in found["viewers"]
    ]
    if rows:
        print_table("tagged viewers", rows)
    say(", ".join(f"{reason}: {count:,}" for reason, count in found["by_reason"].items()) or "nobody is tagged")


def _show(receipt: dict[str, Any], as_json: bool) -> None:
    show(receipt, as_json, table=_print_receipt)
    _note_of(receipt)


def _print_refused(found: Mapping[str, Any]) -> None:
    _print_receipt(found["erasure"])


def _note_of(receipt: Mapping[str, Any]) -> None:
    if not receipt["known"]:
        note("marquee: note: nothing was known of this viewer")
    for holder in receipt["holders"]:
        if holder["why"]:
            note(f"marquee: note: {holder['name']}: {holder['why']}")


def _print_receipt(receipt: Mapping[str, Any]) -> None:
    rows = [
        {
            "holder": one["name"],
            "removed": ", ".join(f"{kind} {count:,}" for kind, count in one["removed"].items()) or "nothing",
            "left": ", ".join(one["left"]) or "nothing",
        }
        for one in receipt["holders"]
    ]
    print_table(f"receipt {receipt['receipt_id']} of {receipt['viewer']}", rows)
    say(f"removed {receipt['removed']:,}, left {receipt['left']:,}; kept in {Path('people', 'receipts')}")


def _print_export(found: Mapping[str, Any]) -> None:
    for name, content in found["holders"].items():
        say(f"{name}\n{json.dumps(content, indent=2, default=str)}")
    if not found["holders"]:
        say("nothing is known of this viewer")
