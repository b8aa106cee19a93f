"""The two formats of MovieLens: the `::` files of 1M and 10M, and the CSV files of the newer sets.

A line that is not as expected raises LakeError, naming file and line.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv

from feature_repo.ingest.movielens.movies import Movie, movie_of, with_extras
from feature_repo.ingest.movielens.ratings import Ratings, in_order
from feature_repo.lake.tables import LakeError

AGE_GROUPS = {1: "under 18", 18: "18-24", 25: "25-34", 35: "35-44", 45: "45-49", 50: "50-55", 56: "56+"}


class DatFiles:
    """`ratings.dat`, `movies.dat`, `users.dat`: fields between `::`, latin-1, no header. 10M has no `users.dat`."""

    ratings_name, movies_name, users_name = "ratings.dat", "movies.dat", "users.dat"
    rating_line = "UserID::MovieID::Rating::Timestamp"

    def __init__(self, path: Path) -> None:
        self.path = path

    def files(self) -> list[Path]:
        """Everything it reads where it is there."""
        names = (self.ratings_name, self.movies_name, self.users_name, "movies.parquet", "ratings.parquet")
        return [self.path / name for name in names]

    def movies(self) -> list[Movie]:
        pattern = re.compile(r"(\d+)::(.+)::(.*)")
        rows = _matches(self.path / self.movies_name, pattern, "MovieID::Title::Genres", "latin-1")
        return with_extras(self.path / "movies.parquet", [movie_of(*match.groups()) for match in rows], {})

    def ratings(self) -> Ratings:
        file = self.path / self.ratings_name
        content = file.read_bytes().replace(b"::", b"\t")
        table = _parse_ratings(file, content, "\t", re.compile(r"\d+::\d+::\d+(\.\d+)?::\d+"), self.rating_line, 0)
        return in_order(table, 1, self.path / "ratings.parquet")

    def ages(self) -> dict[int, str] | None:
        """user id -> age group; None when the set does not say who its users are."""
        file = self.path / self.users_name
        if not file.exists():
            return None
        pattern = re.compile(r"(\d+)::([MF])::(\d+)::(\d+)::(.*)")
        rows = _matches(file, pattern, "UserID::Gender::Age::Occupation::Zip-code", "latin-1")
        return {int(match[1]): AGE_GROUPS.get(int(match[3]), "") for match in rows}


class CsvFiles:
    """`ratings.csv`, `movies.csv`, and `tags.csv` where it lies beside: UTF-8 with a header."""

    ratings_name, movies_name, users_name = "ratings.csv", "movies.csv", ""
    rating_line = "userId,movieId,rating,timestamp"

    def __init__(self, path: Path) -> None:
        self.path = path

    def files(self) -> list[Path]:
        names = (self.ratings_name, self.movies_name, "tags.csv", "movies_enriched.parquet", "ratings.parquet")
        return [self.path / name for name in names]

    def movies(self) -> list[Movie]:
        rows = _csv_rows(self.path / self.movies_name, ("movieId", "title", "genres"))
        movies = [movie_of(*row) for row in rows]
        return with_extras(self.path / "movies_enriched.parquet", movies, self._tags())

    def ratings(self) -> Ratings:
        file = self.path / self.ratings_name
        content = file.read_bytes()
        header, _, body = content.partition(b"\n")
        if header.strip().decode("utf-8", "replace") != self.rating_line:
            raise _wrong(file, 1, self.rating_line, header.decode("utf-8", "replace"))
        table = _parse_ratings(file, body, ",", re.compile(r"\d+,\d+,\d+(\.\d+)?,\d+"), self.rating_line, 1)
        return in_order(table, 2, self.path / "ratings.parquet")

    def ages(self) -> dict[int, str] | None:
        return None

    def _tags(self) -> dict[int, list[str]]:
        """movie id -> what people call it, the most frequent first."""
        file = self.path / "tags.csv"
        if not file.exists():
            return {}
        counts: dict[int, Counter[str]] = {}
        for _, movie_id, tag, _ in _csv_rows(file, ("userId", "movieId", "tag", "timestamp")):
            counts.setdefault(int(movie_id), Counter())[tag.strip().lower()] += 1
        return {movie_id: [tag for tag, _ in count.most_common(5) if tag] for movie_id, count in counts.items()}


def find_files(path: Path) -> DatFiles | CsvFiles:
    for reader in (DatFiles, CsvFiles):
        if (path / reader.ratings_name).is_file():
            if not (path / reader.movies_name).is_file():
                raise LakeError(f"{path / reader.movies_name}: expected beside {reader.ratings_name}; it is not there")
            return reader(path)
    raise LakeError(f"{path}: expected ratings.dat or ratings.csv in it (the directory of a MovieLens set); neither is")


def _parse_ratings(
    file: Path, body: bytes, delimiter: str, line: re.Pattern[str], expected: str, skip: int
) -> pa.Table:
    names = ["user", "movie", "rating", "timestamp"]
    types = {"user": pa.int64(), "movie": pa.int64(), "rating": pa.float64(), "timestamp": pa.int64()}
    if not body.strip():
        raise _wrong(file, skip + 1, expected, "the end of the file")
    try:
        return pacsv.read_csv(
            pa.BufferReader(body),
            read_options=pacsv.ReadOptions(column_names=names),
            parse_options=pacsv.ParseOptions(delimiter=delimiter, quote_char=False, ignore_empty_lines=False),
            convert_options=pacsv.ConvertOptions(column_types=types, null_values=[]),
        )
    except pa.ArrowInvalid as error:
        for _ in list(_matches(file, line, expected, "latin-1", skip)):
            pass  # the fast parser refused the file; the slow one raises at the line
        raise LakeError(f"{file}: expected lines of {expected}: {error}") from error


def _matches(
    file: Path, pattern: re.Pattern[str], expected: str, encoding: str, skip: int = 0
) -> Iterator[re.Match[str]]:
    """Every line of the file as a match of the whole pattern; LakeError at the first that is not."""
    with file.open(encoding=encoding, newline="\n") as lines:
        for number, line in enumerate(lines, start=1):
            if number <= skip:
                continue
            match = pattern.fullmatch(line.rstrip("\r\n"))
            if match is None:
                raise _wrong(file, number, expected, line.rstrip("\r\n"))
            yield match


def _csv_rows(file: Path, names: tuple[str, ...]) -> Iterator[list[str]]:
    """The rows below a header of exactly these names, whose first column ending in "Id" is a number."""
    with file.open(encoding="utf-8", newline="") as lines:
        rows = csv.reader(lines)
        try:
            header = next(rows, [])
            if tuple(header) != names:
                raise _wrong(file, 1, ",".join(names), ",".join(header))
            for row in rows:
                if len(row) != len(names) or not all(
                    cell.isdigit() for cell, name in zip(row, names, strict=True) if name.endswith("Id")
                ):
                    raise _wrong(file, rows.line_num, ",".join(names), ",".join(row))
                yield row
        except UnicodeDecodeError as error:
            raise LakeError(f"{file}: expected UTF-8 text after line {rows.line_num}: {error}") from error


def _wrong(file: Path, number: int, expected: str, found: str) -> LakeError:
    return LakeError(f"{file}, line {number}: expected {expected}, found {found[:80]!r}")


def check_references(
    reader: DatFiles | CsvFiles, ratings: Ratings, movies: list[Movie], ages: dict[int, str] | None
) -> None:
    listed = [("movie", ratings.movie_N, [movie.movie_id for movie in movies], reader.movies_name)]
    if ages is not None:
        listed.append(("user", ratings.user_N, list(ages), reader.users_name))
    for kind, ids, known, name in listed:
        stray = ~np.isin(ids, known)
        if stray.any():
            at = int(np.flatnonzero(stray)[np.argmin(ratings.line_N[stray])])
            raise LakeError(
                f"{reader.path / reader.ratings_name}, line {ratings.line_N[at]}: "
                f"expected a {kind} that {name} lists, found {kind} {ids[at]}"
            )
