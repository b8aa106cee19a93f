"""Configuration: every environment variable, and the tables of HOME/marquee.toml.

Precedence, lowest first: the default in the dataclass, HOME/marquee.toml, the environment, an option of the command
line. Each part of Marquee declares a frozen dataclass and the table that it is read from; `<layer>/settings.py` lists
them. An environment variable overrides a key of the file: MARQUEE_FEED_DEADLINE_MS overrides `feed.deadline_ms`.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from difflib import get_close_matches
from math import isfinite
from pathlib import Path
from typing import Any, Generic, TypeVar, get_type_hints

from feature_repo.core.errors import HomeError
from feature_repo.core.toml import read_as, read_over, read_toml

FILE = "marquee.toml"  # in the home
PREFIX = "MARQUEE_"
SET_BY_FEAST = ("PROMETHEUS_MULTIPROCESS_DIR", "PROMETHEUS_MULTIPROC_DIR")  # at import
# Every table that FILE may have. The serving process imports no training code, but must accept [ranker].
TABLES = (
    "catalog",
    "store",
    "log",
    "logs",
    "stream",
    "floods",
    "simulator",
    "two_tower",
    "ranker",
    "evaluation",
    "gates",
    "promotion",
    "retrieval",
    "service",
    "supervisor",
    "precompute",
    "autopilot",
    "limits",
    "rates",
    "feed",
    "report",
    "drift",
)

DEFAULT, OPTION = "default", "option"

Value = TypeVar("Value")
Config = TypeVar("Config")


class SettingsError(HomeError):
    """An unknown variable, table or key, or an invalid value. The message says where it is set."""


# --- environment variables -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Variable(Generic[Value]):
    """One environment variable. An empty value counts as unset."""

    name: str
    parse: Callable[[str], Value]
    default: Value
    read_by: str
    what: str
    secret: bool = False

    def get(self) -> Value:
        text = os.environ.get(self.name)
        if not text:
            return self.default
        try:
            return self.parse(text)
        except ValueError:
            expected = "1 or 0" if self.parse is _flag else "a whole number"
            raise SettingsError(f"{self.name}: expected {expected}, found {text!r}") from None

    def set(self, value: Value) -> None:
        """Set it for this process and its future children."""
        os.environ[self.name] = ("1" if value else "") if isinstance(value, bool) else str(value)

    def unset(self) -> None:
        os.environ.pop(self.name, None)


def _flag(text: str) -> bool:
    if text not in ("0", "1"):
        raise ValueError(text)
    return text == "1"


MARQUEE_HOME = Variable("MARQUEE_HOME", str, "var", "all", "directory of the world: its lake, models, releases, store")
MARQUEE_RELEASE = Variable(
    "MARQUEE_RELEASE",
    str,
    "",
    "service",
    "directory of the release to serve, fixed; else the one packaged in the Bento, else the home's champion",
)
REDIS_URL = Variable("REDIS_URL", str, "", "all", "an external online store instead of the embedded one", secret=True)
KAFKA_BOOTSTRAP_SERVERS = Variable(
    "KAFKA_BOOTSTRAP_SERVERS",
    str,
    "",
    "service, processor",
    "HOST:PORT[,HOST:PORT]: keep the event log in Kafka, not Valkey",
)
MARQUEE_HOST = Variable("MARQUEE_HOST", str, "127.0.0.1", "service", "address to listen on")
MARQUEE_GRPC_PORT: Variable[int | None] = Variable(
    "MARQUEE_GRPC_PORT", int, None, "service", "gRPC port (0: any free one); no gRPC if unset"
)
MARQUEE_INSECURE = Variable(
    "MARQUEE_INSECURE", _flag, False, "service", "1: listen on a public address without API keys"
)
MARQUEE_SPLIT = Variable(
    "MARQUEE_SPLIT", _flag, False, "service", "1: run retrieval and ranking in separate processes (`bentoml serve`)"
)
BENTOML_HOME = Variable("BENTOML_HOME", str, "", "package, service", "where Bentos are built and found (HOME/bentoml)")
# Read by the Makefile, the tests, and Feast in feature_store.yaml; not by Marquee's processes.
READ_BY_OTHERS = ("MARQUEE_DATA", "MARQUEE_TEST_WORLD", "MARQUEE_FEAST_REDIS")
VARIABLES: tuple[Variable[Any], ...] = (
    MARQUEE_HOME,
    MARQUEE_RELEASE,
    REDIS_URL,
    KAFKA_BOOTSTRAP_SERVERS,
    MARQUEE_HOST,
    MARQUEE_GRPC_PORT,
    MARQUEE_INSECURE,
    MARQUEE_SPLIT,
    BENTOML_HOME,
)

# Variables of libraries that Marquee sets unless they are set already.
LIBRARY_DEFAULTS = {
    "BENTOML_DO_NOT_TRACK": "no BentoML telemetry",
    "DO_NOT_TRACK": "no Evidently telemetry",
    "FEAST_USAGE": "no Feast telemetry",
    "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "models are never loaded from a pickle",
    "MLFLOW_DISABLE_TELEMETRY": "no MLflow telemetry",
    "MLFLOW_LOGGING_LEVEL": "keeps MLflow's notices out of our output",
    "OMP_NUM_THREADS": "one request runs on one core; more threads only compete",
    "OMP_WAIT_POLICY": "spinning waits slow training tenfold on a busy machine",
    "ORT_DISABLE_TELEMETRY": "no ONNX Runtime telemetry",
    "PYSPARK_PYTHON": "Spark workers run this Python",
    "SPARK_LOCAL_IP": "Spark listens on loopback only",
}


def preset(**values: str) -> None:
    """Set environment variables that libraries read at import, unless they are set already."""
    assert values.keys() <= LIBRARY_DEFAULTS.keys(), "LIBRARY_DEFAULTS must explain it"
    for name, value in values.items():
        os.environ.setdefault(name, value)


def child_environment(**values: str) -> dict[str, str]:
    """The environment for a child process: that of this process with some values replaced.

    Leaves out what Feast sets, or a child would write its metrics to this process's temporary directory.
    """
    return {name: value for name, value in os.environ.items() if name not in SET_BY_FEAST} | values


# --- HOME/marquee.toml -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Section(Generic[Config]):
    """One table of marquee.toml, read into a frozen dataclass."""

    name: str
    config: type[Config]
    read_by: str
    defaults: Callable[[Path], Config] | None = None  # for defaults that depend on the home's world

    def __post_init__(self) -> None:
        assert self.name in TABLES, f"{self.name} is not among TABLES"

    def default(self, root: Path) -> Config:
        return self.config() if self.defaults is None else self.defaults(root)


@dataclass(frozen=True)
class Setting:
    """One key of a section: its value, and where that was set."""

    key: str
    value: Any
    origin: str  # default | marquee.toml:LINE | the variable's name | option

    @property
    def variable(self) -> str:
        return variable_of(self.key)


def read(section: Section[Config], root: Path, **given: Any) -> Config:
    """The section's settings for the home at `root`. `given`: options of the command line; None: not given.

    Raises SettingsError for an unknown table of the file, and for an unknown key or invalid value of the section.
    """
    return _resolved(section, root, given)[0]


def explain(section: Section[Any], root: Path, **given: Any) -> list[Setting]:
    """Every key of the section with its value and origin. Raises SettingsError."""
    config, origins = _resolved(section, root, given)
    return [Setting(key, value, origins.get(key, DEFAULT)) for key, value, _ in leaves(config, section.name)]


def check(sections: tuple[Section[Any], ...], root: Path) -> None:
    """Raises SettingsError for the first error in the file or the environment."""
    for section in sections:
        read(section, root)
    for variable in VARIABLES:
        variable.get()
    read_here = {section.name for section in sections}
    others = [name for name in variables_of_tables() if table_of(name) in {*TABLES} - read_here]
    refuse_misspelled([name for name in variables_of_tables() if name not in others], sections)


def variables_of_tables() -> list[str]:
    """The MARQUEE_ variables in the environment that should be keys of marquee.toml."""
    apart = {*(variable.name for variable in VARIABLES), *READ_BY_OTHERS}
    return sorted(name for name in os.environ if name.startswith(PREFIX) and name not in apart)


def table_of(variable: str) -> str:
    """The table of marquee.toml that a variable's name begins with; "" for none."""
    fits = [table for table in TABLES if variable.startswith(f"{variable_of(table)}_")]
    return max(fits, key=len, default="")


