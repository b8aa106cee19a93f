"""docs/quality.md is what its records say, and a complete run replaces its own record."""

import json
from pathlib import Path

import pytest

from feature_repo.core.errors import MarqueeError
from feature_repo.core.home import Home
from training.record.quality_page import Record, assemble, read_record, take
from training.record.results import Results, Run, quality_directory

EARLIER = Record("Watching", "a1", "none", "make quality-ml1m", "0123456789ab", "abc", "3", "| old |\n|---|")
RUNS = tuple(Run("popularity", seed, {"hr": 0.25 + seed}, revision="def0") for seed in (0, 1))


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


@pytest.fixture
def records(tmp_path: Path) -> Path:
    folder = tmp_path / "quality"
    folder.mkdir()
    (folder / "10-a1-none.md").write_text(EARLIER.text())
    return folder


def ran(home: Home, protocol: str, command: str) -> None:
    results = Results(protocol, "who watches?", command, "f" * 64, "def0", "popularity", RUNS)
    folder = quality_directory(home, protocol)
    folder.mkdir(parents=True)
    (folder / "results.json").write_text(json.dumps(results.to_json()))
    (folder / "results.md").write_text(results.to_markdown())


def test_a_record_is_read_as_it_was_written(records: Path) -> None:
    assert read_record(records / "10-a1-none.md").text() == EARLIER.text()


def test_the_page_names_command_data_and_revision_of_each_table(records: Path) -> None:
    page = assemble(records)
    assert "## Watching\n\n`make quality-ml1m` · data 0123456789ab · revision abc · seeds 3\n" in page
    assert page.endswith("| old |\n|---|\n")


def test_a_complete_run_replaces_its_record_and_keeps_its_title(home: Home, records: Path) -> None:
    ran(home, "a1", "marquee evaluate --protocol a1")
    assert take(home, records) == ["a1: recorded in quality/10-a1-none.md"]
    record = read_record(records / "10-a1-none.md")
    assert (record.title, record.data, record.revision, record.seeds) == (
        "Watching", "f" * 16, "def0", "2",
    )  # fmt: skip
    assert "who watches?" in record.body
    assert "| popularity | 2 | 0.7500 ± 0.7071 |" in record.body
    assert "old" not in record.body


def test_what_people_wrote_about_a_table_outlives_its_figures(home: Home, records: Path) -> None:
    file = records / "10-a1-none.md"
    file.write_text(file.read_text() + "\n### Notes\n\nEASE weighs newer watches more.\n")
    ran(home, "a1", "marquee evaluate --protocol a1")
    for _ in range(2):
        take(home, records)
    body = read_record(file).body
    assert body.count("### Notes\n\nEASE weighs newer watches more.") == 1
    assert body.index("0.7500") < body.index("### Notes")
    assert "old" not in body


def test_of_a_sweep_the_page_shows_the_reference_and_what_has_the_chosen_trade_off(home: Home, records: Path) -> None:
    names = ["relevance", *(f"{method}-0.{tenth}{price}" for method in ("mmr", "dpp")
             for tenth in range(10, 50) for price in ("", "-floor-0.09"))]  # fmt: skip
    runs = tuple(Run(name, None, {"ndcg": 0.5}) for name in names)
    results = Results("a1", "chosen on validation: dpp-0.31-floor-0.09", "m", "f" * 64, "def0", "relevance", runs)
    folder = quality_directory(home, "a1")
    folder.mkdir(parents=True)
    (folder / "results.json").write_text(json.dumps(results.to_json()))
    (folder / "results.md").write_text(results.to_markdown())
    take(home, records)
    body = read_record(records / "10-a1-none.md").body
    assert "5 of 161 points: those of the chosen trade-off, 0.31" in body
    shown = [line.split(" | ")[0].strip("| ") for line in body.splitlines() if " 0.5000 " in line]
    assert shown == ["relevance", "mmr-0.31", "mmr-0.31-floor-0.09", "dpp-0.31", "dpp-0.31-floor-0.09"]


@pytest.mark.parametrize("option", ["--seeds 0", "--models ease"])
def test_a_part_of_a_protocol_replaces_nothing(home: Home, records: Path, option: str) -> None:
    ran(home, "a1", f"marquee evaluate --protocol a1 {option}")
    assert take(home, records) == [f"a1: left out, a part only (marquee evaluate --protocol a1 {option})"]
    assert read_record(records / "10-a1-none.md").body.strip() == EARLIER.body


def test_a_new_protocol_goes_to_the_end(home: Home, records: Path) -> None:
    ran(home, "diversity", "marquee frontier --protocol diversity --seeds 0,1,2")
    take(home, records)
    assert [file.name for file in sorted(records.iterdir())] == ["10-a1-none.md", "90-diversity-none.md"]


def test_a_record_without_its_data_is_refused_by_name(records: Path) -> None:
    file = records / "10-a1-none.md"
    file.write_text(file.read_text().replace("data: 0123456789ab\n", ""))
    with pytest.raises(MarqueeError, match=r"10-a1-none.md: expected a head with .* missing: \['data'\]"):
        read_record(file)
