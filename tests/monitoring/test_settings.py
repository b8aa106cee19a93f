from collections import Counter
from dataclasses import is_dataclass
from pathlib import Path

import pytest

from feature_repo.core.settings import FILE, TABLES, VARIABLES, SettingsError, check, leaves, read, variable_of
from feature_repo.core.settings_list import comments, only, renewed, settings
from monitoring.settings import every_section

ROOT = Path(__file__).resolve().parents[2]


def test_every_table_has_one_owner() -> None:
    assert sorted(section.name for section in every_section()) == sorted(TABLES)


def test_every_owner_is_a_frozen_dataclass() -> None:
    for section in every_section():
        assert is_dataclass(section.config)
        assert section.config.__dataclass_params__.frozen  # type: ignore[attr-defined]


def test_no_two_settings_share_a_variable(tmp_path: Path) -> None:
    keys = [key for section in every_section() for key, _, _ in leaves(section.default(tmp_path), section.name)]
    named = Counter([variable_of(key) for key in keys] + [variable.name for variable in VARIABLES])
    assert [name for name, count in named.items() if count > 1] == []


def test_without_a_file_every_section_is_what_its_owner_says(tmp_path: Path) -> None:
    for section in every_section():
        assert read(section, tmp_path) == section.config()
    assert {row["origin"] for row in settings(every_section(), tmp_path) if "." in row["key"]} == {"default"}


def test_every_setting_is_one_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / FILE).write_text("[feed]\ndeadline_ms = 150\n")
    monkeypatch.setenv("MARQUEE_FEED_CANDIDATES", "300")
    monkeypatch.setenv("REDIS_URL", "redis://:password@127.0.0.1:6379/0")
    rows = settings(every_section(), tmp_path)
    assert only(rows, "feed.deadline_ms") == [
        {
            "key": "feed.deadline_ms",
            "value": 150,
            "unit": "ms",
            "origin": "marquee.toml:2",
            "variable": "MARQUEE_FEED_DEADLINE_MS",
        }
    ]
    assert only(rows, "feed.candidates")[0]["origin"] == "environment MARQUEE_FEED_CANDIDATES"
    assert only(rows, "REDIS_URL")[0]["value"] == "(secret)"
    assert {row["key"] for row in only(rows, "feed.rows")} >= {"feed.rows.length", "feed.rows.least"}


@pytest.mark.parametrize("section", every_section(), ids=lambda section: section.name)
def test_a_key_that_is_none_is_told_with_its_line(section: object, tmp_path: Path) -> None:
    name = section.name  # type: ignore[attr-defined]
    (tmp_path / FILE).write_text(f"[{name}]\nno_such_key = 1\n")
    with pytest.raises(SettingsError, match=rf"marquee\.toml:2: {name}\.no_such_key: expected one of "):
        check(every_section(), tmp_path)


def test_what_a_field_is_stands_behind_it() -> None:
    from bento_services.settings import SupervisorConfig

    assert comments(SupervisorConfig)["ready_seconds"].startswith("for a child to become ready")
    assert "longest_pause_seconds" not in comments(SupervisorConfig)


def test_the_tables_in_the_docs_are_what_the_code_gives() -> None:
    page = (ROOT / "docs" / "operations.md").read_text()
    assert page == renewed(page, every_section()), "run `make docs`"


def test_the_home_that_an_option_names_is_the_one_that_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MARQUEE_HOME", str(tmp_path))
    for home, origin in ((tmp_path / "another", "option"), (tmp_path, "environment")):
        (row,) = only(settings(every_section(), home), "MARQUEE_HOME")
        assert (row["value"], row["origin"]) == (str(home), origin)
