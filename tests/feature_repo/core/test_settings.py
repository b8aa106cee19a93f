import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from feature_repo.core.files import FileError
from feature_repo.core.settings import (
    FILE,
    MARQUEE_GRPC_PORT,
    MARQUEE_HOME,
    MARQUEE_SPLIT,
    VARIABLES,
    Section,
    Setting,
    SettingsError,
    check,
    child_environment,
    explain,
    lines_of,
    preset,
    read,
)


@dataclass(frozen=True)
class Rows:
    length: int = 10
    least: int = 3


@dataclass(frozen=True)
class Feed:
    deadline_ms: int = 200
    share: float = 0.5
    title: str = "Top picks"
    explore: bool = True
    heads: tuple[str, ...] = ("click",)
    rows: Rows = field(default_factory=Rows)
    deep: Rows = field(default_factory=lambda: Rows(length=100, least=30))

    def __post_init__(self) -> None:
        if self.deadline_ms < 1:
            raise ValueError("deadline_ms: expected at least 1")


FEED = Section("feed", Feed, "service")


def home(root: Path, text: str) -> Path:
    (root / FILE).write_text(text)
    return root


def named(settings: list[Setting]) -> dict[str, tuple[Any, str]]:
    return {setting.key: (setting.value, setting.origin) for setting in settings}


def test_without_a_file_every_value_is_the_owners(tmp_path: Path) -> None:
    assert read(FEED, tmp_path) == Feed()
    assert {setting.origin for setting in explain(FEED, tmp_path)} == {"default"}


def test_the_file_goes_over_the_default_part_by_part(tmp_path: Path) -> None:
    root = home(tmp_path, "[feed]\ndeadline_ms = 150\nshare = 1\n\n[feed.deep]\nlength = 7\n")
    assert read(FEED, root) == Feed(deadline_ms=150, share=1.0, deep=Rows(length=7, least=30))


def test_the_environment_goes_over_the_file_and_an_option_over_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = home(tmp_path, "[feed]\ndeadline_ms = 150\n")
    monkeypatch.setenv("MARQUEE_FEED_DEADLINE_MS", "120")
    assert read(FEED, root).deadline_ms == 120
    assert read(FEED, root, deadline_ms=None).deadline_ms == 120
    assert read(FEED, root, deadline_ms=90).deadline_ms == 90


def test_the_origin_of_each_value_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = home(tmp_path, "# ours\n[feed]\nshare = 0.25\nrows = { length = 4 }\n")
    monkeypatch.setenv("MARQUEE_FEED_DEEP_LEAST", "2")
    told = named(explain(FEED, root, deadline_ms=90))
    assert told["feed.deadline_ms"] == (90, "option")
    assert told["feed.share"] == (0.25, "marquee.toml:3")
    assert told["feed.rows.length"] == (4, "marquee.toml:4")
    assert told["feed.deep.least"] == (2, "MARQUEE_FEED_DEEP_LEAST")
    assert told["feed.rows.least"] == (3, "default")


