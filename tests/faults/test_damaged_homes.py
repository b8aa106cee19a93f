"""Every verb in a home that something is wrong with: one line, a status of the table, no trace, and nothing changed.

The verbs are those of the command line itself, and the files those of a home in which each of them has left something:
a new verb or file is covered, with arguments in FORMS if it needs any. A verb is tried with each file that it opens in
a sound home, cut short (`make damaged-homes`); what it does not open, it cannot miss. One that gets past a damaged file
because it can do without may succeed, or is stopped a few seconds after the moment at which it opens that file.
"""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from filelock import FileLock
from worlds.damaged_homes import Case, Outcome, VerbRunner, can_mount
from worlds.damages import files_of
from worlds.whole_home import EVENTS, FILM, FILMS, ROWS, make_whole

from feature_repo.core.errors import DEPENDENCY_DOWN, DONE, FAILED, REFUSED, USAGE
from marquee import app
from models.page.policy_file import POLICY

pytestmark = pytest.mark.timeout(900)  # the first waits for the small world, and for everything to be imported

A_WORLD = "--users 20 --videos 40 --days 5 --end 2026-11-21"
FORMS = {
    "features describe": ["trend_7d"],
    "recommend": ["u00042", "--all -n 5 --out {place}/lists.parquet"],
    "events send": ["--user u00042 --video v00001", f"--file {{home}}/{EVENTS}"],
    "events dlq show": ["1-0"],
    "events dlq replay": ["--all"],
    "events dlq drop": ["--all"],
    "videos put": [f"{{home}}/{FILM}"],
    "videos get": ["v00001"],
    "videos patch": ["v00001 title=Other"],
    "videos take-down": ["v00001 --why rights"],
    "videos restore": ["v00001"],
    "videos history": ["v00001"],
    "serve": ["--http-port 0 --grpc-port 0"],
    "keys create": ["mobile --scope serve"],
    "keys rotate": ["web"],
    "keys revoke": ["web"],
    "keys token": ["product --viewer u00042"],
    "score": [f"--rows {{home}}/{ROWS} --out {{place}}/scored.parquet"],
    "promote": ["", "--rollback"],
    "release": ["", "--plan", "--again"],
    "train": ["", "ranker"],
    "simulate": [A_WORLD, f"{A_WORLD} --replace"],
    "ingest movielens": [f"--path {{home}}/{FILMS} --replace"],
    "ingest kuairand": ["--path {home}/lake --replace"],
}
NOT_OF_A_HOME = {"features list", "config document"}
OF_OTHERS = {"demo"}  # simulate, release, serve and recommend, for minutes
MAKES_A_HOME = {"simulate"}
UP = "Ctrl-C stops everything"  # `serve` has got past whatever is wrong
STATUSES = {DONE, FAILED, USAGE, REFUSED, DEPENDENCY_DOWN}
# Feast's view of the home is made of the code and the home's place, and made again by whoever needs it.
MADE_AGAIN = {"feast/feature_store.yaml", "feast/registry.db", "feast/applied_for"}
# SQLite's own files beside the catalog: whoever reads it needs them, and the last to close it removes them.
MADE_AGAIN |= {"catalog.db-shm", "catalog.db-wal"}
# Copies of the lake, and features as of a moment: whoever needs them and finds them damaged takes them again.
DERIVED = ("cut/", "frozen/")
RECORDS_REFUSALS = {"releases/history.jsonl", "mlflow/mlflow.db"}
NO_ERRORS = ("marquee: warning: ", "marquee: note: ")
PARTS = {"release --again": 4}  # an hour of cases: so many tests of it, which run side by side
LONGEST, GRACE = 240.0, 4.0  # seconds: of a verb in a sound home; after the moment at which it opens a file there
SMALL = ("status", "promote", "release", "frontier", "evaluate")
FEW = ("cut policy.toml", "cut steps.json", "cut models/two_tower/config.json", "cut mlflow/mlflow.db")


def verbs() -> list[str]:
    def below(command: Any, path: str) -> Iterator[str]:
        if not hasattr(command, "commands") or (getattr(command, "invoke_without_command", False) and path):
            yield path
        for name, each in getattr(command, "commands", {}).items():
            yield from below(each, f"{path} {name}".strip())

    return [verb for verb in below(typer.main.get_command(app), "") if verb not in NOT_OF_A_HOME | OF_OTHERS]


def forms() -> list[str]:
    return [f"{verb} {arguments}".strip() for verb in verbs() for arguments in FORMS.get(verb, [""])]


def first_form(verb: str) -> str:
    return f"{verb} {FORMS.get(verb, [''])[0]}".strip()


def case(form: str, damage: str, seconds: float) -> Case:
    return Case(form.split(), damage, seconds, UP if form.startswith("serve") else "")


