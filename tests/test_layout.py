"""The shape of the repository: one name per module, imports that point one way, no pickled object anywhere."""

import ast
import importlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("feature_repo", "models", "training", "bento_services", "monitoring")
SOURCES = sorted(
    [path for package in PACKAGES for path in (ROOT / package).rglob("*.py") if "_pb2" not in path.name]
    + [ROOT / "marquee.py"]
)
HEAVY = ("pandas", "mlflow", "evidently", "pyspark", "feast", "duckdb", "ibis", "sklearn", "lightgbm")
PICKLERS = {"pickle", "cPickle", "joblib", "dill", "cloudpickle", "shelve", "marshal"}


@pytest.mark.parametrize("package", PACKAGES)
def test_each_package_is_this_repositorys_own(package: str) -> None:
    module = importlib.import_module(package)
    assert module.__file__ is not None
    assert Path(module.__file__).resolve() == ROOT / package / "__init__.py"
    assert module.__doc__


def test_every_folder_of_sources_is_a_package_and_no_folder_of_tests_is() -> None:
    folders = {path.parent for package in PACKAGES for path in (ROOT / package).rglob("*.py")}
    assert [str(folder) for folder in folders if not (folder / "__init__.py").exists()] == []
    assert list((ROOT / "tests").rglob("__init__.py")) == []


def test_no_file_is_named_for_what_it_is_not() -> None:
    vague = {"utils", "util", "helpers", "helper", "common", "misc", "manager", "factory"}
    assert [str(path) for path in SOURCES if path.stem in vague or path.parent.name in vague] == []


def test_every_file_says_what_it_is_for() -> None:
    assert [str(path) for path in SOURCES if ast.get_docstring(_parsed(path)) is None] == []


def test_the_schema_imports_nothing() -> None:
    assert list(_imports(ROOT / "feature_repo" / "schema.py")) == []


def test_no_package_imports_the_command_line_or_the_tests() -> None:
    above = {"marquee", "tests", "toy", "conftest"}
    found = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in SOURCES
        if path.name != "marquee.py"
        for name in _imports(path)
        if name.split(".")[0] in above
    ]
    assert found == []


def test_nothing_is_pickled_or_unpickled() -> None:
    found = []
    for path in SOURCES:
        found += [f"{path.relative_to(ROOT)}: {n}" for n in _imports(path) if n.split(".")[0] in PICKLERS]
        for node in ast.walk(_parsed(path)):
            if isinstance(node, ast.Attribute) and ast.unparse(node) in ("torch.load", "torch.save"):
                found.append(f"{path.relative_to(ROOT)}:{node.lineno} {ast.unparse(node)}")
            if isinstance(node, ast.keyword) and node.arg == "allow_pickle" and ast.unparse(node.value) != "False":
                found.append(f"{path.relative_to(ROOT)}:{node.lineno} allow_pickle")
    assert found == []


def test_the_environment_is_read_and_written_in_one_place() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno} {ast.unparse(node)}"
        for path in [*SOURCES, *sorted((ROOT / "infra").rglob("*.py"))]
        if path != ROOT / "feature_repo" / "core" / "settings.py"
        for node in ast.walk(_parsed(path))
        if isinstance(node, ast.Attribute) and ast.unparse(node) in ("os.environ", "os.getenv", "os.putenv")
    ]
    assert found == []


def test_the_import_contracts_are_kept() -> None:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    shown = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert shown.returncode == 0, shown.stdout[-4000:] + shown.stderr[-2000:]


def test_the_serving_process_loads_no_training_or_offline_library() -> None:
    program = (
        "import sys, bento_services.feed.build, bento_services.process.home_service\n"
        f"print(*[name for name in {HEAVY!r} if name in sys.modules])"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", program]
    shown = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert shown.returncode == 0, shown.stderr[-4000:]
    assert shown.stdout.split() == []


def _parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), filename=str(path))


def _imports(path: Path) -> Iterator[str]:
    """Every module name that a file imports, also inside functions and under TYPE_CHECKING."""
    for node in ast.walk(_parsed(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.module != "__future__":
            yield node.module
