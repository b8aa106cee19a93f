"""docs/quality.md, assembled from one record per table and never edited by hand.

    python -m training.record.quality_page --home var/quality/ml1m     copy this home's records, then write the page
    python -m training.record.quality_page                             write the page again from docs/quality/

A record is a file of docs/quality/: a head of `name: value` lines between two `---`, then Markdown, copied from
HOME/quality/PROTOCOL/results.md. `marquee evaluate` with --seeds or --models gives a partial result, which replaces no
record. What a record says below the line `### Notes` was written by people, and stays when its figures are replaced.
"""

from __future__ import annotations

import argparse
import json
import re
from dataclasses import dataclass
from pathlib import Path

from feature_repo.core.errors import MarqueeError
from feature_repo.core.files import write_atomic
from feature_repo.core.home import Home

ROOT = Path(__file__).resolve().parents[2]
RECORDS, PAGE = ROOT / "docs" / "quality", ROOT / "docs" / "quality.md"
TRADE_OFF = r"-\d\.\d+"  # in the name of a point of a curve
MOST_LINES = 60
NOTES = "\n### Notes\n"
HEAD = """# How good

<!-- Made by `python -m training.record.quality_page` from docs/quality/. Do not edit: `make quality-*` writes it. -->

Every figure has a protocol in `training/configs`, ranks over the full catalog, chooses on validation only and is
printed by one command. `HOME/quality/<protocol>/results.{json,md}` keeps every seed, what each grid gave, paired
bootstrap intervals over viewers, the hash of the data and the revision of the code; MLflow has them as well.

Below each title stands what made its table. The `make quality-*` target named there puts it into `docs/quality/`; what
stands below its Notes was written by people.
"""


@dataclass(frozen=True)
class Record:
    """One table with what made it."""

    title: str
    protocol: str
    world: str
    command: str
    data: str  # hash
    revision: str  # of the code, one or several
    seeds: str
    body: str

    def text(self) -> str:
        fields = (f"{name}: {getattr(self, name)}" for name in HEAD_FIELDS)
        return "---\n" + "\n".join(fields) + "\n---\n\n" + self.body.strip() + "\n"

    def section(self) -> str:
        made = f"`{self.command}` · data {self.data} · revision {self.revision} · seeds {self.seeds}"
        return f"## {self.title}\n\n{made}\n\n{self.body.strip()}\n"


HEAD_FIELDS = tuple(name for name in Record.__dataclass_fields__ if name != "body")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--home", type=Path, help="take the results that were recorded here first")
    home: Path | None = parser.parse_args().home
    for line in take(Home.open(home), RECORDS) if home else []:
        print(line)
    write_atomic(PAGE, assemble(RECORDS))


def assemble(records: Path) -> str:
    """The whole page, records in the order of their file names."""
    sections = [read_record(file).section() for file in sorted(records.glob("*.md"))]
    return "\n".join([HEAD, *sections])


def read_record(file: Path) -> Record:
    """Raises MarqueeError where the head lacks a field."""
    _, head, body = file.read_text().split("---\n", 2) if file.read_text().startswith("---\n") else ("", "", "")
    fields = dict(line.split(": ", 1) for line in head.splitlines())
    missing = [name for name in HEAD_FIELDS if not fields.get(name, "").strip()]
    if missing:
        raise MarqueeError(f"{file}: expected a head with {', '.join(HEAD_FIELDS)}; missing: {missing}")
    return Record(**{name: fields[name] for name in HEAD_FIELDS}, body=body)


def take(home: Home, records: Path) -> list[str]:
    """Copy every complete result of the home into its record; returns one line about each.

    A record is found by protocol and world; a new one goes to the end of the page.
    """
    world = home.world().name if (home.root / "world.json").exists() else "none"
    known = {(record.protocol, record.world): file for file, record in _all(records)}
    done = []
    for results in sorted((home.root / "quality").glob("*/results.json")):
        content = json.loads(results.read_text())
        if _partial(content["command"]):
            done.append(f"{content['protocol']}: left out, a part only ({content['command']})")
            continue
        file = known.get((content["protocol"], world), records / f"90-{content['protocol']}-{world}.md")
        title, notes = f"{content['protocol']}, {world}", ""
        if file.exists():
            earlier = read_record(file)
            title, notes = earlier.title, "".join(earlier.body.partition(NOTES)[1:])
        record = Record(
            title=title,
            protocol=content["protocol"],
            world=world,
            command=content["command"],
            data=content["data_hash"][:16],
            revision=" ".join(sorted({run["revision"] for run in content["runs"]})) or content["revision"] or "unknown",
            seeds=str(len({run["seed"] for run in content["runs"]} - {None}) or "none"),
            body=f"{content['question']}\n\n{_table(results.with_suffix('.md'), content['reference'])}\n{notes}",
        )
        write_atomic(file, record.text())
        done.append(f"{content['protocol']}: recorded in {file.relative_to(records.parent)}")
    return done


def _partial(command: str) -> bool:
    """`marquee frontier` always takes its seeds from --seeds, so they do not make its result a partial one."""
    return "--models" in command or ("--seeds" in command and not command.startswith("marquee frontier"))


def _all(records: Path) -> list[tuple[Path, Record]]:
    return [(file, read_record(file)) for file in sorted(records.glob("*.md"))]


def _table(results: Path, reference: str) -> str:
    """The legend and the table of a results.md; of a sweep, the reference and what the choice can be compared with."""
    text = results.read_text()
    lines = text.splitlines()
    start = next(at for at, line in enumerate(lines) if line.startswith("Mean ± standard deviation"))
    lines = lines[start:]
    chosen = re.search(rf"chosen on validation: \w+?({TRADE_OFF})", text)
    if chosen is None or len(lines) <= MOST_LINES:
        return "\n".join(lines)
    head = next(at for at, line in enumerate(lines) if line.startswith("| ---")) + 1
    alike = [line for line in lines[head:] if _is_shown(line.split(" | ")[0].strip("| "), reference, chosen[1])]
    count = f"{len(alike)} of {len(lines) - head} points"
    said = f"{count}: those of the chosen trade-off, {chosen[1].strip('-')}, by method and price."
    return "\n".join([said, "", *lines[:head], *alike])


def _is_shown(model: str, reference: str, trade_off: str) -> bool:
    return model == reference or f"{trade_off}-" in f"{model}-"


if __name__ == "__main__":
    main()
