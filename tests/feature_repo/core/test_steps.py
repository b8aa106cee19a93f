"""A step is done once for its inputs, and again when its inputs or its files are others."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from feature_repo.core.files import FileError
from feature_repo.core.home import Home
from feature_repo.core.steps import Step, StepContext, Steps


class Work:
    """Writes a file and counts how often."""

    def __init__(self, file: Path) -> None:
        self.file, self.times = file, 0

    def __call__(self) -> dict[str, Any]:
        self.times += 1
        self.file.write_text("done")
        return {"times": self.times, "where": self.file}


@pytest.fixture
def work(tmp_path: Path) -> Work:
    return Work(tmp_path / "out.txt")


def run(home: Path, work: Work, again: Sequence[str] = (), **inputs: Any) -> tuple[list[str], dict[str, Any]]:
    said: list[str] = []
    steps = Steps(Home(home), said.append, again)
    return said, steps.run("bake", inputs, [work.file], work)


def test_a_step_whose_inputs_and_files_are_as_they_were_is_not_done_again(tmp_path: Path, work: Work) -> None:
    _, first = run(tmp_path, work, flour=1)
    said, second = run(tmp_path, work, flour=1)
    assert work.times == 1
    assert first == second == {"times": 1, "where": str(work.file)}
    assert "up to date" in said[0]


def test_other_inputs_lost_files_and_files_of_somebody_else_are_each_a_reason_to_do_it_again(
    tmp_path: Path, work: Work
) -> None:
    run(tmp_path, work, flour=1)
    run(tmp_path, work, flour=2)
    assert work.times == 2
    work.file.unlink()
    run(tmp_path, work, flour=2)
    assert work.times == 3
    work.file.write_text("not what the step wrote")
    run(tmp_path, work, flour=2)
    assert work.times == 4
    run(tmp_path, work, again=["bake"], flour=2)
    assert work.times == 5


def test_a_step_that_fails_is_not_remembered_and_those_before_it_are(tmp_path: Path, work: Work) -> None:
    def burn() -> dict[str, Any]:
        raise RuntimeError("burnt")

    steps = Steps(Home(tmp_path))
    steps.run("bake", {}, [work.file], work)
    with pytest.raises(RuntimeError):
        steps.run("roast", {}, [], burn)
    assert (steps.done("bake") is not None, steps.done("roast")) == (True, None)
    assert steps.ran == ["bake"]


def test_a_kept_step_is_what_it_says(tmp_path: Path, work: Work) -> None:
    run(tmp_path, work, flour=1)
    assert Steps(Home(tmp_path)).keep("bake")["times"] == 1


def interrupted() -> dict[str, Any]:
    raise KeyboardInterrupt


def test_steps_that_are_all_to_run_again_lose_their_records_together_unless_the_first_fails(
    tmp_path: Path, work: Work
) -> None:
    names = ("bake", "roast")
    for name in (*names, "cool"):
        Steps(Home(tmp_path)).run(name, {}, [work.file], work)
    steps = Steps(Home(tmp_path), again=names)
    before = (tmp_path / "steps.json").read_bytes()
    with pytest.raises(ZeroDivisionError):
        steps.run("bake", {}, [work.file], lambda: {"never": 1 // 0})
    assert (tmp_path / "steps.json").read_bytes() == before
    with pytest.raises(KeyboardInterrupt):
        Steps(Home(tmp_path), again=names).run("bake", {}, [work.file], interrupted)
    assert steps.names() == ["cool"]  # stopped, it goes on with all of them
    steps.run("bake", {}, [work.file], work)
    assert steps.names() == ["bake", "cool"]


def test_a_step_that_fails_when_its_result_asks_for_another_run_keeps_its_record(tmp_path: Path) -> None:
    results = iter([{"promoted": False}])
    step = Step("promote", lambda context: next(results), redo=lambda context, result: "asked")
    Steps(Home(tmp_path)).take(step, StepContext(Home(tmp_path)))
    with pytest.raises(StopIteration):
        Steps(Home(tmp_path)).take(step, StepContext(Home(tmp_path)))
    assert Steps(Home(tmp_path)).done("promote") is not None


@pytest.mark.parametrize("torn", ["", "[1]", '{"simulate": 3}', '{"simulate": {"seconds": "long"}}'])
def test_a_torn_record_of_steps_is_named_with_what_to_do(tmp_path: Path, torn: str) -> None:
    (tmp_path / "steps.json").write_text(torn)
    with pytest.raises(
        FileError, match=r"steps.json: expected the record of steps, found something else: .* delete it"
    ):
        Steps(Home(tmp_path)).done("simulate")


def test_a_torn_record_is_said_before_a_step_is_entered(tmp_path: Path) -> None:
    (tmp_path / "steps.json").write_text("{")
    step = Step("cut", lambda context: {}, within=lambda context: pytest.fail("entered"))
    with pytest.raises(FileError, match=r"steps\.json"):
        Steps(Home(tmp_path)).take(step, StepContext(Home(tmp_path)))
