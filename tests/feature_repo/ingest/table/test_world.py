"""A team's tables as a world: what is read, what is derived, and that nothing changes where something is wrong."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from feature_repo.core.home import Home
from feature_repo.ingest.new_world import IngestOptions, WorldExists
from feature_repo.ingest.rejected import BadRows, MaxRejected
from feature_repo.ingest.table.world import ingest
from feature_repo.lake.tables import Lake, LakeError

RATED = """
[events.rating]
column = "seconds"
least = 1
most = 10
like_from = 8
dislike_to = 3
watched = [[1, 0.2], [5, 1]]
"""
EVENT = 'event = { constant = "watch" }\n'


def events(home: Home) -> list[tuple[object, ...]]:
    rows = Lake(home).events().to_pylist()
    return [(row["user_id"], row["video_id"], row["event"], row["watch_seconds"]) for row in rows]


def test_columns_become_fields_and_viewers_are_those_of_the_events(own: Callable[..., Path], tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    found = ingest(home, own())
    assert [found[name] for name in ("world", "videos", "users", "events", "rejected")] == ["own", 3, 2, 3, 0]
    assert events(home) == [("u1", "a", "watch", 60.0), ("u1", "b", "watch", 3600.0), ("u2", "c", "watch", 900.0)]
    assert Lake(home).videos()["duration_seconds"].to_pylist() == [5400.0, 3600.0, 1800.0]
    assert home.world().now_us() >= 1_700_000_200_000_000
    assert "2 viewers are known by their events alone" in found["notes"]
    assert ingest(home, own())["unchanged"]
    with pytest.raises(WorldExists):
        ingest(home, own(views__csv="who,film,at,seconds\nu1,a,1700000000,60\n"))


def test_ratings_are_watches_of_a_share_and_likes_or_dislikes(own: Callable[..., Path], tmp_path: Path) -> None:
    path = own(
        EVENT,
        "",
        views__csv="who,film,at,seconds\nu1,a,1700000000,9\nu1,b,1700000100,2\nu2,c,1700000200,5\nu2,a,1700000300,11\n",
    )
    path.write_text(path.read_text().replace('watch_seconds = "seconds"', RATED))
    with pytest.raises(BadRows, match=r"views\.csv, line 5, seconds: expected a number from 1 to 10, found '11'"):
        ingest(Home(tmp_path / "home"), path)
    home = Home(tmp_path / "home")
    ingest(home, path, ingest_options=IngestOptions(set_aside=True, most=MaxRejected(rows=1)))
    assert events(home) == [
        ("u1", "a", "watch", 5400.0),
        ("u1", "a", "like", 0.0),
        ("u1", "b", "watch", 720.0),
        ("u1", "b", "dislike", 0.0),
        ("u2", "c", "watch", 1800.0),
    ]
    kept = [json.loads(line) for line in (home.rejected / "table" / "views.csv.jsonl").read_text().splitlines()]
    assert [(row["line"], row["column"], row["found"], row["row"]) for row in kept] == [
        (5, "seconds", "11", "u2,a,1700000300,11")
    ]


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"films__csv": "id,name,minutes\na,Alpha,long\n"}, r"films\.csv, line 2, minutes: expected .*found 'long'"),
        ({"films__csv": "id,name,minutes\na,A,1\nb,B,2\na,Other,3\n"}, r"line 4, video_id: .*line 2 has it"),
        ({"films__csv": "id,name,minutes\n"}, "expected videos, found none"),
        ({"films__csv": ""}, "found an empty file"),
        ({"films__csv": "id,title,minutes\na,A,1\n"}, r"films\.csv: expected the column 'name', found 'id', 'title'"),
        (
            {"views__csv": "who,film,at,seconds\nu1,a,1700000000000,1\n"},
            r"line 2, at: expected .*found '1700000000000'",
        ),
        (
            {"views__csv": "who,film,at,seconds\nu1,zzz,1700000000,1\n"},
            r"film: expected a video that films\.csv lists, found 'zzz'",
        ),
        ({"views__csv": "who,film,at,seconds\n,a,1700000000,1\n"}, r"line 2, who: expected printable text"),
        ({"views__csv": "who,film,at,seconds\nu1,a,1700000000,-5\n"}, r"line 2, seconds: expected .*found '-5'"),
        ({"views__csv": 'who,film,at,seconds\n"u1,a,1700000000,5\n'}, r"line 2: expected the quote that opens on it"),
    ],
)
def test_what_is_wrong_is_told_by_file_line_and_column_and_nothing_is_written(
    own: Callable[..., Path], tmp_path: Path, files: dict[str, str], said: str
) -> None:
    home = tmp_path / "home"
    with pytest.raises((LakeError, Exception), match=said):
        ingest(Home(home), own(**files))
    assert not home.exists()


def test_equal_rows_count_once_and_rows_of_no_use_are_left_out_and_told(
    own: Callable[..., Path], tmp_path: Path
) -> None:
    path = own(
        'event = { constant = "watch" }',
        'event = { column = "seconds", values = { "60" = "watch", "*" = "" } }',
        views__csv="who,film,at,seconds\nu1,a,1700000000,60\nu1,a,1700000000,60\nu1,b,1700000100,7\nu9,zz,1700000100,60\n",
        films__csv="id,name,minutes\na,Alpha,90\na,Alpha,90\nb,Beta,60\n",
    )
    path.write_text(
        path.read_text().replace('files = "views.csv"', 'files = "views.csv"\nunlisted_videos = "leave out"')
    )
    found = ingest(Home(tmp_path / "home"), path)
    assert (found["videos"], found["events"], found["rejected"]) == (2, 1, 0)
    for said in (
        "films.csv: 1 rows stand twice and count once, the first in the lines 2 and 3",
        "views.csv: 1 events stand twice and count once",
        "views.csv: 1 rows are left out: the mapping has no use for their seconds",
        "views.csv: 1 rows are left out: their videos are not in films.csv",
    ):
        assert said in found["notes"]


def test_a_share_of_a_watch_is_of_its_video(own: Callable[..., Path], tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    path = own('watch_seconds = "seconds"', 'watch_seconds = { column = "seconds", unit = "percent" }')
    path.parent.joinpath("views.csv").write_text("who,film,at,seconds\nu1,a,1700000000,50\n")
    ingest(home, path)
    assert events(home) == [("u1", "a", "watch", 2700.0)]


def test_a_catalog_without_events_is_a_world_that_says_so(own: Callable[..., Path], tmp_path: Path) -> None:
    path = own()
    path.write_text(path.read_text().split("[[events]]")[0])
    home = Home(tmp_path / "home")
    found = ingest(home, path)
    assert (found["videos"], found["events"]) == (3, 0)
    assert any("nothing can be learned" in note for note in found["notes"])
    assert len(Lake(home).events()) == len(Lake(home).impressions()) == 0
