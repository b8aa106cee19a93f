"""The steps of a long command, each done once for its inputs: a stopped command goes on, a repeated one rests.

HOME/steps.json: step -> hash of its inputs, hash of the files it wrote, seconds, result. A step runs again when either
hash is another one: its inputs changed, or somebody else wrote or removed its files.
"""

from __future__ import annotations

import ast
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from time import perf_counter
from typing import Any

from feature_repo.core.files import plain, write_atomic
from feature_repo.core.hashes import content_of
from feature_repo.core.home import Home
from feature_repo.core.revision import ROOT

PACKAGES = ("feature_repo", "models", "training", "bento_services", "monitoring")
Result = dict[str, Any]


class Steps:
    """What was done in this home. `say` is told a line for each step; `again` does every step anew."""

    def __init__(self, home: Home, say: Callable[[str], None] = lambda line: None, again: bool = False) -> None:
        self._path = home.root / "steps.json"
        self._say = say
        self._again = again
        self.ran: list[str] = []  # by this command

    def run(self, name: str, inputs: Mapping[str, Any], outputs: Sequence[Path], work: Callable[[], Result]) -> Result:
        """The step's result as JSON gives it back, from `work` or from the last time. Raises what `work` raises."""
        wanted, done = _hash(inputs), None if self._again else self.done(name)
        if done is not None and done.get("inputs") == wanted and done.get("outputs") == content_of(outputs):
            return self._before(name, done)
        started = perf_counter()
        result = work()
        seconds = perf_counter() - started
        record = {"inputs": wanted, "outputs": content_of(outputs), "seconds": seconds, "result": result}
        self._write({**self._read(), name: record})
        self.ran.append(name)
        self._say(f"  {name:<10} {seconds:.1f} s")
        return self._result(name)

    def keep(self, name: str) -> Result:
        """The result of a step that is not to be done again, whatever its inputs are now."""
        done = self.done(name)
        assert done is not None, f"{name} was not done in {self._path.parent}"
        return self._before(name, done)

    def done(self, name: str) -> dict[str, Any] | None:
        return self._read().get(name)

    def forget(self, name: str) -> None:
        """Do this step anew, whatever its inputs are."""
        self._write({other: record for other, record in self._read().items() if other != name})

    def _before(self, name: str, done: Mapping[str, Any]) -> Result:
        self._say(f"  {name:<10} done before ({done['seconds']:.1f} s)")
        return dict(done["result"])

    def _result(self, name: str) -> Result:
        return dict(self._read()[name]["result"])

    def _write(self, content: Mapping[str, Any]) -> None:
        write_atomic(self._path, json.dumps(content, indent=1, default=plain) + "\n")

    def _read(self) -> dict[str, Any]:
        content: dict[str, Any] = json.loads(self._path.read_text()) if self._path.exists() else {}
        return content


@cache
def code_of(module: str) -> str:
    """A hash of this module's code and of all of Marquee's that it imports; comments and docstrings do not count."""
    trees: dict[str, str] = {}
    waiting = [module]
    while waiting:
        if (name := waiting.pop()) in trees or (file := _file_of(name)) is None:
            continue
        tree = ast.parse(file.read_text())
        waiting += _imported(tree)
        trees[name] = ast.dump(_without_docstrings(tree))
    return _hash(trees)


def _imported(tree: ast.AST) -> list[str]:
    names: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return [name for name in names if name.split(".")[0] in PACKAGES]


def _file_of(module: str) -> Path | None:
    path = ROOT.joinpath(*module.split("."))
    return next((file for file in (path.with_suffix(".py"), path / "__init__.py") if file.is_file()), None)


def _without_docstrings(tree: ast.Module) -> ast.Module:
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
            node.body = node.body[1:]
    return tree


def _hash(content: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()
