"""The steps of a long command. Each runs once for its inputs: a stopped command resumes, a repeated one does nothing.

HOME/steps.json: step -> Record. A step runs again when its inputs have changed, or when its files were changed or
removed since.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any

import msgspec

from feature_repo.core.code_hash import code_of
from feature_repo.core.files import plain, read_json, write_atomic
from feature_repo.core.hashes import content_of
from feature_repo.core.home import Home
from feature_repo.core.progress import SILENT, Progress

Result = dict[str, Any]


@dataclass
class Making:
    """A running command: its home, its options, and the results of its steps so far."""

    home: Home
    progress: Progress = SILENT
    options: Mapping[str, Any] = field(default_factory=dict)  # None: not given
    results: dict[str, Result] = field(default_factory=dict)

    def chosen(self, *names: str) -> dict[str, Any]:
        return {name: value for name in names if (value := self.options.get(name)) is not None}


def _nothing(making: Making) -> Mapping[str, Any]:
    return {}


def _no_files(making: Making) -> Sequence[Path]:
    return ()


@dataclass(frozen=True)
class Step:
    """What one step reads, writes and does.

    Its inputs are the content of `reads`, the values of `settings`, and the code of the modules `code` and their
    imports.
    """

    name: str
    work: Callable[[Making], Result]
    code: tuple[str, ...] = ()  # modules
    after: tuple[str, ...] = ()  # the steps whose files or results it uses
    reads: Callable[[Making], Sequence[Path]] = _no_files
    settings: Callable[[Making], Mapping[str, Any]] = _nothing
    writes: Callable[[Making], Sequence[Path]] = _no_files
    within: Callable[[Making], AbstractContextManager[Any]] = (
        nullcontext  # entered while inputs are read and the work runs
    )
    redo: Callable[[Making, Result], str] = lambda making, result: ""  # a reason to run again although nothing changed
    unseen: str = ""  # what entering `within` may change in its inputs, so that `--plan` cannot see it

    def inputs(self, making: Making) -> dict[str, Any]:
        code = {"code": "".join(map(code_of, self.code))} if self.code else {}
        return {**self.settings(making), **content_of(self.reads(making)), **code}


@dataclass(frozen=True)
class Record:
    """A step that was done, as steps.json records it."""

    inputs: str  # one hash of all of them
    outputs: Mapping[str, str]  # file or folder -> hash of what it wrote there
    seconds: float
    result: Result
    each: Mapping[str, str] = field(default_factory=dict)  # input -> its hash; empty in files of older revisions

    @classmethod
    def of(cls, recorded: Mapping[str, Any]) -> Record:
        """Raises ValueError for a field of another type."""
        return msgspec.convert({"inputs": "", "outputs": {}, "seconds": 0.0, "result": {}, **recorded}, cls)

    def why_again(self, inputs: Mapping[str, Any], outputs: Sequence[Path]) -> str:
        """Which of these inputs and files have changed since; "" if all are the same."""
        reasons = []
        if self.inputs != _hash(inputs):
            now = _each(inputs)
            names = sorted(name for name in {*now, *self.each} if now.get(name) != self.each.get(name))
            reasons.append(f"{', '.join(names)} changed" if self.each and names else "inputs changed")
        contents = content_of(outputs)
        reasons += [f"{name} is gone" for name, content in contents.items() if not content and self.outputs.get(name)]
        changed = [name for name, content in contents.items() if content and content != self.outputs.get(name)]
        if changed or (not reasons and contents != self.outputs):
            reasons.append(f"{', '.join(changed) or 'outputs'} changed since")
        return "; ".join(reasons)


class Steps:
    """The steps of this home. `say` is called with a line for each step; `again` runs every step anew."""

    def __init__(self, home: Home, say: Callable[[str], None] = lambda line: None, again: bool = False) -> None:
        self._path = home.root / "steps.json"
        self._say = say
        self._again = again
        self.ran: list[str] = []  # by this command

    def take(self, step: Step, making: Making) -> Result:
        """The step's result, new or recorded; also put into `making.results` for later steps."""
        with step.within(making):
            inputs, outputs = step.inputs(making), step.writes(making)
            if (done := self.done(step.name)) is not None and step.redo(making, done.result):
                self.forget(step.name)
            making.results[step.name] = self.run(step.name, inputs, outputs, lambda: step.work(making))
        return making.results[step.name]

    def run(self, name: str, inputs: Mapping[str, Any], outputs: Sequence[Path], work: Callable[[], Result]) -> Result:
        """The step's result after a round trip through JSON, new from `work` or recorded. Raises what `work` raises."""
        done = None if self._again else self.done(name)
        if done is not None and not done.why_again(inputs, outputs):
            return self._before(name, done)
        started = perf_counter()
        result = work()
        seconds = perf_counter() - started
        record = Record(_hash(inputs), content_of(outputs), seconds, result, _each(inputs))
        self._write({**self._read(), name: record})
        self.ran.append(name)
        self._say(f"  {name:<10} {seconds:.1f} s")
        return self._read()[name].result

    def keep(self, name: str) -> Result:
        """The recorded result of a step, whatever its inputs are now."""
        done = self.done(name)
        assert done is not None, f"{name} was not done in {self._path.parent}"
        return self._before(name, done)

    def done(self, name: str) -> Record | None:
        return self._read().get(name)

    def names(self) -> list[str]:
        """The names of the steps that were done."""
        return sorted(self._read())

    def forget(self, *names: str) -> None:
        """Forget the records of these steps, so that they run again."""
        self._write({name: record for name, record in self._read().items() if name not in names})

    def _before(self, name: str, done: Record) -> Result:
        self._say(f"  {name:<10} done before ({done.seconds:.1f} s)")
        return done.result

    def _write(self, records: Mapping[str, Record]) -> None:
        content = {name: asdict(record) for name, record in records.items()}
        write_atomic(self._path, json.dumps(content, indent=1, default=plain) + "\n")

    def _read(self) -> dict[str, Record]:
        if not self._path.exists():
            return {}
        return read_json(self._path, _records, "a record of steps", "delete it, and every step runs again")


def _records(content: Any) -> dict[str, Record]:
    return {name: Record.of(said) for name, said in content.items()}


def _each(inputs: Mapping[str, Any]) -> dict[str, str]:
    return {name: _hash(value) for name, value in inputs.items()}


def _hash(content: Any) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()
