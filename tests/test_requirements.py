"""What each role installs: pins alone, the same ones everywhere, and nothing that the role does not need."""

import json
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
ROLES = ("serve", "work", "train")
PIN = re.compile(r"^([a-z0-9-]+)==([^ ;]+)( ; .*)?$")


def pins(role: str) -> dict[str, set[str]]:
    """The versions of each package; where they depend on the Python version, there are two."""
    found: dict[str, set[str]] = {}
    for line in (ROOT / "requirements" / f"{role}.lock").read_text().splitlines():
        pin = PIN.match(line)
        assert pin is not None, f"{role}.lock: expected name==version, found {line}"
        found.setdefault(pin[1], set()).add(pin[2])
    return found


def names(requirements: list[str]) -> set[str]:
    return {re.split(r"[\[<>=~ ]", requirement, maxsplit=1)[0] for requirement in requirements} - {"marquee"}


@pytest.mark.parametrize("role", ROLES)
def test_a_role_pins_what_the_developers_pin(role: str) -> None:
    developers = pins("dev")
    assert {name: held for name, held in pins(role).items() if not held <= developers.get(name, set())} == {}


@pytest.mark.parametrize("role", [*ROLES, "dev"])
def test_every_dependency_of_a_role_is_in_its_lock(role: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = names(project["dependencies"]) | names(project["optional-dependencies"][role])
    assert wanted - set(pins(role)) == set()


def test_a_bento_installs_no_test_tool_and_no_library_of_training() -> None:
    of_training = {"mlflow", "evidently", "feast", "pandas", "duckdb", "torch", "lightgbm", "pyspark"}
    unwanted = {"pytest", "mypy", "ruff", *of_training}
    assert unwanted & set(pins("serve")) == set()
    assert unwanted <= set(pins("dev")) | {"pyspark"}


def test_what_tests_take_from_npm_is_pinned_by_its_hash_and_by_no_address() -> None:
    lock = json.loads((ROOT / "tests" / "worlds" / "npm" / "package-lock.json").read_text())
    installed = {name: package for name, package in lock["packages"].items() if name}
    assert [name for name, package in installed.items() if "resolved" in package] == []
    assert [name for name, package in installed.items() if not package["integrity"].startswith("sha512-")] == []
    assert "://" not in json.dumps(lock)