def test_the_environment_spells_values_as_the_file_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, text in {"EXPLORE": "false", "TITLE": "For you", "HEADS": '["click", "like"]', "SHARE": "1"}.items():
        monkeypatch.setenv(f"MARQUEE_FEED_{name}", text)
    assert read(FEED, tmp_path) == Feed(explore=False, title="For you", heads=("click", "like"), share=1.0)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[food]\n", ":1: expected one of the tables "),
        ("feed = 3\n", ":1: feed: expected a table, found 3"),
        ("\n[feed]\ndeadline = 3\n", ":3: feed.deadline: expected one of deadline_ms, share, "),
        ("[feed]\ndeadline_ms = 'soon'\n", ":2: feed.deadline_ms: expected a whole number, found 'soon'"),
        ("[feed.rows]\nlength = 1.5\n", ":2: feed.rows.length: expected a whole number, found 1.5"),
        ("[feed]\nrows = 5\n", ":2: feed.rows: expected a table, found 5"),
        ("[feed]\ndeadline_ms = 0\n", ":1: feed: deadline_ms: expected at least 1"),
        ("[feed\n", ": expected TOML, found something else: "),
    ],
)
def test_what_is_wrong_is_told_with_its_place(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(Exception) as caught:
        read(FEED, home(tmp_path, text))
    assert str(caught.value).startswith(f"{tmp_path / FILE}{complaint}")


def test_what_is_wrong_in_the_environment_is_told_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MARQUEE_FEED_DEADLINE_MS", "soon")
    with pytest.raises(SettingsError, match=r"^MARQUEE_FEED_DEADLINE_MS: expected a value as in marquee.toml, found"):
        read(FEED, tmp_path)
    monkeypatch.setenv("MARQUEE_FEED_DEADLINE_MS", "1.5")
    with pytest.raises(SettingsError, match=r"^MARQUEE_FEED_DEADLINE_MS: expected a whole number, found 1\.5"):
        read(FEED, tmp_path)
    monkeypatch.setenv("MARQUEE_FEED_DEADLINE_MS", "0")
    with pytest.raises(SettingsError, match=r"^MARQUEE_FEED_DEADLINE_MS: deadline_ms: expected at least 1"):
        read(FEED, tmp_path)


def test_a_table_of_a_layer_that_is_not_here_is_no_mistake(tmp_path: Path) -> None:
    assert read(FEED, home(tmp_path, "[ranker]\nwidth = 64\n")) == Feed()


def test_lines_are_those_of_tables_and_keys() -> None:
    text = 'name = 1\n# a = 2\n\n[feed]\na = 1\nb.c = 2\n[feed.rows] # x = 1\n"length" = 3\n'
    assert lines_of(text) == {"name": 1, "feed": 4, "feed.a": 5, "feed.b.c": 6, "feed.rows": 7, "feed.rows.length": 8}


def test_a_variable_that_is_set_to_nothing_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in VARIABLES:
        monkeypatch.setenv(variable.name, "")
        assert variable.get() == variable.default


def test_a_variable_is_read_when_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MARQUEE_GRPC_PORT", "0")
    monkeypatch.setenv("MARQUEE_SPLIT", "0")
    assert MARQUEE_GRPC_PORT.get() == 0
    assert MARQUEE_SPLIT.get() is False
    monkeypatch.setenv("MARQUEE_GRPC_PORT", "http")
    with pytest.raises(SettingsError, match=r"^MARQUEE_GRPC_PORT: expected a whole number, found 'http'"):
        MARQUEE_GRPC_PORT.get()


def test_what_is_set_is_told_to_children(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MARQUEE_HOME", "here")
    monkeypatch.setenv("MARQUEE_SPLIT", "")
    MARQUEE_SPLIT.set(True)
    told = child_environment(MARQUEE_HOME="there")
    assert (told["MARQUEE_HOME"], told["MARQUEE_SPLIT"]) == ("there", "1")
    assert MARQUEE_HOME.get() == "here"


def test_a_library_keeps_what_somebody_told_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    monkeypatch.delenv("SPARK_LOCAL_IP", raising=False)
    preset(OMP_NUM_THREADS="1", SPARK_LOCAL_IP="127.0.0.1")
    told = child_environment()
    assert (told["OMP_NUM_THREADS"], told["SPARK_LOCAL_IP"]) == ("3", "127.0.0.1")
    monkeypatch.delenv("SPARK_LOCAL_IP")


def test_children_do_not_write_their_metrics_into_the_directory_that_feast_makes() -> None:
    """It had the service open files before it was forked, which then closed its socket."""
    import feast.metrics  # noqa: F401

    assert "PROMETHEUS_MULTIPROC_DIR" in os.environ
    assert not [name for name in child_environment() if name.startswith("PROMETHEUS")]


@pytest.mark.parametrize("said", ["rows.least = -2", "share = nan", "share = inf", "rows.length = -1"])
def test_a_number_that_is_negative_or_not_finite_is_refused_with_its_line(tmp_path: Path, said: str) -> None:
    (tmp_path / FILE).write_text(f"[feed]\n{said}\n")
    key = said.split(" ")[0]
    with pytest.raises(SettingsError, match=rf"marquee.toml:2: feed.{key}: expected a number from 0 up"):
        read(FEED, tmp_path)


def test_a_file_that_cannot_be_read_is_one_line(tmp_path: Path) -> None:
    (tmp_path / FILE).mkdir()
    with pytest.raises(FileError, match=r"marquee.toml: expected TOML, found a directory; fix it"):
        read(FEED, tmp_path)


def test_a_variable_of_no_setting_and_a_switch_that_is_none_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MARQUEE_DATA", "data")  # of the tests
    check((FEED,), tmp_path)
    monkeypatch.setenv("MARQUEE_SPLIT", "true")
    with pytest.raises(SettingsError, match="MARQUEE_SPLIT: expected 1 or 0, found 'true'"):
        check((FEED,), tmp_path)
    monkeypatch.delenv("MARQUEE_SPLIT")
    monkeypatch.setenv("MARQUEE_FEED_DEADLNE_MS", "3")
    with pytest.raises(SettingsError, match=r"did you mean MARQUEE_FEED_DEADLINE_MS\?"):
        check((FEED,), tmp_path)