def refuse_misspelled(names: Iterable[str], sections: Iterable[Section[Any]]) -> None:
    """Raises SettingsError for the first of these variables that is not a key of the sections."""
    keys = {variable_of(key) for section in sections for key, _, _ in leaves(section.config(), section.name)}
    known = keys | {variable.name for variable in VARIABLES}
    for name in names:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            hint = f"; did you mean {near[0]}?" if near else "; `marquee config show --json` lists them all"
            raise SettingsError(f"{name}: unknown variable{hint}")


def leaves(config: Any, key: str) -> Iterator[tuple[str, Any, tuple[type, str]]]:
    """Every leaf key of a nested dataclass, its value, and the class and field that declare it."""
    for item in fields(config):
        value = getattr(config, item.name)
        if is_dataclass(value) and not isinstance(value, type):
            yield from leaves(value, f"{key}.{item.name}")
        else:
            yield f"{key}.{item.name}", value, (type(config), item.name)


def variable_of(key: str) -> str:
    return PREFIX + key.upper().replace(".", "_")


def _resolved(section: Section[Config], root: Path, given: Mapping[str, Any]) -> tuple[Config, dict[str, str]]:
    """The section's dataclass, and the origins of all keys that differ from the defaults."""
    path = root / FILE
    text, tables = _file(path)
    table = tables.get(section.name, {})
    lines = lines_of(text)
    try:
        config: Config = read_over(section.default(root), table, section.name)
    except ValueError as error:
        raise SettingsError(f"{_place(path, lines, str(error).partition(':')[0])}: {error}") from error
    origins = {key: _place(Path(FILE), lines, key) for key in _keys(table, section.name)}
    for key, _, (owner, name) in list(leaves(config, section.name)):
        if override := os.environ.get(variable_of(key)):
            config = _overridden(config, key.split(".")[1:], get_type_hints(owner)[name], variable_of(key), override)
            origins[key] = variable_of(key)
    _check_numbers(config, section, root, origins)
    options = {name: value for name, value in given.items() if value is not None}
    return replace(config, **options), origins | {f"{section.name}.{name}": OPTION for name in options}  # type: ignore[type-var]


