"""MovieLens: two formats, the exact order, implied exposures, and bad files named by line."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from feature_repo.core.home import Home
from feature_repo.ingest import movielens
from feature_repo.ingest.implied import PASSED_OVER, imply_exposures
from feature_repo.lake.tables import Lake, LakeError

MOVIES = "1::Toy Story (1995)::Animation|Children's|Comedy\n2::Amélie (2001)::Comedy\n7::Casablanca (1942)::Drama\n"
USERS = "1::F::1::10::48067\n2::M::56::16::70072\n3::M::25::15::55117\n"
# User 1 rates all three in one second, user 2 the first a day later.
RATINGS = "1::7::5::978300760\n1::1::3::978300760\n1::2::2::978300760\n2::1::4::978387160\n"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


@pytest.fixture
def dat(tmp_path: Path) -> Path:
    path = tmp_path / "ml-tiny"
    path.mkdir()
    for name, text in (("movies", MOVIES), ("users", USERS), ("ratings", RATINGS)):
        (path / f"{name}.dat").write_bytes(text.encode("latin-1"))
    return path


def _log(home: Home) -> list[tuple[str, str, str]]:
    return [(row["user_id"], row["video_id"], row["event"]) for row in Lake(home).events().to_pylist()]


def test_a_rating_is_a_watch_and_a_clear_one_a_reaction_too(home: Home, dat: Path) -> None:
    told = movielens.ingest(home, dat)
    assert (told["ratings"], told["events"], told["videos"], told["users"]) == (4, 7, 3, 3)
    assert (told["first_day"], told["last_day"]) == ("2000-12-31", "2001-01-01")
    assert _log(home) == [
        ("1", "7", "watch"),
        ("1", "7", "like"),
        ("1", "1", "watch"),
        ("1", "2", "watch"),
        ("1", "2", "dislike"),
        ("2", "1", "watch"),
        ("2", "1", "like"),
    ]
    times = Lake(home).events()["timestamp_us"].to_numpy()
    assert (np.diff(times) > 0).all()
    assert (times[:5] // 1_000_000 == 978300760).all()


def test_what_the_catalog_says_arrives(home: Home, dat: Path) -> None:
    movielens.ingest(home, dat)
    videos = {row["video_id"]: row for row in Lake(home).videos().to_pylist()}
    assert videos["2"]["title"] == "Amélie (2001)"  # latin-1
    assert videos["1"]["genres"] == ["Animation", "Children's", "Comedy"]
    assert videos["1"]["duration_seconds"] == movielens.UNKNOWN_DURATION_SECONDS
    assert videos["7"]["published_timestamp_us"] == int(np.datetime64("1942-01-01", "us").astype(np.int64))
    assert videos["2"]["published_timestamp_us"] < 978300760_000_000  # rated before the year it is said to be of
    assert home.world().genres == ("Animation", "Children's", "Comedy", "Drama")
    assert [row["age_group"] for row in Lake(home).users().to_pylist()] == ["under 18", "56+", "25-34"]


def test_the_clock_of_the_world_stands_just_after_the_last_rating(home: Home, dat: Path) -> None:
    movielens.ingest(home, dat)
    world = home.world()
    assert 0 < world.now_us() / 1e6 - 978387160 < 60
    assert (world.source_id("12"), world.history_length) == (12, 200)


def test_the_exact_position_beats_line_and_time_and_ratings_without_one_keep_their_time(home: Home, dat: Path) -> None:
    # The film that stands first in the file was rated last; film 2 has no position, and its time is later.
    (dat / "ratings.dat").write_text("1::7::5::100000\n1::1::3::100060\n1::2::3::100090\n")
    exact = {"user_id": [1, 1, 1], "movie_id": [7, 1, 2], "sasrec_pos": [1, 0, None]}
    pq.write_table(pa.table(exact), dat / "ratings.parquet")
    movielens.ingest(home, dat)
    assert _log(home) == [("1", "1", "watch"), ("1", "7", "watch"), ("1", "7", "like"), ("1", "2", "watch")]


def test_extras_beside_the_files_are_used(home: Home, dat: Path) -> None:
    extras = {"movie_id": [1, 2], "runtime_min": [81.0, None], "plot": ["Toys live.", "N/A"], "age_rating": ["G", "R"]}
    extras |= {"directors": ["Ann Example, Bo Other", None], "release_date": ["22 Nov 1995", None]}
    pq.write_table(pa.table(extras), dat / "movies.parquet")
    movielens.ingest(home, dat)
    toy, amelie, _ = Lake(home).videos().to_pylist()
    assert (toy["duration_seconds"], toy["description"], toy["maturity"]) == (4860.0, "Toys live.", 0)
    assert (toy["creator_id"], toy["creator_name"]) == ("ann-example", "Ann Example")
    assert toy["published_timestamp_us"] == int(np.datetime64("1995-11-22", "us").astype(np.int64))
    assert (amelie["duration_seconds"], amelie["description"], amelie["maturity"]) == (6000.0, "", 16)


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


def test_ingesting_again_gives_the_same_lake(home: Home, dat: Path) -> None:
    movielens.ingest(home, dat)
    before = [getattr(Lake(home), table)() for table in ("videos", "users", "events", "impressions")]
    movielens.ingest(home, dat)
    assert all(
        getattr(Lake(home), table)().equals(old)
        for table, old in zip(("videos", "users", "events", "impressions"), before, strict=True)
    )


def test_passed_over_videos_are_never_taken_ones_and_follow_popularity() -> None:
    rng = np.random.default_rng(0)
    video_N = np.concatenate([np.zeros(900, dtype=np.int64), rng.integers(1, 60, size=600)])
    user_N = np.concatenate([np.arange(900), rng.integers(900, 1000, size=600)])
    implied = imply_exposures(user_N, video_N, 60, rng)
    taken = set(zip(user_N.tolist(), video_N.tolist(), strict=True))
    viewers = user_N[implied.taken_R]
    assert len(implied) == 1500
    for viewer, passed in zip(viewers.tolist(), implied.passed_RW.tolist(), strict=True):
        assert len(set(passed)) == PASSED_OVER
        assert not taken & {(viewer, video) for video in passed}
    others = implied.passed_RW[viewers >= 900]
    assert (others == 0).mean() > 5 * (others == 1).mean()  # video 0 is the popular one


def test_a_viewer_of_everything_has_passed_over_nothing() -> None:
    implied = imply_exposures(np.zeros(3, dtype=np.int64), np.arange(3), 3, np.random.default_rng(0))
    assert (implied.passed_RW == -1).all()


@pytest.mark.data
@pytest.mark.slow
def test_the_real_million_ratings(home: Home, data_set: Callable[[str], Path]) -> None:
    path = data_set("ml-1m")
    started = time.process_time()
    told = movielens.ingest(home, path)
    assert time.process_time() - started < 40  # about 7 s of one core
    assert (told["ratings"], told["videos"], told["users"]) == (994_169, 3_883, 6_040)
    lake = Lake(home)
    events = lake.events().select(["user_id", "video_id", "event", "timestamp_us"])
    watches = events.filter(pc.equal(events["event"], "watch"))
    user, movie = (watches[name].cast(pa.int64()).to_numpy() for name in ("user_id", "video_id"))
    pair = user * 10_000 + movie
    exact = pq.read_table(path / "ratings.parquet", columns=["user_id", "movie_id", "sasrec_pos"]).drop_null()
    known = exact["user_id"].to_numpy().astype(np.int64) * 10_000 + exact["movie_id"].to_numpy()
    by_pair = np.argsort(known)
    own = np.argsort(user, kind="stable")
    placed = own[np.isin(pair[own], known)]
    position = exact["sasrec_pos"].to_numpy()[by_pair][np.searchsorted(known[by_pair], pair[placed])]
    same_user = np.diff(user[placed]) == 0
    assert (np.diff(position)[same_user] == 1).all()
    assert (np.diff(watches["timestamp_us"].to_numpy()[own])[np.diff(user[own]) == 0] > 0).all()
    shown = lake.impressions().select(["user_id", "video_id", "clicked"])
    assert pc.sum(shown["clicked"]).as_py() == 40_000
    passed = shown.filter(pc.invert(shown["clicked"]))
    passed_user, passed_movie = (passed[name].cast(pa.int64()).to_numpy() for name in ("user_id", "video_id"))
    assert not np.isin(passed_user * 10_000 + passed_movie, pair).any()


@pytest.mark.data
def test_the_real_latest_small(home: Home, data_set: Callable[[str], Path]) -> None:
    told = movielens.ingest(home, data_set("ml-latest-small"))
    assert (told["ratings"], told["videos"], told["users"]) == (100_836, 9_742, 610)
    assert len(home.world().genres) <= 32
