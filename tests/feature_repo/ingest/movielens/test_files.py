"""The two formats of MovieLens, and bad files named by line."""

from __future__ import annotations

from pathlib import Path

import pytest

from feature_repo.core.home import Home
from feature_repo.ingest import movielens
from feature_repo.lake.tables import Lake, LakeError


def _log(home: Home) -> list[tuple[str, str, str]]:
    return [(row["user_id"], row["video_id"], row["event"]) for row in Lake(home).events().to_pylist()]


def test_the_newer_csv_files_are_read(home: Home, tmp_path: Path) -> None:
    path = tmp_path / "ml-csv"
    path.mkdir()
    (path / "movies.csv").write_text(
        'movieId,title,genres\n1,"Heat, The (1995)",Action|Crime\n2,X,(no genres listed)\n'
    )
    (path / "ratings.csv").write_text("userId,movieId,rating,timestamp\n9,1,4.5,964982703\n9,2,0.5,964982703\n")
    (path / "tags.csv").write_text("userId,movieId,tag,timestamp\n9,1,Slow,1\n8,1,tense,2\n7,1,Tense,3\n")
    told = movielens.ingest(home, path)
    assert (told["ratings"], told["events"]) == (2, 4)
    heat, other = Lake(home).videos().to_pylist()
    assert (heat["title"], heat["tags"]) == ("Heat, The (1995)", ["1990s", "tense", "slow"])
    assert other["genres"] == []
    assert _log(home)[-1] == ("9", "2", "dislike")


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("ratings.dat", "1::1::5::978300760\n1::2::five::978300760\n", r"ratings.dat, line 2: expected UserID::.*five"),
        ("ratings.dat", "1::1::5\n", r"ratings.dat, line 1: expected UserID"),
        ("ratings.dat", "", r"ratings.dat, line 1: expected UserID.*end of the file"),
        ("ratings.dat", "1::1::5::978300760\n1::99::5::978300760\n", r"line 2: .*movies.dat lists, found movie 99"),
        ("ratings.dat", "77::1::5::978300760\n", r"line 1: .*users.dat lists, found user 77"),
        ("movies.dat", "1::Toy Story (1995)\n", r"movies.dat, line 1: expected MovieID::Title::Genres"),
        ("users.dat", "1::F::1::10::48067\n\n", r"users.dat, line 2: expected UserID::Gender"),
    ],
)
def test_a_bad_line_is_named_and_nothing_is_written(
    home: Home, dat: Path, file: str, content: str, message: str
) -> None:
    (dat / file).write_text(content)
    with pytest.raises(LakeError, match=message):
        movielens.ingest(home, dat)
    assert not home.root.exists()


def test_a_directory_that_is_no_movielens_says_what_was_expected(home: Home, tmp_path: Path) -> None:
    with pytest.raises(LakeError, match=r"expected ratings.dat or ratings.csv"):
        movielens.ingest(home, tmp_path)
