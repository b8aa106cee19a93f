"""The two formats of MovieLens: the `::` files of 1M and 10M, and the CSV files of the newer sets.

Bad rows are reported to `Rejected`, by line and column; a file of another format raises LakeError. Ids are text: `007`
and `7` are two.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from feature_repo.column_limits import check_column
from feature_repo.ingest.lines import Form, is_there, records
from feature_repo.ingest.movielens.extras import extras_of, with_extra
from feature_repo.ingest.movielens.movies import Movie, movie_of
from feature_repo.ingest.movielens.rating_rows import rating_rows
from feature_repo.ingest.movielens.ratings import Ratings, in_order
from feature_repo.ingest.rejected import BadRow, Rejected
from feature_repo.ingest.tables import word_of
from feature_repo.lake.tables import LakeError
from feature_repo.limits import LimitError, check

AGE_GROUPS = {"1": "under 18", "18": "18-24", "25": "25-34", "35": "35-44", "45": "45-49", "50": "50-55", "56": "56+"}
TAGS = 5  # most frequent tags kept per film


class DatFiles:
    """`ratings.dat`, `movies.dat`, `users.dat`: fields between `::`, no header. 10M has no `users.dat`."""

    ratings_name, movies_name, users_name, extras_name = "ratings.dat", "movies.dat", "users.dat", "movies.parquet"
    ratings = Form(("UserID", "MovieID", "Rating", "Timestamp"), "::")
    films = Form(("MovieID", "Title", "Genres"), "::")
    users = Form(("UserID", "Gender", "Age", "Occupation", "Zip-code"), "::")

    def __init__(self, path: Path, rejected: Rejected) -> None:
        self.path, self.rejected = path, rejected

    def files(self) -> list[Path]:
        """The files that are read if they exist."""
        names = (self.ratings_name, self.movies_name, self.users_name, self.extras_name, "ratings.parquet")
        return [self.path / name for name in names]

    def ages(self) -> dict[str, str] | None:
        """user id -> age group; None if the set has no user data."""
        file = self.path / self.users_name
        if not is_there(file):
            return None
        rows, torn = records(file, self.users, self.rejected)
        bad = list(torn)
        lines: dict[str, int] = {}
        cells_of_user: dict[str, list[str]] = {}
        again = []
        for number, cells in rows:
            user, gender, age, *_ = cells
            if cells_of_user.get(user) == cells:
                again.append((number, lines[user]))
                continue
            wrong = _is_bad_id(number, "UserID", user, "user_id", lines, bad)
            for column, found, known in (("Gender", gender, ("M", "F")), ("Age", age, tuple(AGE_GROUPS))):
                if not wrong and found not in known:
                    bad.append(
                        BadRow(number, column, found, f"one of {', '.join(known)}", self.users.between.join(cells))
                    )
                    wrong = True
            if not wrong:
                cells_of_user[user], lines[user] = cells, number
        _note_again(file, "users", again, self.rejected)
        self.rejected.done(file, len(rows) + len(torn), bad)
        return {user: AGE_GROUPS[age] for user, (_, _, age, *_) in cells_of_user.items()}

    def tags(self) -> dict[str, list[str]]:
        return {}


class CsvFiles:
    """`ratings.csv`, `movies.csv` and optionally `tags.csv`, with headers."""

    ratings_name, movies_name, users_name, extras_name = "ratings.csv", "movies.csv", "", "movies_enriched.parquet"
    ratings = Form(("userId", "movieId", "rating", "timestamp"))
    films = Form(("movieId", "title", "genres"))
    tagged = Form(("userId", "movieId", "tag"))

    def __init__(self, path: Path, rejected: Rejected) -> None:
        self.path, self.rejected = path, rejected

    def files(self) -> list[Path]:
        """The files that are read if they exist."""
        names = (self.ratings_name, self.movies_name, "tags.csv", self.extras_name, "ratings.parquet")
        return [self.path / name for name in names]

    def ages(self) -> dict[str, str] | None:
        return None

    def tags(self) -> dict[str, list[str]]:
        """movie id -> its tags, most frequent first. Each user counts once per tag."""
        file = self.path / "tags.csv"
        if not is_there(file):
            return {}
        rows, torn = records(file, self.tagged, self.rejected)
        bad = list(torn)
        counted: set[tuple[str, str, str]] = set()
        wrong: set[int] = set()
        for at, (column, field) in enumerate((("userId", "user_id"), ("movieId", "video_id"))):
            checked = check_column("ratings", field, pa.array([cells[at] for _, cells in rows], pa.string()))
            for number, cells in (rows[row] for row in np.flatnonzero(checked.bad).tolist()):
                if number not in wrong:
                    bad.append(BadRow(number, column, cells[at], checked.reason, ",".join(cells)))
                    wrong.add(number)
        counts: dict[str, Counter[str]] = {}
        for number, (user, movie_id, tag) in rows:
            word = word_of(tag.lower())
            if word and number not in wrong and (user, movie_id, word) not in counted:
                counted.add((user, movie_id, word))
                counts.setdefault(movie_id, Counter())[word] += 1
        self.rejected.done(file, len(rows) + len(torn), bad)
        return {movie_id: [tag for tag, _ in count.most_common(TAGS)] for movie_id, count in counts.items()}


Files = DatFiles | CsvFiles


def find_files(path: Path, rejected: Rejected) -> Files:
    for reader in (DatFiles, CsvFiles):
        if is_there(path / reader.ratings_name):
            if not is_there(path / reader.movies_name):
                raise LakeError(f"{path / reader.movies_name}: expected beside {reader.ratings_name}; it is not there")
            return reader(path, rejected)
    elsewhere = sorted((*path.glob("ratings.*"), *path.glob("*/ratings.dat"), *path.glob("*/ratings.csv")))
    found = f"there is {elsewhere[0].relative_to(path)}" if elsewhere else "neither is"
    raise LakeError(f"{path}: expected ratings.dat or ratings.csv in it (the directory of a MovieLens set); {found}")


def read_movies(reader: Files) -> list[Movie]:
    """The films, with data from the optional Parquet file."""
    tags = reader.tags()
    movies = _films(reader.path / reader.movies_name, reader.films, reader.rejected)
    extras = extras_of(reader.path / reader.extras_name, [movie.movie_id for movie in movies], reader.rejected)
    return [with_extra(movie, extras.get(movie.movie_id, {}), tags.get(movie.movie_id, [])) for movie in movies]


def read_ratings(reader: Files, movies: Iterable[Movie], users: Mapping[str, str] | None) -> Ratings:
    """The ratings of listed films by listed users, in the order in which they were given."""
    listed = {"video_id": (reader.movies_name, [movie.movie_id for movie in movies])}
    if users is not None:
        listed["user_id"] = (reader.users_name, list(users))
    rows = rating_rows(reader.path / reader.ratings_name, reader.ratings, listed, reader.rejected)
    return in_order(rows, reader.path / "ratings.parquet")


def _films(file: Path, form: Form, rejected: Rejected) -> list[Movie]:
    """The films of a file, one for each id; the first of two equal lines."""
    rows, torn = records(file, form, rejected)
    bad = list(torn)
    movies: dict[str, Movie] = {}
    lines: dict[str, int] = {}
    again = []
    for number, (movie_id, title, genres) in rows:
        known = movies.get(movie_id)
        try:
            movie = movie_of(movie_id, title, genres)
            check("videos", "genres", movie.genres)
        except LimitError as error:
            bad.append(BadRow(number, form.columns[2], genres, error.expectation))
            continue
        if known == movie:
            again.append((number, lines[movie_id]))
        elif not _is_bad_id(number, form.columns[0], movie_id, "video_id", lines, bad):
            movies[movie_id], lines[movie_id] = movie, number
    _note_again(file, "films", again, rejected)
    rejected.done(file, len(rows) + len(torn), bad)
    if not movies:
        raise LakeError(f"{file}: expected films, found none that is good")
    return list(movies.values())


def _note_again(file: Path, what: str, again: Sequence[tuple[int, int]], rejected: Rejected) -> None:
    """`again`: lines, and the lines before that say the same."""
    if again:
        later, first = again[0]
        rejected.note(
            f"{file.name}: {len(again)} {what} stand twice and count once, the first in the lines {first} and {later}"
        )


def _is_bad_id(number: int, column: str, found: str, field: str, lines: Mapping[str, int], bad: list[BadRow]) -> bool:
    """Whether this is an invalid or repeated id; then it is added to `bad`."""
    expected = f"an id that no line before has (line {lines[found]} has it)" if found in lines else ""
    try:
        check("ratings", field, found)
    except LimitError as error:
        expected = error.expectation
    if expected:
        bad.append(BadRow(number, column, found, expected))
    return bool(expected)
