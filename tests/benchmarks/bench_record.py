"""The table of `make bench` as a record of docs/quality/, which docs/quality.md shows."""

from __future__ import annotations

from typing import Any

from feature_repo.core.files import write_atomic
from feature_repo.core.revision import git_revision
from training.record.quality_page import PAGE, RECORDS, Record, assemble

RECORD = RECORDS / "80-bench-demo.md"


def record(result: dict[str, Any]) -> None:
    write_atomic(RECORD, as_record(result).text())
    write_atomic(PAGE, assemble(RECORDS))


def as_record(result: dict[str, Any]) -> Record:
    """The table as docs/quality.md shows it."""
    machine = result["machine"]
    head = ["| part | figure | median | p99 | unit | bar |", "|---|---|---|---|---|---|"]
    rows = [f"| {' | '.join((figure['part'], *cells(figure)))} |" for figure in result["figures"]]
    about = f"{machine['cores']} cores, Python {machine['python']}; bars are of the median / the p99."
    return Record(
        title="What it costs",
        protocol="bench",
        world=result["world"],
        command="make bench",
        data=result["release"].removeprefix("r-"),  # the id of a release is a hash of what it is made of
        revision=git_revision() or "unknown",
        seeds="none",
        body="\n".join([about, "", *head, *rows]),
    )


def cells(figure: dict[str, Any]) -> tuple[str, str, str, str, str]:
    """Name, median, p99, unit and bar, as both tables show them."""
    p99 = "" if figure["p99"] is None else number(figure["p99"])
    return figure["name"], number(figure["value"]), p99, figure["unit"], _bar(figure)


def _bar(figure: dict[str, Any]) -> str:
    if figure["met"] is None:
        return ""
    bars = [figure["median_at_most"], figure["at_most"]]
    said = " / ".join(
        f"{bar:,.6g}" if bar is not None else "–" for bar in (bars if figure["p99"] is not None else bars[1:])
    )
    return f"≤ {said} {'✓' if figure['met'] else '✗'}"


def number(value: float) -> str:
    return f"{value:,.2f}" if value < 100 else f"{value:,.0f}"
