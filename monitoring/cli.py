"""The verbs that say how things stand: reports, and what this home holds."""

from __future__ import annotations

import typer

from feature_repo.core.options import HomeOption, JsonOption, existing
from feature_repo.core.terminal import bars, show

app = typer.Typer()


@app.command(epilog="Example:  marquee report && xdg-open var/reports/index.html")
def report(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Write drift and quality reports as HTML. Features, embeddings, recommendations."""
    from monitoring.reports.report import write_reports

    with bars() as progress:
        show(write_reports(existing(home), progress), as_json)


@app.command(epilog="Example:  marquee status --json")
def status(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Say what this home holds. World, counts, champion release, what is running."""
    from monitoring.status import status_of

    show(status_of(existing(home)), as_json)