@pytest.fixture(scope="module")
def runner(small_world: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[VerbRunner]:
    home = tmp_path_factory.mktemp("small") / "home"
    shutil.copytree(small_world, home, symlinks=True)
    shutil.copyfile(POLICY, home / "policy.toml")
    with VerbRunner(home) as running:
        yield running


@pytest.fixture(scope="module")
def whole_home(small_world: Path) -> Path:
    home = small_world.with_name("whole-home")
    with FileLock(f"{home}.lock"):
        if not home.exists():
            making = home.with_name("whole-home.making")
            shutil.copytree(small_world, making, symlinks=True)
            os.rename(make_whole(making), home)
    return home


@pytest.fixture(scope="module")
def whole(whole_home: Path) -> Iterator[VerbRunner]:
    with VerbRunner(whole_home) as running:
        yield running


def faults(outcome: Outcome, may_change: set[str] | None = None) -> list[str]:
    """What is wrong with the way in which a verb ended; `may_change` None: whatever a verb that succeeds writes."""
    found = []
    if "Traceback" in outcome.said or "bug in Marquee" in outcome.said:
        found.append("a trace")
    if outcome.status not in (*STATUSES, None):
        found.append(f"status {outcome.status}")
    lines = [line for line in outcome.said.splitlines() if line.startswith(("marquee: ", "Error: "))]
    lines = [line for line in lines if not line.startswith(NO_ERRORS)]
    if outcome.status and len(lines) != 1:
        found.append(f"{len(lines)} lines")
    if outcome.status or may_change is not None:
        fine = MADE_AGAIN | (may_change or set()) | (RECORDS_REFUSALS if outcome.status == REFUSED else set())
        changed = (file for file in sorted({*outcome.changed} - fine) if not file.startswith(DERIVED))
        found += [f"changed {file}" for file in changed]
    return found


def is_one_line(outcome: Outcome) -> None:
    assert not faults(outcome), outcome.said


@pytest.mark.parametrize("verb", verbs())
def test_a_missing_home_is_2_and_a_broken_world_is_1_or_not_looked_at(runner: VerbRunner, verb: str) -> None:
    missing, broken = (runner.outcome(case(first_form(verb), damage, 20)) for damage in ("missing", "cut world.json"))
    is_one_line(missing)
    is_one_line(broken)
    assert missing.status == (DONE if verb in MAKES_A_HOME else USAGE), missing.said
    assert broken.status in (FAILED, USAGE), broken.said


@pytest.mark.skipif(not can_mount(), reason="a read-only or full disk needs a mount, and this process may not")
@pytest.mark.parametrize("damage", ["read-only", "full"])
@pytest.mark.parametrize("verb", verbs())
def test_a_read_only_or_full_disk_is_said_before_any_work(runner: VerbRunner, verb: str, damage: str) -> None:
    outcome = runner.outcome(case(first_form(verb), damage, 20))
    is_one_line(outcome)
    assert outcome.status in STATUSES, outcome.said


@pytest.mark.parametrize("damage", FEW)
@pytest.mark.parametrize("form", SMALL)
def test_a_verb_says_what_is_broken_or_does_without(runner: VerbRunner, form: str, damage: str) -> None:
    is_one_line(runner.outcome(case(form, damage, GRACE)))


@pytest.mark.slow
@pytest.mark.timeout(7200)
@pytest.mark.parametrize(
    ("form", "part"),
    [pytest.param(form, part, id=f"{form}{part or ''}") for form in forms() for part in range(PARTS.get(form, 1))],
)
def test_each_file_that_a_verb_opens_may_be_cut_short(
    whole: VerbRunner, whole_home: Path, form: str, part: int, record_property: Any
) -> None:
    sound = whole.outcome(case(form, "", LONGEST))
    reads_only = None if sound.changed else set[str]()
    found, endings = [], Counter[str]()
    damages = [(f"cut {file}", sound.read[file]) for file in files_of(whole_home) if file in sound.read]
    damages.append(("nowhere releases/champion", 0.0))
    for damage, opened in damages[part :: PARTS.get(form, 1)]:
        outcome = whole.outcome(case(form, damage, 2 * opened + GRACE))
        same = outcome.status == sound.status and outcome.said == sound.said  # it does not need that file
        endings["got past it" if same or not outcome.status else f"status {outcome.status}"] += 1
        wrong = faults(outcome, None if reads_only is None else {damage.partition(" ")[2]})
        found += [f"{damage}: {', '.join(wrong)}: {outcome.said[-400:]}"] if wrong else []
    record_property("cases", dict(endings))
    assert sound.status in (*STATUSES, None)
    assert not found, "\n".join(found)


def test_this_matrix_has_the_verbs_of_the_command_line() -> None:
    assert {"status", "serve", "promote", "keys list", "features"} <= set(verbs())
    assert set(FORMS) <= set(verbs())
    assert os.environ.get("MARQUEE_HOME") is None
