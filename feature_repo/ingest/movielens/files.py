"""The two formats of MovieLens: the `::` files of 1M and 10M, and the CSV files of the newer sets.

Rows that are not as expected are told to `Rejected`, by line and column; a file that is another thing altogether raises
LakeError. Ids are text: `007` and `7` are two.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from feature_repo.ingest.lines import csv_cells, lines_of, read_text
from feature_repo.ingest.movielens.extras import extras_of, with_extra
from feature_repo.ingest.movielens.movies import Movie, movie_of, word_of
from feature_repo.ingest.movielens.rating_rows import RatingFile, rating_rows
from feature_repo.ingest.movielens.ratings import Ratings, in_order
from feature_repo.ingest.rejected import BadRow, Rejected
from feature_repo.lake.tables import LakeError
from feature_repo.limits import LimitError, check

AGE_GROUPS = {"1": "under 18", "18": "18-24", "25": "25-34", "35": "35-44", "45": "45-49", "50": "50-55", "56": "56+"}
TAGS = 5  # of a film: what it is called most

Cells = tuple[int, list[str]]  # a line and what stands in it


class DatFiles:
    """`ratings.dat`, `movies.dat`, `users.dat`: fields between `::`, no header. 10M has no `users.dat`."""

    ratings_name, movies_name, users_name, extras_name = "ratings.dat", "movies.dat", "users.dat", "movies.parquet"
    rating_file = RatingFile("UserID::MovieID::Rating::Timestamp", "::", 0)
    movie_columns = ("MovieID", "Title", "Genres")
    user_columns = ("UserID", "Gender", "Age", "Occupation", "Zip-code")

    def __init__(self, path: Path, rejected: Rejected) -> None:
        self.path, self.rejected = path, rejected

    def files(self) -> list[Path]:
        """Everything it reads where it is there."""
        names = (self.ratings_name, self.movies_name, self.users_name, self.extras_name, "ratings.parquet")
        return [self.path / name for name in names]

    def movies(self) -> list[Movie]:
        bad: list[BadRow] = []
        rows = self._cells(self.movies_name, re.compile(r"(.*?)::(.*)::(.*)"), self.movie_columns, bad)
        return _movies(self.path / self.movies_name, rows, self.movie_columns, bad, self.rejected)

    def ages(self) -> dict[str, str] | None:
        """user id -> age group; None when the set does not say who its users are."""
        file = self.path / self.users_name
        if not file.exists():
            return None
        bad: list[BadRow] = []
        pattern = re.compile(r"(.*?)::(.*?)::(.*?)::(.*?)::(.*)")
        ages: dict[str, str] = {}
        lines: dict[str, int] = {}
        rows = list(self._cells(self.users_name, pattern, self.user_columns, bad))
        for number, (user, gender, age, *_) in rows:
            wrong = _is_bad_id(number, "UserID", user, "user_id", lines, bad)
            for column, found, known in (("Gender", gender, ("M", "F")), ("Age", age, tuple(AGE_GROUPS))):
                if not wrong and found not in known:
                    bad.append(BadRow(number, column, found, f"one of {', '.join(known)}"))
                    wrong = True
            if not wrong:
                ages[user], lines[user] = AGE_GROUPS[age], number
        self.rejected.done(file, len(rows), bad)
        return ages

    def tags(self) -> dict[str, list[str]]:
        return {}

    def _cells(
        self, name: str, pattern: re.Pattern[str], columns: tuple[str, ...], bad: list[BadRow]
    ) -> Iterator[Cells]:
        for number, line in lines_of(read_text(self.path / name, self.rejected)):
            match = pattern.fullmatch(line)
            if match is None:
                bad.append(BadRow(number, "", line, "::".join(columns), line))
            else:
                yield number, list(match.groups())


class CsvFiles:
    """`ratings.csv`, `movies.csv`, and `tags.csv` where it lies beside: with a header."""

    ratings_name, movies_name, users_name, extras_name = "ratings.csv", "movies.csv", "", "movies_enriched.parquet"
    rating_file = RatingFile("userId,movieId,rating,timestamp", ",", 1)
    movie_columns = ("movieId", "title", "genres")
    tag_columns = ("userId", "movieId", "tag", "timestamp")

    def __init__(self, path: Path, rejected: Rejected) -> None:
        self.path, self.rejected = path, rejected

    def files(self) -> list[Path]:
        """Everything it reads where it is there."""
        names = (self.ratings_name, self.movies_name, "tags.csv", self.extras_name, "ratings.parquet")
        return [self.path / name for name in names]

    def movies(self) -> list[Movie]:
        file = self.path / self.movies_name
        bad: list[BadRow] = []
        rows = csv_cells(file, read_text(file, self.rejected), self.movie_columns, bad)
        return _movies(file, rows, self.movie_columns, bad, self.rejected)

    def ages(self) -> dict[str, str] | None:
        return None

    def tags(self) -> dict[str, list[str]]:
        """movie id -> what people call it, the most frequent first."""
        file = self.path / "tags.csv"
        if not file.exists():
            return {}
        counts: dict[str, Counter[str]] = {}
        bad: list[BadRow] = []
        rows = list(csv_cells(file, read_text(file, self.rejected), self.tag_columns, bad))
        for _, (_, movie_id, tag, _) in rows:
            if word := word_of(tag.lower()):
                counts.setdefault(movie_id, Counter())[word] += 1
        self.rejected.done(file, len(rows), bad)
        return {movie_id: [tag for tag, _ in count.most_common(TAGS)] for movie_id, count in counts.items()}


Files = DatFiles | CsvFiles


def find_files(path: Path, rejected: Rejected) -> Files:
    for reader in (DatFiles, CsvFiles):
        if (path / reader.ratings_name).is_file():
            if not (path / reader.movies_name).is_file():
                raise LakeError(f"{path / reader.movies_name}: expected beside {reader.ratings_name}; it is not there")
            return reader(path, rejected)
    raise LakeError(f"{path}: expected ratings.dat or ratings.csv in it (the directory of a MovieLens set); neither is")


def read_movies(reader: Files) -> list[Movie]:
    """The films, with what a Parquet file beside them adds."""
    extras, tags = extras_of(reader.path / reader.extras_name), reader.tags()
    return [
        with_extra(movie, extras.get(movie.movie_id, {}), tags.get(movie.movie_id, [])) for movie in reader.movies()
    ]


def read_ratings(reader: Files, movies: Iterable[Movie], users: Mapping[str, str] | None) -> Ratings:
    """The ratings of listed films by listed users, in the order in which they were given."""
    listed = {"video_id": (reader.movies_name, [movie.movie_id for movie in movies])}
    if users is not None:
        listed["user_id"] = (reader.users_name, list(users))
    rows = rating_rows(reader.path / reader.ratings_name, reader.rating_file, listed, reader.rejected)
    return in_order(rows, reader.path / "ratings.parquet")


def _movies(
    file: Path, rows: Iterable[Cells], columns: tuple[str, ...], bad: list[BadRow], rejected: Rejected
) -> list[Movie]:
    """The films of these rows, one for each id; the first of two equal rows."""
    movies: dict[str, Movie] = {}
    lines: dict[str, int] = {}
    again, count = [], 0
    for number, (movie_id, title, genres) in rows:
        count += 1
        known = movies.get(movie_id)
        try:
            movie = movie_of(movie_id, title, genres)
            check("videos", "genres", movie.genres)
        except LimitError as error:
            bad.append(BadRow(number, columns[2], genres, error.expectation))
            continue
        if known == movie:
            again.append((number, lines[movie_id]))
        elif not _is_bad_id(number, columns[0], movie_id, "video_id", lines, bad):
            movies[movie_id], lines[movie_id] = movie, number
    if again:
        rejected.note(
            f"{file.name}: {len(again)} films stand twice and count once, the first in the lines "
            f"{again[0][1]} and {again[0][0]}"
        )
    rejected.done(file, count + len(bad), bad)
    if not movies:
        raise LakeError(f"{file}: expected films, found none that is good")
    return list(movies.values())


def _is_bad_id(number: int, column: str, found: str, field: str, lines: Mapping[str, int], bad: list[BadRow]) -> bool:
    """Whether this is no id, or one of a line before; then it is added to `bad`."""
    expected = f"an id that no line before has (line {lines[found]} has it)" if found in lines else ""
    try:
        check("ratings", field, found)
    except LimitError as error:
        expected = error.expectation
    if expected:
        bad.append(BadRow(number, column, found, expected))
    return bool(expected)
