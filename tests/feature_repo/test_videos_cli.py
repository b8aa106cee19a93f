"""`marquee videos`: put, get, patch, take-down, restore, list, history, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result
from worlds import toy

from feature_repo.catalog.errors import Conflict, InvalidVideos, UnknownVideo
from feature_repo.cli import app
from feature_repo.core.errors import REFUSED, USAGE
from feature_repo.core.home import Home

FILM = {"video_id": "new", "title": "New", "duration_seconds": 60, "genres": ["Drama"]}


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return toy.toy_home(tmp_path)


def videos(home: Home, *arguments: str, given: str = "") -> Result:
    return CliRunner().invoke(app, ["videos", *arguments, "--home", str(home.root)], input=given)


def answer(home: Home, *arguments: str, given: str = "") -> dict[str, Any]:
    result = videos(home, *arguments, "--json", given=given)
    assert result.exit_code == 0, (result.output, result.exception)
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def test_a_video_is_put_changed_taken_down_and_restored(home: Home) -> None:
    put = answer(home, "put", "-", given=json.dumps(FILM))
    assert put == {"created": 1, "changed": 0, "unchanged": 0, "video_id": "new", "version": 1, "change_id": 2}
    patched = answer(home, "patch", "new", "title=It = it", 'genres=["War"]', "maturity=13", "--if-match", "1")
    assert patched["version"] == 2
    assert answer(home, "take-down", "new", "--why", "rights")["version"] == 3
    assert answer(home, "list", "--taken-down")["count"] == 1
    assert answer(home, "restore", "new")["version"] == 4
    found = answer(home, "get", "new")
    assert (found["title"], found["genres"], found["category"], found["maturity"]) == ("It = it", ["War"], "War", 13)
    assert (found["version"], found["taken_down_us"]) == (4, 0)
    history = answer(home, "history", "new")["changes"]
    assert [(one["action"], one["why"]) for one in history] == [
        ("put", ""),
        ("patch", ""),
        ("take_down", "rights"),
        ("restore", ""),
    ]
    assert history[1]["changed"]["maturity"] == {"before": 0, "after": 13}
    assert "(command line)" in history[1]["who"]


def test_what_get_prints_can_be_put_again_and_changes_nothing(home: Home) -> None:
    row = answer(home, "get", "v07")
    assert answer(home, "put", "-", given=json.dumps(row))["unchanged"] == 1


def test_a_file_of_lines_is_put_whole_or_not_at_all_and_names_the_bad_line(home: Home, tmp_path: Path) -> None:
    file = tmp_path / "films.jsonl"
    lines = [json.dumps({**FILM, "video_id": f"n{number}"}) for number in range(3)]
    file.write_text("\n".join(lines))
    assert answer(home, "put", str(file)) == {"created": 3, "changed": 0, "unchanged": 0}
    lines[1] = json.dumps({**FILM, "video_id": "n9", "duration_seconds": "long"})
    file.write_text("\n".join(lines))
    result = videos(home, "put", str(file))
    assert isinstance(result.exception, InvalidVideos)
    assert result.exception.exit_status == REFUSED
    assert f"{file}, line 2: duration_seconds: expected seconds" in str(result.exception)
    assert answer(home, "list")["count"] == 15


def test_a_version_that_is_not_there_any_more_is_a_conflict(home: Home) -> None:
    result = videos(home, "patch", "v01", "title=x", "--if-match", "7")
    assert isinstance(result.exception, Conflict)
    assert result.exception.exit_status == REFUSED
    two = videos(home, "put", "-", "--if-match", "1", given=json.dumps([FILM, FILM]))
    assert two.exit_code == USAGE
    assert "expected one video, found 2" in two.output


@pytest.mark.parametrize("verb", ["get", "take-down", "restore", "history"])
def test_a_video_that_is_not_there_is_wrong_usage(home: Home, verb: str) -> None:
    result = videos(home, verb, "nothing")
    assert isinstance(result.exception, UnknownVideo)
    assert result.exception.exit_status == USAGE


def test_a_list_goes_on_and_is_shown_as_a_table(home: Home) -> None:
    first = answer(home, "list", "-n", "5", "--genre", "Drama")
    assert (first["count"], first["after"]) == (7, "v08")
    rest = answer(home, "list", "-n", "5", "--genre", "Drama", "--after", first["after"])
    assert ([row["video_id"] for row in rest["videos"]], rest["after"]) == (["v09", "v11"], None)
    shown = videos(home, "list", "-n", "2")
    assert "2 of 12 videos" in shown.output
    assert "no videos" in videos(home, "list", "--creator", "nobody").output
    assert "v01 is as it was ingested" in videos(home, "history", "v01").output


def test_a_field_without_a_value_gets_its_default_and_one_without_a_sign_is_refused(home: Home) -> None:
    answer(home, "patch", "v01", "description=", "tags=")
    found = answer(home, "get", "v01")
    assert (found["description"], found["tags"]) == ("", [])
    assert "expected FIELD=VALUE" in videos(home, "patch", "v01", "title").output
    assert isinstance(videos(home, "patch", "v01", "maturity=old").exception, InvalidVideos)
    assert isinstance(videos(home, "patch", "v01", "mood=old").exception, InvalidVideos)
    assert videos(home, "put", "/nowhere/film.json").exit_code == USAGE
