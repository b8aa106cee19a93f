"""The steps of a long command. Each runs once per set of inputs: a stopped command resumes, a repeated one is a no-op.

HOME/steps.json: step -> Record. A step runs again when its inputs have changed, or its outputs were changed or removed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
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
class StepContext:
    """A running command: its home, its options, and the results of its steps so far."""

    home: Home
    progress: Progress = SILENT
    options: Mapping[str, Any] = field(default_factory=dict)  # None: not given
    results: dict[str, Result] = field(default_factory=dict)

    def chosen(self, *names: str) -> dict[str, Any]:
        return {name: value for name in names if (value := self.options.get(name)) is not None}


def _nothing(context: StepContext) -> Mapping[str, Any]:
    return {}


def _no_files(context: StepContext) -> Sequence[Path]:
    return ()


@dataclass(frozen=True)
class Step:
    """One step: its work, and what decides whether it must run again.

    Its inputs are the content of `reads`, the values of `settings`, and the source of the modules in `code` and of
    what they import.
    """

    name: str
    work: Callable[[StepContext], Result]
    code: tuple[str, ...] = ()  # modules
    after: tuple[str, ...] = ()  # the steps whose files or results it uses
    reads: Callable[[StepContext], Sequence[Path]] = _no_files
    settings: Callable[[StepContext], Mapping[str, Any]] = _nothing
    writes: Callable[[StepContext], Sequence[Path]] = _no_files
    # Entered while inputs are read and the work runs.
    within: Callable[[StepContext], AbstractContextManager[Any]] = nullcontext
    # A reason to run again although no input or output has changed; "" for none.
    redo: Callable[[StepContext, Result], str] = lambda context, result: ""
    caveat: str = ""  # what entering `within` may change in its inputs, which a dry run cannot know

    def inputs(self, context: StepContext) -> dict[str, Any]:
        code = {"code": "".join(map(code_of, self.code))} if self.code else {}
        return {**self.settings(context), **content_of(self.reads(context)), **code}


@dataclass(frozen=True)
class Record:
    """A finished step, as steps.json records it."""

    inputs: str  # one hash over all inputs
    outputs: Mapping[str, str]  # file or folder -> hash of its content
    seconds: float
    result: Result
    each: Mapping[str, str] = field(default_factory=dict)  # input -> its hash; empty in files of older revisions

    @classmethod
    def of(cls, fields: Mapping[str, Any]) -> Record:
        """Raises ValueError for a field of another type."""
        return msgspec.convert({"inputs": "", "outputs": {}, "seconds": 0.0, "result": {}, **fields}, cls)

    def stale_reason(self, inputs: Mapping[str, Any], outputs: Sequence[Path]) -> str:
        """Which inputs and outputs have changed since the step ran; "" if none."""
        reasons = []
        if self.inputs != _hash(inputs):
            now = _each(inputs)
            names = sorted(name for name in {*now, *self.each} if now.get(name) != self.each.get(name))
            reasons.append(f"{', '.join(names)} changed" if self.each and names else "inputs changed")
        contents = content_of(outputs)
        reasons += [
            f"{name} is missing" for name, content in contents.items() if not content and self.outputs.get(name)
        ]
        changed = [name for name, content in contents.items() if content and content != self.outputs.get(name)]
        if changed or (not reasons and contents != self.outputs):
            reasons.append(f"{', '.join(changed) or 'outputs'} changed since")
        return "; ".join(reasons)


class Steps:
    """The steps of a home. `say` is called with a line per step.

    The steps named in `again` run, recorded or not. Their records go together, when the first of them begins: a command
    that is stopped continues without `again`. They are put back if the first of them fails: then nothing has changed.
    """

    def __init__(self, home: Home, say: Callable[[str], None] = lambda line: None, again: Collection[str] = ()) -> None:
        self._path = home.root / "steps.json"
        self._say = say
        self._again = set(again)
        self.ran: list[str] = []  # names of the steps that this command ran

    def take(self, step: Step, context: StepContext) -> Result:
        """The step's result, fresh or recorded; also stored in `context.results` for later steps."""
        self._read()  # a broken record is said before anything changes
        with step.within(context):
            inputs, outputs = step.inputs(context), step.writes(context)
            if (done := self.done(step.name)) is not None and step.redo(context, done.result):
                self._again.add(step.name)
            context.results[step.name] = self.run(step.name, inputs, outputs, lambda: step.work(context))
        return context.results[step.name]

    def run(self, name: str, inputs: Mapping[str, Any], outputs: Sequence[Path], work: Callable[[], Result]) -> Result:
        """The step's result, from `work` or recorded, after a round trip through JSON. Raises what `work` raises."""
        done = None if name in self._again else self.done(name)
        if done is not None and not done.stale_reason(inputs, outputs):
            return self._recorded(name, done)
        started = perf_counter()
        with self._forgotten(name):
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
        assert done is not None, f"{name} was never run in {self._path.parent}"
        return self._recorded(name, done)

    def done(self, name: str) -> Record | None:
        return self._read().get(name)

    def names(self) -> list[str]:
        """The names of all recorded steps."""
        return sorted(self._read())

    @contextmanager
    def _forgotten(self, name: str) -> Iterator[None]:
        """Without the records of the steps that are to run again, of which this is the first."""
        if name not in self._again or not self._path.exists():
            yield
            return
        before = self._path.read_bytes()
        self._write({other: record for other, record in self._read().items() if other not in self._again})
        try:
            yield
        except Exception:
            write_atomic(self._path, before)
            raise
        self._again.clear()

    def _recorded(self, name: str, done: Record) -> Result:
        self._say(f"  {name:<10} up to date ({done.seconds:.1f} s)")
        return done.result

    def _write(self, records: Mapping[str, Record]) -> None:
        content = {name: asdict(record) for name, record in records.items()}
        write_atomic(self._path, json.dumps(content, indent=1, default=plain) + "\n")

    def _read(self) -> dict[str, Record]:
        if not self._path.exists():
            return {}
        return read_json(self._path, _records, "the record of steps", "delete it, and every step runs again")


def _records(content: Any) -> dict[str, Record]:
    return {name: Record.of(fields) for name, fields in content.items()}


def _each(inputs: Mapping[str, Any]) -> dict[str, str]:
    return {name: _hash(value) for name, value in inputs.items()}


def _hash(content: Any) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()
