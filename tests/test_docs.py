"""What is written about the code is true of it: every path, symbol and name that prose mentions exists."""

from __future__ import annotations

import ast
import io
import re
import subprocess
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from training.record.quality_page import read_record

ROOT = Path(__file__).resolve().parents[1]
TRACES = {
    "A request": 10,
    "An event": 8,
    "A change of the catalog": 7,
    "A video": 8,
    "A feature": 6,
    "A release": 12,
}  # files that must be opened, at most
PAGES = (
    "README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "docs/architecture.md",
    "docs/faults.md",
    "docs/features.md",
    "docs/limits.md",
    "docs/glossary.md",
    "docs/operations.md",
    "docs/your_own_data.md",
    "examples/README.md",
    "docs/quality.md",
)
PACKAGES = ("feature_repo", "models", "training", "bento_services", "monitoring")
ROOMS = (*PACKAGES, "infra", "tests", "docs")
FILE = re.compile(r"(?<![\w/.-])((?:[\w-]+/)*[\w-]+\.(?:py|toml|proto|yaml|md|lock))\b")
PATH = re.compile(rf"(?<![\w/.-])((?:{'|'.join(ROOMS)})/[\w/.-]*\w)")
STEP = re.compile(r"`([\w/.-]+\.py):([\w.]+)`")
IDENTIFIER = re.compile(r"[A-Za-z_]\w*")
DOTTED = re.compile(rf"(?:{'|'.join(PACKAGES)})(?:\.\w+)+")
# Written by a program, or somebody else's.
ELSEWHERE = {"marquee.toml", "results.md", "feast/types/Value.proto", "everysec", "map.toml"}


def decisions() -> list[str]:
    return [str(file.relative_to(ROOT)) for file in sorted((ROOT / "docs" / "decisions").glob("*.md"))]


def made_by_examples() -> set[str]:
    patches = (file.read_text() for file in (ROOT / "examples").glob("*/change.patch"))
    return {path for patch in patches for path in re.findall(r"^\+\+\+ b/(\S+)", patch, flags=re.MULTILINE)}


@pytest.mark.parametrize("page", [*PAGES, *decisions()])
def test_every_path_that_a_page_names_exists(page: str) -> None:
    text = (ROOT / page).read_text()
    missing = {path for path in PATH.findall(text) if not (ROOT / path).exists()} - made_by_examples()
    assert missing == set()


def test_every_fault_names_tests_that_exist() -> None:
    """And it is a fault in words with at least one test: a row without one, or with a test of another name, fails."""
    rows = [line for line in (ROOT / "docs" / "faults.md").read_text().splitlines() if line.startswith("| ")]
    faults = [row for row in rows if row != "| fault | test |"]
    assert len(faults) > 50
    for row in faults:
        _, fault, named, _ = (cell.strip() for cell in row.split("|"))
        tests = re.findall(r"`(tests/[\w/]+\.py)(?:::(test_\w+))?`", named)
        assert fault
        assert len(tests) == named.count("`") // 2 > 0, row
        for file, name in tests:
            assert re.search(rf"^(?:async )?def {name or 'test_'}", (ROOT / file).read_text(), flags=re.MULTILINE), row


@pytest.mark.parametrize("page", [*PAGES, *decisions()])
def test_every_link_of_a_page_leads_somewhere(page: str) -> None:
    targets = re.findall(r"\]\((?!https?:)([^)#]+)", (ROOT / page).read_text())
    assert [target for target in targets if not (ROOT / page).parent.joinpath(target).exists()] == []


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= 150


@pytest.mark.parametrize(("title", "most"), TRACES.items())
def test_a_trace_names_what_exists_in_few_files(title: str, most: int) -> None:
    trace = (ROOT / "docs" / "architecture.md").read_text().split(f"## {title}")[1].split("\n## ")[0]
    steps = STEP.findall(trace)
    assert len(steps) >= 4
    assert [f"{path}:{symbol}" for path, symbol in steps if not _has(ROOT / path, symbol)] == []
    assert len({path for path, _ in steps}) <= most


def test_every_file_that_a_docstring_or_comment_names_exists() -> None:
    files = _tracked()
    found = []
    for source in _sources():
        for text in (*_docstrings(source), *_comments(source)):
            for name in FILE.findall(text):
                known = any(file == name or file.endswith(f"/{name}") for file in files)
                if not known and name not in ELSEWHERE and not name.startswith("HOME/"):
                    found.append(f"{source}: {name}")
    assert found == []


