"""The shape of the repository: one name per module, imports that point one way, no pickled object anywhere."""

import ast
import importlib
import os
import statistics
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
LINES, MEDIAN_LINES, FUNCTION_LINES = 400, 110, 60
# What is still longer. Make it shorter and delete its line; never add one.
LONG_FUNCTIONS: set[str] = set()
MIRRORED = 0.9  # share of the modules that do something and have a test file at their own path
TRAINED_WORLDS = {"small" + "_world", "own" + "_world"}  # fixtures of tests/conftest.py
MAY_TRAIN = ("tests/e2e/", "tests/faults/", "tests/conftest.py")
# Runs every import and prints which module reads or writes the environment, or starts a thread, while it is imported.
# What a library does is its own affair.
IMPORTS = """
import importlib, os, sys, threading, traceback
root, found = sys.argv[1], set()

def importing():
    for frame in reversed(traceback.extract_stack()[:-2]):
        if frame.filename.startswith(root + "/") and "/site-packages/" not in frame.filename:
            if frame.name == "<module>":
                return frame.filename[len(root) + 1:]
        elif not frame.filename.endswith(("os.py", "os>", "_abc.py", "_abc>", "threading.py", "thread.py")):
            return ""
    return ""

def watch(owner, name, what):
    original = getattr(owner, name)
    def watched(self, *arguments, **named):
        if module := importing():
            found.add(f"{module} {what}")
        return original(self, *arguments, **named)
    setattr(owner, name, watched)

watch(type(os.environ), "__getitem__", "reads the environment")
watch(type(os.environ), "__setitem__", "writes the environment")
watch(type(os.environ), "__delitem__", "writes the environment")
watch(threading.Thread, "start", "starts a thread")
for name in sys.argv[2:]:
    try:
        importlib.import_module(name)
    except ModuleNotFoundError as error:  # a library of an extra
        if error.name.partition(".")[0] in {module.partition(".")[0] for module in sys.argv[2:]}:
            raise
print(*sorted(found), sep="\\n")
"""
READ_AT_IMPORT = {
    "feature_repo/features.py reads the environment",  # Feast's parser collects the attributes of the imported module
}
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


def test_no_file_and_no_function_is_longer_than_fits_in_the_head() -> None:
    lines = {path: len((ROOT / path).read_text().splitlines()) for path in _tracked()}
    long_files = {path for path, count in lines.items() if count > LINES}
    long_functions = {
        f"{path}: {node.name}"
        for path in lines
        for node in ast.walk(_parsed(ROOT / path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or 0) - node.lineno >= FUNCTION_LINES
    }
    assert (long_files, long_functions - LONG_FUNCTIONS) == (set(), set())
    assert statistics.median(lines.values()) <= MEDIAN_LINES


def test_a_module_has_its_test_where_one_looks_for_it() -> None:
    modules = [path for path in _tracked() if not path.startswith("tests/") and _does_something(ROOT / path)]
    without = [path for path in modules if not (ROOT / "tests" / path).with_name(f"test_{Path(path).name}").exists()]
    share = 1 - len(without) / len(modules)
    assert share >= MIRRORED, f"{share:.2f} of {len(modules)} modules; none for\n" + "\n".join(without)


def test_no_unit_test_waits_for_a_training() -> None:
    """A trained world takes a minute; a test that needs one is end to end, and untrained.py has releases for others."""
    waiting = [
        f"{path}: {name}"
        for path in _tracked()
        if path.startswith("tests/") and not path.startswith(MAY_TRAIN)
        for node in ast.walk(_parsed(ROOT / path))
        for name in _names(node)
        if name in TRAINED_WORLDS
    ]
    assert waiting == []


def test_an_import_has_no_effects() -> None:
    modules = [str(path.relative_to(ROOT).with_suffix("")).replace(os.sep, ".") for path in SOURCES]
    names = [name.removesuffix(".__init__") for name in modules]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore"}
    command = [sys.executable, "-c", IMPORTS, str(ROOT), *names]
    shown = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=150, check=False)
    assert shown.returncode == 0, shown.stderr[-4000:]
    assert set(shown.stdout.split("\n")) - {""} - READ_AT_IMPORT == set()


def _tracked() -> list[str]:
    """Every Python file of the checkout that is written by hand."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.py"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    return [path for path in listed if "_pb2" not in path and (ROOT / path).exists()]


def _names(node: ast.AST) -> list[str]:
    """What a node names: a fixture is a parameter, or a text given to pytest as the name of a fixture."""
    if isinstance(node, ast.arg):
        return [node.arg]
    return [node.value] if isinstance(node, ast.Constant) and isinstance(node.value, str) else []


def _does_something(path: Path) -> bool:
    """Has it a function or method with a body, or does it declare only names, shapes and protocols?"""
    if path.name == "__init__.py":
        return False
    functions = (node for node in ast.walk(_parsed(path)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    return any(not _is_declaration(function) for function in functions)


def _is_declaration(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    return all(isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant) for line in function.body)


def _parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), filename=str(path))


def _imports(path: Path) -> Iterator[str]:
    """Every module name that a file imports, also inside functions and under TYPE_CHECKING."""
    for node in ast.walk(_parsed(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.module != "__future__":
            yield node.module
