"""A plan says what would run and why, and changes nothing."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from feature_repo.core.home import Home
from feature_repo.core.plan import plan
from feature_repo.core.steps import Making, Result, Step, Steps


def writes(name: str) -> Any:
    def work(making: Making) -> Result:
        making.home.root.joinpath(name).write_text(json.dumps(dict(making.options)))
        return {"made": name}

    return work


def file_of(*names: str) -> Any:
    return lambda making: [making.home.root / name for name in names]


DOUGH = Step("dough", writes("dough"), reads=file_of("flour"), writes=file_of("dough"))
BREAD = Step("bread", writes("bread"), after=("dough",), reads=file_of("dough"), writes=file_of("bread"))
MEAL = Step("meal", lambda making: {}, settings=lambda making: {"salt": making.options.get("salt", 1)})
ALL = (DOUGH, BREAD, MEAL)


def baked(tmp_path: Path) -> Home:
    (tmp_path / "flour").write_text("white")
    home = Home(tmp_path)
    for step in ALL:
        Steps(home).take(step, Making(home))
    return home


def told(home: Home, *steps: Step, again: bool = False, **options: Any) -> dict[str, tuple[str, str]]:
    before = {path: path.read_bytes() for path in home.root.iterdir()}
    found = plan(steps or ALL, Making(home, options=options), Steps(home), again)
    assert {path: path.read_bytes() for path in home.root.iterdir()} == before
    return {one.step: (one.would, one.why) for one in found}


def test_where_nothing_was_done_everything_would_run(tmp_path: Path) -> None:
    assert told(Home(tmp_path)) == dict.fromkeys(("dough", "bread", "meal"), ("run", "never done"))


def test_what_was_done_rests_until_it_is_asked_for_anew(tmp_path: Path) -> None:
    home = baked(tmp_path)
    assert {would for would, _ in told(home).values()} == {"rest"}
    assert {would for would, _ in told(home, again=True).values()} == {"run"}


def test_the_input_that_changed_is_named_and_what_follows_it_waits_for_what_comes_out(tmp_path: Path) -> None:
    home = baked(tmp_path)
    (tmp_path / "flour").write_text("brown")
    assert told(home) == {
        "dough": ("run", "flour changed"),
        "bread": ("perhaps", "after dough"),
        "meal": ("rest", "as it was done before"),
    }
    assert told(home, salt=2)["meal"] == ("run", "salt changed")


def test_files_that_are_gone_or_somebody_elses_are_named(tmp_path: Path) -> None:
    home = baked(tmp_path)
    (tmp_path / "bread").unlink()
    (tmp_path / "dough").write_text("not what the step wrote")
    assert told(home)["dough"] == ("run", "dough changed since")
    assert told(home)["bread"] == ("run", "dough changed; bread is gone")


def test_a_record_of_an_older_revision_is_recognized_and_cannot_name_what_changed(tmp_path: Path) -> None:
    home = baked(tmp_path)
    file = tmp_path / "steps.json"
    records = json.loads(file.read_text())
    for record in records.values():
        del record["each"]
    file.write_text(json.dumps(records))
    assert {would for would, _ in told(home).values()} == {"rest"}
    (tmp_path / "flour").write_text("brown")
    assert told(home)["dough"] == ("run", "inputs changed")


def test_a_step_may_be_done_again_for_what_it_gave(tmp_path: Path) -> None:
    home = baked(tmp_path)
    refused = replace(MEAL, redo=lambda making, result: "hungry" if making.options.get("force") else "")
    assert told(home, refused)["meal"][0] == "rest"
    assert told(home, refused, force=True)["meal"] == ("run", "hungry")