def _check_numbers(config: Any, section: Section[Any], root: Path, origins: Mapping[str, str]) -> None:
    """Raises SettingsError for a number that is not finite, or that is negative while its default is not."""
    defaults = {key: value for key, value, _ in leaves(section.default(root), section.name)}
    for key, value, _ in leaves(config, section.name):
        parts = value.values() if isinstance(value, Mapping) else value if isinstance(value, tuple) else (value,)
        for number in parts:
            if not isinstance(number, int | float):
                continue
            if not isfinite(number) or (number < 0 and not _is_negative(defaults[key])):
                raise SettingsError(f"{origins.get(key, FILE)}: {key}: expected a number from 0 up, found {value!r}")


def _is_negative(default: Any) -> bool:
    return isinstance(default, int | float) and default < 0


def _file(path: Path) -> tuple[str, dict[str, Any]]:
    if not path.exists():
        return "", {}
    tables = read_toml(path)
    text = path.read_text(encoding="utf-8")
    for name, table in tables.items():
        place = _place(path, lines_of(text), name)
        if name not in TABLES:
            raise SettingsError(f"{place}: expected one of the tables {', '.join(TABLES)}, found {name!r}")
        if not isinstance(table, Mapping):
            raise SettingsError(f"{place}: {name}: expected a table, found {table!r}")
    return text, tables


def _overridden(config: Any, path: list[str], hint: Any, variable: str, text: str) -> Any:
    """`config` with the value of an environment variable, in TOML syntax; strings need no quotes."""
    try:
        value = text if hint is str else read_as(hint, tomllib.loads(f"value = {text}")["value"], variable)
        return _with(config, path, value)
    except tomllib.TOMLDecodeError:
        raise SettingsError(f"{variable}: expected a value as in {FILE}, found {text!r}") from None
    except ValueError as error:
        message = str(error)
        raise SettingsError(message if message.startswith(variable) else f"{variable}: {message}") from error


def _with(config: Any, path: list[str], value: Any) -> Any:
    name, *deeper = path
    return replace(config, **{name: _with(getattr(config, name), deeper, value) if deeper else value})


def _keys(table: Mapping[str, Any], key: str) -> Iterator[str]:
    for name, value in table.items():
        yield f"{key}.{name}"
        if isinstance(value, Mapping):
            yield from _keys(value, f"{key}.{name}")


def lines_of(text: str) -> dict[str, int]:
    """The line of each table and key of a TOML text, except keys of inline tables."""
    lines: dict[str, int] = {}
    table = ""
    for number, line in enumerate(text.splitlines(), start=1):
        stripped = line.strip()
        if stripped.startswith("["):
            table = stripped.strip("[]").split("]")[0].replace('"', "").replace(" ", "")
            lines.setdefault(table, number)
        elif "=" in stripped and not stripped.startswith("#"):
            name = stripped.partition("=")[0].strip().replace('"', "").replace(" ", "")
            lines.setdefault(f"{table}.{name}" if table else name, number)
    return lines


def _place(path: Path, lines: Mapping[str, int], key: str) -> str:
    """FILE:LINE of a key, or of the innermost enclosing table with a known line."""
    while key and key not in lines:
        key = key.rpartition(".")[0]
    return f"{path}:{lines[key]}" if key else str(path)
