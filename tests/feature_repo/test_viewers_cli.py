"""`marquee viewers`: export, erase, personal."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pytest
from typer.testing import CliRunner, Result
from worlds import toy

from feature_repo.cli import app
from feature_repo.core.home import Home
from feature_repo.lake.cut import take_cut
from feature_repo.lake.outcomes import LIVE
from feature_repo.lake.tables import Lake
from feature_repo.people import erase as people


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setattr(people, "FOLLOWED_SECONDS", 0.0)
    return toy.toy_home(tmp_path)


def viewers(home: Home, *arguments: str, given: str = "") -> Result:
    return CliRunner().invoke(app, ["viewers", *arguments, "--home", str(home.root)], input=given)


def test_a_viewer_is_given_out_and_erased(home: Home) -> None:
    exported = json.loads(viewers(home, "export", "heavy", "--json").stdout)
    assert exported["viewer"] == "heavy"
    assert {row["user_id"] for row in exported["holders"]["lake"]["lake/events"]} == {"heavy"}
    assert "lake/users" in viewers(home, "export", "heavy").stdout
    erased = viewers(home, "erase", "heavy", "--yes", "--json")
    receipt = json.loads(erased.stdout)
    assert (erased.exit_code, receipt["known"], receipt["left"]) == (0, True, 0)
    assert "heavy" not in erased.stdout
    assert json.loads(viewers(home, "export", "heavy", "--json").stdout)["holders"] == {}
    again = viewers(home, "erase", "heavy", "--yes")
    assert again.exit_code == 0
    assert "nothing was known of this viewer" in again.stderr
    assert "removed 0, left 0" in again.stdout


def test_nothing_is_erased_without_a_yes(home: Home) -> None:
    for given in ("n\n", ""):
        refused = viewers(home, "erase", "heavy", given=given)
        assert refused.exit_code == 1
        assert "cannot be taken back" in refused.stderr
    assert "heavy" in Lake(home).users()["user_id"].to_pylist()
    assert viewers(home, "erase", "heavy", given="y\n").exit_code == 0
    assert "heavy" not in Lake(home).users()["user_id"].to_pylist()


def test_tagged_viewers_are_listed_with_the_reason(home: Home) -> None:
    before = viewers(home, "tagged", "--json")
    assert json.loads(before.stdout) == {"by_reason": {}, "viewers": []}
    assert "marquee features" in before.stderr
    flood = toy.events()[0] | {"event": "watch", "user_id": "bot", "timestamp_us": toy.at(2, "12:00")}
    rows = [flood | {"event_id": f"bot-{n}"} for n in range(301)]
    Lake(home).append_events(pa.Table.from_pylist(rows), f"{LIVE}bot")
    take_cut(home)
    found = json.loads(viewers(home, "tagged", "--json").stdout)
    assert found["by_reason"] == {"fast_minute": 1, "same_video": 1}
    same = {"user_id": "bot", "days": 1, "since": "2025-06-04", "found": 301.0, "most": 300.0, "events": 301}
    assert found["viewers"] == [same | {"reason": "fast_minute"}, same | {"reason": "same_video"}]
    assert "fast_minute" in viewers(home, "tagged").stdout
    assert viewers(home, "erase", "bot", "--yes").exit_code == 0
    assert "bot" not in viewers(home, "tagged", "--json").stdout


def test_personal_pages_are_turned_off_and_on(home: Home) -> None:
    refused = json.loads(viewers(home, "personal", "heavy", "--off", "--yes", "--json").stdout)
    assert (refused["personal_pages"], refused["changed"], refused["erasure"]["left"]) == (False, True, 0)
    assert json.loads(viewers(home, "export", "heavy", "--json").stdout)["personal_pages"] is False
    assert json.loads(viewers(home, "personal", "heavy", "--on", "--json").stdout) == {
        "personal_pages": True,
        "changed": True,
        "erasure": None,
    }


def test_what_is_no_id_is_wrong_usage(home: Home) -> None:
    assert viewers(home, "erase", " ", "--yes").exit_code == 2
    assert viewers(home, "export", "x" * 200).exit_code == 2
