"""Films of MovieLens, and what a file beside them adds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from feature_repo.core.home import Home
from feature_repo.ingest import movielens
from feature_repo.ingest.movielens.movies import movie_of, readable, under_two_ids
from feature_repo.lake.tables import Lake
from feature_repo.limits import MAX_ID_LENGTH, check


def test_what_the_catalog_says_arrives(home: Home, dat: Path) -> None:
    (dat / "movies.dat").write_bytes((dat / "movies.dat").read_bytes() + b"9::Nobody knows when::Drama\n")
    movielens.ingest(home, dat)
    videos = {row["video_id"]: row for row in Lake(home).videos().to_pylist()}
    assert videos["2"]["title"] == "Amélie (2001)"  # latin-1
    assert videos["1"]["genres"] == ["Animation", "Children's", "Comedy"]
    assert videos["1"]["duration_seconds"] == 0  # not known
    assert videos["7"]["published_timestamp_us"] == int(np.datetime64("1942-01-01", "us").astype(np.int64))
    assert videos["2"]["published_timestamp_us"] < 978300760_000_000  # rated before the year it is said to be of
    assert videos["9"]["published_timestamp_us"] == 0  # and not lately
    assert home.world().genres == ("Animation", "Children's", "Comedy", "Drama")
    assert [row["age_group"] for row in Lake(home).users().to_pylist()] == ["under 18", "56+", "25-34"]


@pytest.mark.parametrize(
    ("sorted_title", "title"),
    [
        ("Shawshank Redemption, The (1994)", "The Shawshank Redemption (1994)"),
        ("Crow, The: Wicked Prayer (2005)", "The Crow: Wicked Prayer (2005)"),
        ("Postino, Il (Postman, The) (1994)", "Il Postino (The Postman) (1994)"),
        (
            "City of Lost Children, The (Cité des enfants perdus, La) (1995)",
            "The City of Lost Children (La Cité des enfants perdus) (1995)",
        ),
        ("Avventura, L' (1960)", "L'Avventura (1960)"),
        ("Corrina, Corrina (1994)", "Corrina, Corrina (1994)"),
        ("Paris, Texas (1984)", "Paris, Texas (1984)"),
        ("Associate, The (L'Associe)(1982)", "The Associate (L'Associe)(1982)"),
        ("Heat, The", "The Heat"),
        (", The", ", The"),
    ],
)
def test_an_article_that_was_sorted_behind_stands_in_front_again(sorted_title: str, title: str) -> None:
    assert readable(sorted_title) == title
    assert readable(title) == title


def test_films_of_one_title_and_year_are_the_same_under_two_ids() -> None:
    films = [movie_of(*one) for one in (("1", "Emma (1996)", ""), ("2", "EMMA (1996)", ""), ("3", "Emma (2020)", ""))]
    assert under_two_ids([*films, movie_of("4", "Untitled", ""), movie_of("5", "", "")]) == [(films[0], films[1])]


def test_extras_beside_the_files_are_used(home: Home, dat: Path) -> None:
    extras = {"movie_id": [1, 2], "runtime_min": [81.0, None], "plot": ["Toys live.", "N/A"], "age_rating": ["G", "R"]}
    extras |= {"directors": ["Ann Example, Bo Other", None], "release_date": ["22 Nov 1995", None]}
    pq.write_table(pa.table(extras), dat / "movies.parquet")
    movielens.ingest(home, dat)
    toy, amelie, _ = Lake(home).videos().to_pylist()
    assert (toy["duration_seconds"], toy["description"], toy["maturity"]) == (4860.0, "Toys live.", 0)
    assert (toy["creator_id"], toy["creator_name"]) == ("ann-example", "Ann Example")
    assert toy["published_timestamp_us"] == int(np.datetime64("1995-11-22", "us").astype(np.int64))
    assert (amelie["duration_seconds"], amelie["description"], amelie["maturity"]) == (0.0, "", 16)
    watched = {row["video_id"]: row["watch_seconds"] for row in Lake(home).events().to_pylist()[-2:]}
    assert watched == {"1": 0.0}  # a like; its watch came before
    assert {row["watch_seconds"] for row in Lake(home).events().to_pylist() if row["video_id"] == "2"} == {6000.0, 0.0}


def test_extras_of_any_length_stay_within_the_limits_of_the_lake(home: Home, dat: Path) -> None:
    long = {"movie_id": ["1"], "directors": ["d" * 300], "actors": ["y" * 500 + ",a\x01b,\u200b,Cafe\u0301"]}
    pq.write_table(pa.table(long), dat / "movies.parquet")
    movielens.ingest(home, dat)
    video = next(row for row in Lake(home).videos().to_pylist() if row["video_id"] == "1")
    assert video["creator_id"] == "d" * MAX_ID_LENGTH
    assert video["tags"] == ["1990s", "y" * MAX_ID_LENGTH, "Café"]
    assert all(check("videos", name, video[name]) == video[name] for name in ("creator_id", "tags", "creator_name"))


def test_extras_of_films_are_found_by_any_type_of_number_and_what_is_of_no_use_is_said(home: Home, dat: Path) -> None:
    extras = {"movieId": [1.0, 1.0, 99.0, None], "plot": ["Toys live.", "Another.", "Elsewhere.", "Nowhere."]}
    pq.write_table(pa.table(extras), dat / "movies.parquet")
    notes = movielens.ingest(home, dat)["notes"]
    assert Lake(home).videos().to_pylist()[0]["description"] == "Toys live."
    assert "movies.parquet: 1 rows are about a film of a row before, which counts" in notes
    assert "movies.parquet: 2 of 3 films that it tells of are not listed" in notes


def test_a_director_has_an_id_in_any_script(home: Home, dat: Path) -> None:
    names = ["\u674e\u5b89", "Krzysztof Kie\u015blowski", "\u2605"]
    pq.write_table(pa.table({"movie_id": [1, 2, 7], "directors": names}), dat / "movies.parquet")
    movielens.ingest(home, dat)
    ids = [row["creator_id"] for row in Lake(home).videos().to_pylist()]
    assert ids == ["\u674e\u5b89", "krzysztof-kie\u015blowski", "\u2605"]
    assert all(check("videos", "creator_id", one) == one for one in ids)
