"""`marquee verify-page`: a page checked against its own certificate, without asking whoever sent it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from feature_repo.core.errors import Refused
from feature_repo.core.options import JsonOption
from feature_repo.core.strict_json import JsonError, parse
from feature_repo.core.terminal import print_table, say, show

app = typer.Typer()


@app.command(
    "verify-page",
    epilog="Examples:  marquee verify-page page.json   ·   "
    "curl -s localhost:8080/api/v1/recommendations/home | marquee verify-page - --json",
)
def verify_page(
    file: Annotated[str, typer.Argument(help="A page as it was sent, in JSON; -: standard input.", show_default=False)],
    as_json: JsonOption = False,
) -> None:
    """Check a page against its certificate, by the page's own fields. Status 3 if it is not as it says."""
    from bento_services.feed.certificate import verify

    called = "standard input" if file == "-" else file
    try:
        content = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
        page: Any = parse(content, called)
        faults = verify(page)
    except OSError as error:
        raise typer.BadParameter(f"{called}: {error.strerror or error}") from error
    except (JsonError, ValueError) as error:
        raise typer.BadParameter(f"{called}: {error}") from error
    if faults:
        raise Refused(f"{called}: the page is not as its certificate says: {'; '.join(faults)}")
    rules, relaxed = page["certificate"]["rules"], page["certificate"]["relaxed"]
    unchecked = [one for one in page["certificate"].get("not_on_page", []) if isinstance(one, str)]

    def table(_: Any) -> None:
        print_table("rules", [{"why": "", "cost": 0.0, **rule} for rule in rules])
        say(f"the page is as its certificate says; {', '.join(relaxed) or 'no rule'} had to give way")
        if unchecked:
            say(f"not checked, since the page does not show what it is about: {', '.join(unchecked)}")

    show({"true": True, "rules": rules, "relaxed": relaxed, "not_checked": unchecked}, as_json, table)
