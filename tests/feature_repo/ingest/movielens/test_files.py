"""The two formats of MovieLens, and bad lines named by line and column, or set aside."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from feature_repo.core.hashes import hashes
from feature_repo.core.home import Home
from feature_repo.ingest import movielens
from feature_repo.ingest.new_world import IngestOptions
from feature_repo.ingest.rejected import MaxRejected
from feature_repo.lake.tables import Lake, LakeError

MOVIES = 'movieId,title,genres\n1,"Heat, The (1995)",Action|Crime\n2,X,(no genres listed)\n3,Up (2009),Animation\n'
RATINGS = "userId,movieId,rating,timestamp\n9,1,4.5,964982703\n9,2,0.5,964982704\n8,3,3,964982705\n"
TAGS = "userId,movieId,tag,timestamp\n9,1,Slow,1\n8,1,tense,2\n7,1,Tense,3\n"


def _log(home: Home) -> list[tuple[str, str, str]]:
    return [(row["user_id"], row["video_id"], row["event"]) for row in Lake(home).events().to_pylist()]


def titles(home: Home) -> dict[str, str]:
    return {row["video_id"]: row["title"] for row in Lake(home).videos().to_pylist()}


@pytest.fixture
def newer(tmp_path: Path) -> Path:
    path = tmp_path / "ml-csv"
    path.mkdir()
    (path / "movies.csv").write_text(MOVIES)
    (path / "ratings.csv").write_text(RATINGS)
    return path


def ingest(home: Home, path: Path, most: str = "", **options: Any) -> dict[str, Any]:
    if most:
        options |= {"set_aside": True, "most": MaxRejected.parse(most)}
    return movielens.ingest(home, path, ingest_options=IngestOptions(**options))


def test_the_newer_csv_files_are_read(home: Home, newer: Path) -> None:
    (newer / "tags.csv").write_text(TAGS)
    summary = ingest(home, newer)
    assert (summary["ratings"], summary["events"], summary["rejected"]) == (3, 5, 0)
    heat, other, _ = Lake(home).videos().to_pylist()
    assert (heat["title"], heat["tags"]) == ("The Heat (1995)", ["1990s", "tense", "slow"])
    assert other["genres"] == []
    assert _log(home)[:4] == [("9", "1", "watch"), ("9", "1", "like"), ("9", "2", "watch"), ("9", "2", "dislike")]


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("ratings.dat", "1::1::5::978300760\n1::2::five::978300760\n", r"dat, line 2, Rating: expected stars.*five"),
        (
            "ratings.dat",
            "1::1::5\n",
            r"ratings.dat, line 1: expected UserID::MovieID::Rating::Timestamp, found '1::1::5'",
        ),
        ("ratings.dat", "", r"ratings.dat, line 1: expected UserID.*end of the file"),
        ("ratings.dat", "1::1::5::978300760\n\n1::2::4::978300760\n", r"ratings.dat, line 2, UserID: .*found ''"),
        (
            "ratings.dat",
            "1::1::5::978300760\n1::99::5::978300760\n",
            r"line 2, MovieID: .*movies.dat lists, found '99'",
        ),
        ("ratings.dat", "77::1::5::978300760\n", r"line 1, UserID: .*users.dat lists, found '77'"),
        ("movies.dat", "1::Toy Story (1995)\n", r"movies.dat, line 1: expected MovieID::Title::Genres"),
        ("movies.dat", "²::Toy Story (1995)::Comedy\n", r"movies.dat, line 1, MovieID: expected .*digits.*, found '²'"),
        ("users.dat", "1::F::1::10::48067\n\n", r"users.dat, line 2: expected UserID::Gender"),
        ("users.dat", "1::F::1::10::48067\n1::F::18::10::48067\n", r"users.dat, line 2, UserID: .*line 1 has it"),
        ("users.dat", "1::F::17::10::48067\n", r"users.dat, line 1, Age: expected one of 1, 18, .*found '17'"),
        ("users.dat", b"\xff\xfe1\x00:\x00", r"users.dat: expected text in UTF-8, found UTF-16"),
        ("users.dat", "1::F::1\n2::M::56::16::7\n", r"users.dat, line 1: expected UserID::Gender"),
        ("users.dat", "1::F::1\n2::M\n", r"users.dat, 2 of 2 rows are bad: line 1"),
        ("movies.dat", "1::Toy Story (1995)::Animation::Comedy\n", r"movies.dat, line 1: expected MovieID::Title"),
        ("movies.dat", "x::A\ny::B::Drama\n", r"movies.dat, 2 of 2 rows are bad: line 1"),
        ("ratings.dat", "1::7::5::9783\x0000760\n", r"ratings.dat, line 1: expected text without bytes of zero"),
        ("ratings.dat", f"1::7::{'5' * 2_000_000}::978300760\n", r"ratings.dat, line 1, Rating: .*found '5555"),
        ("movies.parquet", b"PAR1", r"movies.parquet: expected a Parquet file about films"),
        ("ratings.parquet", b"PAR1", r"ratings.parquet: expected a Parquet file with ids and whole numbers"),
    ],
)
def test_a_bad_line_is_named_and_nothing_is_written(
    home: Home, dat: Path, file: str, content: str | bytes, message: str
) -> None:
    (dat / file).write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(LakeError, match=message) as refused:
        movielens.ingest(home, dat)
    assert "\n" not in str(refused.value)
    assert not home.root.exists()


@pytest.mark.parametrize(
    ("file", "line", "message"),
    [
        (
            "ratings.csv",
            "9,3,3,964982703000",
            r"line 5, timestamp: expected s since 1970.*milliseconds.*'964982703000'",
        ),
        ("ratings.csv", "9,3,3,4070908800", r"line 5, timestamp: expected s since 1970, UTC, 1990.*'4070908800'"),
        ("ratings.csv", "9,3,3,-5", r"line 5, timestamp: .*'-5'"),
        ("ratings.csv", "9,3,NaN,964982703", r"line 5, rating: expected stars.*0.5 to 5, found 'NaN'"),
        ("ratings.csv", "9,3,99,964982703", r"line 5, rating: .*found '99'"),
        ("ratings.csv", "9,3,-3,964982703", r"line 5, rating: .*found '-3'"),
        ("ratings.csv", "-7,3,3,964982703", r"line 5, userId: expected 1 to 18 digits 0-9, found '-7'"),
        ("ratings.csv", "9,²,3,964982703", r"line 5, movieId: .*found '²'"),
        ("movies.csv", "2,Y,Drama", r"line 5, movieId: expected .*line 3 has it., found '2'"),
        ("movies.csv", "²,Y,Drama", r"line 5, movieId: .*found '²'"),
        ("movies.csv", '4,"Open,Drama\n5,Z,Drama', r"line 5: expected the quote .*to be closed on it.*found '4,"),
        ("movies.csv", "4,Y", r"line 5: expected movieId,title,genres, found '4,Y'"),
    ],
)
def test_a_row_outside_the_limits_is_refused_or_set_aside_with_its_line(
    home: Home, newer: Path, file: str, line: str, message: str
) -> None:
    ingest(home, newer)
    before = hashes(home.root)
    with (newer / file).open("a") as source:
        source.write(line + "\n")
    with pytest.raises(LakeError, match=rf"{file}, {message}"):
        ingest(home, newer, replace=True)
    with pytest.raises(LakeError, match="--max-rejected"):
        ingest(home, newer, most="10%", replace=True)
    assert hashes(home.root) == before
    summary = ingest(home, newer, most="1", replace=True)
    assert (summary["rejected"], summary["ratings"], list(summary["rejected_for"].values())) == (1, 3, [1])
    aside = [json.loads(row) for row in (home.rejected / "movielens" / f"{file}.jsonl").read_text().splitlines()]
    assert [(row["line"], bool(row["expected"])) for row in aside] == [(5, True)]
    assert home.world().now_us() < 964982800_000_000


def test_a_file_in_another_unit_or_on_another_scale_is_refused_with_the_count(home: Home, newer: Path) -> None:
    (newer / "ratings.csv").write_text(RATINGS.replace("9649827", "9649827000").replace("4.5", "8"))
    with pytest.raises(LakeError, match=r"3 of 3 rows are bad: line 2, .*rating: .*'8'; line 3.*milliseconds"):
        ingest(home, newer)


def test_the_columns_of_any_csv_may_be_quoted_in_another_order_and_more(home: Home, newer: Path) -> None:
    (newer / "ratings.csv").write_text(
        '\ufeff"timestamp","rating","x","movieId","userId"\r\n'
        '"964982703","4.5","","1","9"\r\n964982704,0.5,",",2,9\r\n964982705,3,,3,8\r\n'
    )
    summary = ingest(home, newer)
    assert (summary["ratings"], summary["rejected"]) == (3, 0)
    assert _log(home)[0] == ("9", "1", "watch")
    (newer / "ratings.csv").write_text("x,timestamp,movieId,userId,rating\n,964982703,1,9,4.5\n,964982704,2,9,99\n")
    with pytest.raises(LakeError, match=r"ratings.csv, line 3, rating: .*found '99'"):
        ingest(home, newer, replace=True)
    ingest(home, newer, "1", replace=True)
    (aside,) = (home.rejected / "movielens" / "ratings.csv.jsonl").read_text().splitlines()
    assert json.loads(aside)["row"] == ",964982704,2,9,99"


def test_who_calls_a_film_the_same_twice_counts_once_and_a_tag_of_no_id_is_refused(home: Home, newer: Path) -> None:
    (newer / "tags.csv").write_text(TAGS + "9,1,Slow,1\n9,1,slow,3\n")
    ingest(home, newer)
    assert Lake(home).videos().to_pylist()[0]["tags"] == ["1990s", "tense", "slow"]
    (newer / "tags.csv").write_text(TAGS + "userId,1,tag,timestamp\n")
    with pytest.raises(LakeError, match=r"tags.csv, line 5, userId: expected 1 to 18 digits 0-9, found 'userId'"):
        ingest(home, newer, replace=True)


def test_a_title_of_millions_of_characters_is_cut_before_it_is_looked_through(home: Home, newer: Path) -> None:
    with (newer / "movies.csv").open("a") as source:
        source.write(f"4,{'(1995 ' * 20_000},Drama\n")
    ingest(home, newer)
    assert len(titles(home)["4"]) <= 512


def test_the_same_user_twice_counts_once_and_is_said(home: Home, dat: Path) -> None:
    with (dat / "users.dat").open("a") as source:
        source.write("2::M::56::16::70072\n")
    summary = movielens.ingest(home, dat)
    assert summary["users"] == 3
    assert "users.dat: 1 users stand twice and count once, the first in the lines 2 and 4" in summary["notes"]


@pytest.mark.parametrize("name", ["users.dat", "movies.parquet", "ratings.parquet"])
def test_a_link_to_nothing_is_not_taken_for_a_file_that_the_set_does_not_have(home: Home, dat: Path, name: str) -> None:
    (dat / name).unlink(missing_ok=True)
    (dat / name).symlink_to("nowhere")
    with pytest.raises(LakeError, match=f"{name}: expected a file, found a link to nothing"):
        movielens.ingest(home, dat)


def test_users_007_and_7_stay_two(home: Home, newer: Path) -> None:
    with (newer / "ratings.csv").open("a") as source:
        source.write("7,1,5,964982706\n007,1,5,964982707\n")
    ingest(home, newer)
    assert Lake(home).users()["user_id"].to_pylist() == ["007", "7", "8", "9"]
    assert home.world().source_id("007") == "007"


def test_the_same_rating_line_twice_counts_once_and_is_said(home: Home, newer: Path) -> None:
    with (newer / "ratings.csv").open("a") as source:
        source.write("9,1,4.5,964982703\n9,1,3,964982703\n9,1,4.5,964982703\n")
    summary = ingest(home, newer)
    assert summary["ratings"] == 4  # another rating of the film stays
    assert summary["notes"][-1].startswith("3 of 3 films have no runtime")
    assert summary["notes"][0] == (
        "ratings.csv: 2 rating lines stand twice and count once, the first in the lines 2 and 5"
    )


def test_the_same_film_twice_counts_once_and_is_said(home: Home, newer: Path) -> None:
    with (newer / "movies.csv").open("a") as source:
        source.write("2,X,(no genres listed)\n")
    summary = ingest(home, newer)
    assert summary["videos"] == 3
    assert "movies.csv: 1 films stand twice and count once, the first in the lines 3 and 5" in summary["notes"]


def test_a_film_under_two_ids_is_said(home: Home, newer: Path) -> None:
    with (newer / "movies.csv").open("a") as source:
        source.write("77,The Heat (1995),Action\n")
    notes = ingest(home, newer)["notes"]
    assert any(
        note.startswith("1 films stand under a second id, too, the first is The Heat (1995): 1 and 77")
        for note in notes
    )


def test_latin_1_lines_are_read_with_a_note_and_the_others_as_utf_8(home: Home, newer: Path) -> None:
    with (newer / "movies.csv").open("ab") as source:
        source.write("4,Amélie,Drama\n".encode() + "5,Léon,Drama\n".encode("latin-1"))
    summary = ingest(home, newer)
    assert (titles(home)["4"], titles(home)["5"]) == ("Amélie", "Léon")
    assert summary["notes"][0] == "movies.csv: one line is not UTF-8 and read as latin-1, the first is line 6"


def test_an_empty_title_gets_a_name_to_show(home: Home, newer: Path) -> None:
    with (newer / "movies.csv").open("a") as source:
        source.write("4,,Drama\n5,  ,Drama\n")
    summary = ingest(home, newer)
    assert [titles(home)[movie] for movie in ("4", "5")] == ["Untitled", "Untitled"]
    assert "2 films have no title and are shown as Untitled, the first is 4" in summary["notes"]


def test_of_more_genres_than_there_are_features_the_most_frequent_are_kept_and_the_others_named(
    home: Home, newer: Path
) -> None:
    with (newer / "movies.csv").open("a") as source:
        source.writelines(f"{100 + number},T,Genre {number:02d}|Zz\n" for number in range(40))
    summary = ingest(home, newer)
    assert len(home.world().genres) == 32
    assert "Zz" in home.world().genres
    (note,) = [note for note in summary["notes"] if "genres" in note]
    assert note.startswith("44 genres: the 32 most frequent are features")


def test_movietweetings_under_the_names_of_movielens_is_refused(home: Home, tmp_path: Path) -> None:
    (tmp_path / "movies.dat").write_text("0000008::Édison Kinetoscopic Record (1894)::Documentary|Short\n")
    (tmp_path / "ratings.dat").write_text("1::0000008::8::1381006850\n2::0000008::3::1381006851\n")
    with pytest.raises(LakeError, match=r"ratings.dat, line 1, Rating: expected stars.*0.5 to 5, found '8'"):
        movielens.ingest(home, tmp_path)
    (tmp_path / "ratings.dat").write_text("1::0000008::4::1381006850\n2::0000008::3::1381006851\n")
    movielens.ingest(home, tmp_path)
    assert titles(home) == {"0000008": "Édison Kinetoscopic Record (1894)"}


def test_a_directory_that_is_no_movielens_says_what_was_expected(home: Home, tmp_path: Path) -> None:
    with pytest.raises(LakeError, match=r"expected ratings.dat or ratings.csv .*; neither is"):
        movielens.ingest(home, tmp_path)
    (tmp_path / "ml").mkdir()
    (tmp_path / "ml" / "ratings.csv").touch()
    with pytest.raises(LakeError, match=r"there is ml/ratings.csv"):
        movielens.ingest(home, tmp_path)


@pytest.mark.parametrize("films", ["", "x,T,Drama\n"])
def test_a_set_without_films_says_so(home: Home, newer: Path, films: str) -> None:
    (newer / "movies.csv").write_text("movieId,title,genres\n" + films)
    with pytest.raises(LakeError, match=r"movies\.csv: expected films, found none"):
        ingest(home, newer, "100%")
