"""TOML into dataclasses, and sentences about what does not fit."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import pytest

from feature_repo.core.files import FileError
from feature_repo.core.toml import read_as, read_toml


@dataclass(frozen=True)
class Window:
    start: datetime
    days: int = 7


@dataclass(frozen=True)
class Plan:
    name: str
    window: Window
    kind: Literal["short", "long"] = "short"
    ready: bool = False
    sizes: tuple[int, ...] = ()
    weights: Mapping[str, float] = field(default_factory=dict)
    grids: Mapping[str, Sequence[dict[str, Any]]] = field(default_factory=dict)


START = {"start": "2022-04-25"}


def test_tables_become_dataclasses_lists_tuples_and_a_time_without_a_zone_is_utc(tmp_path: Path) -> None:
    (tmp_path / "plan.toml").write_text(
        'name = "früh"\nkind = "long"\nsizes = [1, 2]\n[window]\nstart = 2022-04-25T08:00:00+08:00\n[weights]\na = 1\n',
        encoding="utf-8",
    )
    start = datetime(2022, 4, 25, tzinfo=UTC)
    plan = read_as(Plan, read_toml(tmp_path / "plan.toml"))
    assert plan == Plan("früh", Window(start), "long", sizes=(1, 2), weights={"a": 1.0})
    assert read_as(Window, START) == Window(start)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"name": None}, "name: expected text, found nothing"),
        ({"name": 3}, "name: expected text, found 3"),
        ({"speed": 3}, "speed: expected one of name, window, .*, found 'speed'"),
        ({"window": {}}, r"window\.start: expected an ISO time as .*, found nothing"),
        ({"window": {"start": "Friday"}}, r"window\.start: expected an ISO time as .*, found 'Friday'"),
        ({"window": {**START, "hours": 1}}, r"window\.hours: expected one of start, days, found 'hours'"),
        ({"window": 3}, "window: expected a table, found 3"),
        ({"kind": "wide"}, "kind: expected short or long, found 'wide'"),
        ({"ready": 1}, "ready: expected true or false, found 1"),
        ({"sizes": [1, 2.5]}, r"sizes\[1\]: expected a whole number, found 2\.5"),
        ({"sizes": 3}, "sizes: expected a list, each a whole number, found 3"),
        ({"weights": {"a": "b"}}, "weights: expected a table, each value a number, found"),
        ({"grids": {"a": 3}}, "grids: expected a table, each value a list, each a table, found"),
    ],
)
def test_what_does_not_fit_is_named_with_its_key(changes: dict[str, Any], says: str) -> None:
    table = {name: value for name, value in {"name": "p", "window": START, **changes}.items() if value is not None}
    with pytest.raises(ValueError, match=f"^{says}"):
        read_as(Plan, table)


def test_a_file_that_is_no_toml_is_named(tmp_path: Path) -> None:
    file = tmp_path / "broken.toml"
    file.write_text("name = ")
    with pytest.raises(FileError, match=r"broken\.toml: expected TOML, found something else: Invalid value"):
        read_toml(file)
    file.write_bytes('name = "früh"'.encode("latin-1"))
    with pytest.raises(FileError, match=r"broken\.toml: expected TOML, found something else: 'utf-8' codec"):
        read_toml(file)
