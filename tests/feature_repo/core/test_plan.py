"""A plan says what would run and why, and changes nothing."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from feature_repo.core.home import Home
from feature_repo.core.plan import plan
from feature_repo.core.steps import Result, Step, StepContext, Steps


def writes(name: str) -> Any:
    def work(context: StepContext) -> Result:
        context.home.root.joinpath(name).write_text(json.dumps(dict(context.options)))
        return {"made": name}

    return work


def file_of(*names: str) -> Any:
    return lambda context: [context.home.root / name for name in names]


DOUGH = Step("dough", writes("dough"), reads=file_of("flour"), writes=file_of("dough"))
BREAD = Step("bread", writes("bread"), after=("dough",), reads=file_of("dough"), writes=file_of("bread"))
MEAL = Step("meal", lambda context: {}, settings=lambda context: {"salt": context.options.get("salt", 1)})
ALL = (DOUGH, BREAD, MEAL)


def baked(tmp_path: Path) -> Home:
    (tmp_path / "flour").write_text("white")
    home = Home(tmp_path)
    for step in ALL:
        Steps(home).take(step, StepContext(home))
    return home


def planned(home: Home, *steps: Step, again: bool = False, **options: Any) -> dict[str, tuple[str, str]]:
    before = {path: path.read_bytes() for path in home.root.iterdir()}
    found = plan(steps or ALL, StepContext(home, options=options), Steps(home), again)
    assert {path: path.read_bytes() for path in home.root.iterdir()} == before
    return {one.step: (one.action, one.reason) for one in found}


def test_where_nothing_was_done_everything_would_run(tmp_path: Path) -> None:
    assert planned(Home(tmp_path)) == dict.fromkeys(("dough", "bread", "meal"), ("run", "never run"))


def test_what_was_done_is_skipped_until_it_is_asked_for_again(tmp_path: Path) -> None:
    home = baked(tmp_path)
    assert {action for action, _ in planned(home).values()} == {"skip"}
    assert {action for action, _ in planned(home, again=True).values()} == {"run"}


def test_the_changed_input_is_named_and_later_steps_depend_on_its_outcome(tmp_path: Path) -> None:
    home = baked(tmp_path)
    (tmp_path / "flour").write_text("brown")
    assert planned(home) == {
        "dough": ("run", "flour changed"),
        "bread": ("maybe", "depends on dough"),
        "meal": ("skip", "up to date"),
    }
    assert planned(home, salt=2)["meal"] == ("run", "salt changed")


def test_files_that_are_gone_or_somebody_elses_are_named(tmp_path: Path) -> None:
    home = baked(tmp_path)
    (tmp_path / "bread").unlink()
    (tmp_path / "dough").write_text("not what the step wrote")
    assert planned(home)["dough"] == ("run", "dough changed since")
    assert planned(home)["bread"] == ("run", "dough changed; bread is missing")


def test_a_record_of_an_older_revision_is_recognized_and_cannot_name_what_changed(tmp_path: Path) -> None:
    home = baked(tmp_path)
    file = tmp_path / "steps.json"
    records = json.loads(file.read_text())
    for record in records.values():
        del record["each"]
    file.write_text(json.dumps(records))
    assert {action for action, _ in planned(home).values()} == {"skip"}
    (tmp_path / "flour").write_text("brown")
    assert planned(home)["dough"] == ("run", "inputs changed")


def test_a_step_may_be_done_again_for_what_it_gave(tmp_path: Path) -> None:
    home = baked(tmp_path)
    refused = replace(MEAL, redo=lambda context, result: "hungry" if context.options.get("force") else "")
    assert planned(home, refused)["meal"][0] == "skip"
    assert planned(home, refused, force=True)["meal"] == ("run", "hungry")
