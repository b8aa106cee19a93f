"""Tables of `make bench`, `bench-catalog` and `bench-serve` as records of docs/quality/, shown by docs/quality.md."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

from worlds.pace import seconds

from feature_repo.core.files import write_atomic
from feature_repo.core.revision import git_revision
from training.record.quality_page import PAGE, RECORDS, Record, assemble

RECORD = RECORDS / "80-bench-demo.md"
CATALOG_SIZE = RECORDS / "81-catalog_size-simulated.md"
SERVE = "82-serve-{videos}.md"
ONBOARDING = "33-onboarding-{world}.md"


def record(result: dict[str, Any]) -> None:
    write_atomic(RECORD, as_record(result).text())
    write_atomic(PAGE, assemble(RECORDS))


def record_catalog_size(table: Sequence[str]) -> None:
    """The Markdown lines that catalog_size.py prints."""
    about = (
        f"{machine()}; milliseconds and seconds are of the processor, of"
        " one thread, where they are not of the wall. Networks that nobody trained; viewers and titles are simulated."
    )
    made = Record(
        title="What a page costs by the size of the catalog",
        protocol="catalog_size",
        world="simulated",
        command="make bench-catalog",
        data=sha256("\n".join(row.split("|")[1] for row in table).encode()).hexdigest()[:12],  # of the sizes: simulated
        revision=git_revision() or "unknown",
        seeds="none",
        body="\n".join([about, "", *table]),
    )
    write_atomic(CATALOG_SIZE, made.text())
    write_atomic(PAGE, assemble(RECORDS))


def record_serve(world: str, videos: int, release_id: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """The rows of bench_serve.py: those of loads as a table, the others as a list below it."""
    loads, others = [row for row in rows if "errors" in row], [row for row in rows if "errors" not in row]
    columns = list(dict.fromkeys(name for row in loads for name in row))
    table = [f"| {' | '.join(columns)} |", "|" + "---|" * len(columns)]
    table += [f"| {' | '.join(str(row.get(name, '')) for name in columns)} |" for row in loads]
    below = ["- " + ", ".join(f"{name}: {value}" for name, value in row.items()) for row in others]
    about = (
        f"{machine()}; the service and all its processes on one core,"
        " the callers on the other. What bounds these figures is in docs/decisions/012-what-a-page-costs.md."
    )
    made = Record(
        title=f"Under few and many callers, {videos:,} videos",
        protocol="serve",
        world=world,
        command="make bench-serve",
        data=release_id.removeprefix("r-"),
        revision=git_revision() or "unknown",
        seeds="none",
        body="\n".join([about, "", *table, "", *below]),
    )
    write_atomic(RECORDS / SERVE.format(videos=videos), made.text())
    write_atomic(PAGE, assemble(RECORDS))


def record_onboarding(world: str, release_id: str, body: Sequence[str]) -> None:
    """The Markdown lines that onboarding.py prints."""
    made = Record(
        title=f"What five picks are worth to a newcomer, {world}",
        protocol="onboarding",
        world=world,
        command="make bench-onboarding",
        data=release_id.removeprefix("r-"),
        revision=git_revision() or "unknown",
        seeds="none",
        body="\n".join(body),
    )
    write_atomic(RECORDS / ONBOARDING.format(world=world), made.text())
    write_atomic(PAGE, assemble(RECORDS))


def machine() -> str:
    """What figures depend on, in words: machines of one kind may differ in speed several times from day to day."""
    cores, version = os.cpu_count(), platform.python_version()
    return f"{cores} cores, Python {version}, which adds a million numbers in {1e3 * seconds():.0f} ms"


def as_record(result: dict[str, Any]) -> Record:
    """The table as docs/quality.md shows it."""
    head = ["| part | figure | median | p99 | unit | bar |", "|---|---|---|---|---|---|"]
    rows = [f"| {' | '.join((figure['part'], *cells(figure)))} |" for figure in result["figures"]]
    about = f"{machine()}; bars are of the median / the p99."
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
