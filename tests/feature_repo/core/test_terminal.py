"""Results go to stdout, as JSON or field by field; bars and notes to stderr."""

import json
from pathlib import Path

import pytest

from feature_repo.core.terminal import bars, note, print_table, show

Captured = pytest.CaptureFixture[str]


def test_a_result_is_json_where_it_was_asked_for(capsys: Captured) -> None:
    show({"path": Path("a"), "share": 0.5}, as_json=True)
    assert json.loads(capsys.readouterr().out) == {"path": "a", "share": 0.5}


def test_a_result_is_told_field_by_field(capsys: Captured) -> None:
    show({"share": 0.12345, "counts": {"videos": 3}, "gates": [{"gate": "auc", "value": 1234.5}]}, as_json=False)
    told = capsys.readouterr().out
    assert "share                    0.1235" in told
    assert "counts\n  videos                   3" in told
    assert "auc" in told
    assert "1,234" in told


def test_values_are_written_as_people_write_them(capsys: Captured) -> None:
    show({"previous": None, "set_aside": [], "scopes": ["serve", "events"], "writable": True}, as_json=False)
    told = [line.split(maxsplit=1)[1] for line in capsys.readouterr().out.splitlines()]
    assert told == ["–", "–", "serve, events", "yes"]


def test_a_table_of_its_own_is_drawn_instead(capsys: Captured) -> None:
    show({"a": 1}, as_json=False, table=lambda result: print(f"drawn {result['a']}"))
    assert capsys.readouterr().out == "drawn 1\n"


def test_a_table_has_a_column_per_field_and_nothing_for_none(capsys: Captured) -> None:
    print_table("two_models", [{"model": "a", "auc": 0.71234}, {"model": "b", "auc": None}])
    told = capsys.readouterr().out
    assert "two models" in told
    assert "0.7123" in told
    assert "None" not in told


def test_work_under_way_does_not_touch_stdout(capsys: Captured) -> None:
    note("training")
    with bars() as progress, progress.task("epoch", total=2) as advance:
        advance(1)
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == "training\n"  # not a terminal: no bars, and no line for them
