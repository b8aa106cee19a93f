"""A hash of a module's code, to detect that a step must run again."""

from __future__ import annotations

import ast
import hashlib
import json
from functools import cache
from pathlib import Path

from feature_repo.core.revision import ROOT

PACKAGES = ("feature_repo", "models", "training", "bento_services", "monitoring")


@cache
def code_of(module: str) -> str:
    """A hash of this module and of all modules of Marquee that it imports; comments and docstrings do not count."""
    trees: dict[str, str] = {}
    waiting = [module]
    while waiting:
        if (name := waiting.pop()) in trees or (file := _file_of(name)) is None:
            continue
        tree = ast.parse(file.read_text())
        waiting += _imported(tree)
        trees[name] = ast.dump(_without_docstrings(tree))
    return hashlib.sha256(json.dumps(trees, sort_keys=True).encode()).hexdigest()


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