def test_every_module_and_symbol_that_a_docstring_names_by_its_full_name_exists() -> None:
    found = [
        f"{source}: {name}"
        for source in _sources()
        for text in _docstrings(source)
        for name in re.findall(r"`([^`\n]+)`", text)
        if DOTTED.fullmatch(name) and not FILE.fullmatch(name) and not _resolves(name)
    ]
    assert found == []


def test_every_name_in_backticks_is_one_of_the_code() -> None:
    names = _names()
    found = [
        f"{source}: {name}"
        for source in _sources()
        for text in _docstrings(source)
        for name in re.findall(r"`([^`\n]+)`", text)
        if IDENTIFIER.fullmatch(name) and name not in names and name not in ELSEWHERE
    ]
    assert found == []


def test_every_quality_record_says_what_made_it() -> None:
    files = sorted((ROOT / "docs" / "quality").glob("*.md"))
    assert len(files) > 10
    for file in files:
        record = read_record(file)
        assert re.fullmatch(r"[0-9a-f]{12,16}", record.data), file.name
        assert re.search(r"\b[0-9a-f]{12}\b", record.revision), file.name
        assert record.command.startswith(("make quality-", "make bench", "marquee ")), file.name


def test_the_quality_page_is_made_of_its_records() -> None:
    from training.record.quality_page import PAGE, RECORDS, assemble

    assert PAGE.read_text() == assemble(RECORDS), "run `make quality-page`"


@cache
def _tracked() -> tuple[str, ...]:
    """Every file of the checkout that git does not ignore."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    return tuple(name for name in listed if (ROOT / name).exists())


def _sources() -> list[str]:
    return [name for name in _tracked() if name.endswith(".py") and "_pb2" not in name]


@cache
def _parsed(source: str) -> ast.Module:
    return ast.parse((ROOT / source).read_text(), filename=source)


def _documented(tree: ast.Module) -> Iterator[ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef]:
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    yield from (node for node in ast.walk(tree) if isinstance(node, kinds) and ast.get_docstring(node))


def _docstrings(source: str) -> list[str]:
    return [ast.get_docstring(node) or "" for node in _documented(_parsed(source))]


def _comments(source: str) -> list[str]:
    tokens = tokenize.generate_tokens(io.StringIO((ROOT / source).read_text()).readline)
    return [token.string for token in tokens if token.type == tokenize.COMMENT]


def _names() -> set[str]:
    """Every identifier and every word of a string of the code, and of what lies beside it; docstrings left out."""
    names: set[str] = set()
    for source in _sources():
        prose = {id(node.body[0].value) for node in _documented(_parsed(source)) if isinstance(node.body[0], ast.Expr)}
        for node in ast.walk(_parsed(source)):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose:
                names |= set(re.findall(r"\w+", node.value))
            for field in ("id", "attr", "arg", "name"):
                value = getattr(node, field, None)
                names |= set(value.split(".")) if isinstance(value, str) else set()
    for name in _tracked():
        if name.endswith((".toml", ".proto", ".yaml", ".js", "Makefile")):
            names |= set(re.findall(r"\w+", (ROOT / name).read_text()))
    return names


def _has(file: Path, symbol: str) -> bool:
    """Does the file define the symbol: a function, a class, a constant, or a member of a class?"""
    if not file.is_file():
        return False
    body: list[ast.stmt] = ast.parse(file.read_text()).body
    for part in symbol.split("."):
        node = next((node for node in body if part in _defined(node)), None)
        if node is None:
            return False
        body = getattr(node, "body", [])
    return True


def _defined(node: ast.stmt) -> set[str]:
    if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        return {node.name}
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return {name.id for target in targets for name in ast.walk(target) if isinstance(name, ast.Name)}


def _resolves(name: str) -> bool:
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        place = ROOT.joinpath(*parts[:length])
        if place.is_dir() and length == len(parts):
            return True
        file = place.with_suffix(".py") if place.with_suffix(".py").exists() else place / "__init__.py"
        if file.exists():
            return length == len(parts) or _has(file, ".".join(parts[length:]))
    return False
