"""A mapping that is suggested for files of which nothing is known, and that the ingester reads as it stands."""

from __future__ import annotations

import codecs
import json
import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from feature_repo.core.errors import Refused
from feature_repo.core.home import Home
from feature_repo.ingest.table.suggest.mapping_file import suggested
from feature_repo.ingest.table.world import ingest
from feature_repo.lake.tables import Lake, LakeError

START = datetime(2025, 2, 1, 10, tzinfo=UTC)
FILMS = [(f"f{at}", f"The story of number {at}", f"{90 + at} min") for at in range(30)]
VIEWS = [
    (f"{at % 7 + 1}", f"f{random.Random(at).randrange(30)}", START + timedelta(hours=at), 60 * (at % 50 + 1))
    for at in range(200)
]


def csv_of(names: Sequence[str], rows: Sequence[Sequence[Any]], separator: str = ",", end: str = "\n") -> str:
    return end.join(separator.join(map(str, row)) for row in ([names] if names else []) + list(rows)) + end


def written(folder: Path, **files: str | bytes) -> Path:
    folder.mkdir(exist_ok=True)
    for name, content in files.items():
        path = folder / name.replace("__", ".")
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


def taken_in(folder: Path, tmp_path: Path) -> tuple[dict[str, Any], Home]:
    found = suggested(folder, tmp_path / "map.toml", force=True)
    home = Home(tmp_path / "home")
    ingest(home, tmp_path / "map.toml")
    return found, home


def views(
    form: str, names: Sequence[str] = ("user_id", "movie_id", "timestamp", "watch_seconds"), separator: str = ","
) -> str:
    def at(moment: datetime) -> str:
        units = {"s": 1, "ms": 1_000, "us": 1_000_000}
        return str(int(moment.timestamp() * units[form])) if form in units else moment.strftime(form)

    return csv_of(names, [(user, film, at(when), seconds) for user, film, when, seconds in VIEWS], separator)


@pytest.mark.parametrize(
    "form", ["s", "ms", "us", "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%d %H:%M:%S", "%d/%m/%Y %H:%M", "%d %b %Y %H:%M"]
)
def test_times_in_any_form_are_read(tmp_path: Path, form: str) -> None:
    folder = written(
        tmp_path / "own", movies__csv=csv_of(("movie_id", "title", "runtime"), FILMS), views__csv=views(form)
    )
    _, home = taken_in(folder, tmp_path)
    lake = Lake(home)
    assert lake.events()["timestamp_us"][0].as_py() == int(START.timestamp()) * 1_000_000
    assert lake.events()["watch_seconds"].to_pylist() == [seconds for *_, seconds in VIEWS]
    assert lake.videos()["duration_seconds"][0].as_py() == 5400.0


@pytest.mark.parametrize(
    ("names", "log"),
    [
        (("FilmNr", "Titel", "Laufzeit"), ("Kunde", "FilmNr", "Zeitpunkt", "gesehene Sekunden")),
        (("id_film", "titre", "durée"), ("id_utilisateur", "id_film", "horodatage", "durée vue (s)")),
        (("id_pelicula", "título", "duración"), ("id_usuario", "id_pelicula", "fecha", "segundos vistos")),
        (("itemId", "name", "length"), ("accountId", "itemId", "eventTime", "watchTimeSec")),
    ],
)
def test_names_of_other_languages_are_understood(tmp_path: Path, names: Sequence[str], log: Sequence[str]) -> None:
    folder = written(tmp_path / "own", a__csv=csv_of(names, FILMS, ";"), b__csv=views("s", log, ";"))
    _, home = taken_in(folder, tmp_path)
    lake = Lake(home)
    assert set(lake.events()["user_id"].to_pylist()) == {str(user) for user in range(1, 8)}
    assert lake.events()["watch_seconds"].to_pylist() == [seconds for *_, seconds in VIEWS]
    assert lake.videos()["title"][0].as_py() == "The story of number 0"
    assert lake.videos()["duration_seconds"][0].as_py() == 5400.0


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
@pytest.mark.parametrize(("separator", "end"), [(";", "\r\n"), ("\t", "\n"), ("|", "\n"), ("::", "\n"), (",", "\r")])
def test_encodings_separators_and_ends_of_lines_are_seen(
    tmp_path: Path, encoding: str, separator: str, end: str
) -> None:
    films = [(number, f"Das größte Café {number}", length) for number, _, length in FILMS]
    text = csv_of(("movie_id", "title", "runtime"), films, separator, end)
    folder = written(tmp_path / "own", movies__csv=text.encode(encoding), views__csv=views("s"))
    found, home = taken_in(folder, tmp_path)
    assert Lake(home).videos()["title"][0].as_py() == "Das größte Café f0"
    assert any("cp1252" in line for line in found["unsure"]) == (encoding == "cp1252")


def test_days_and_months_that_may_be_either_are_said_to_be_unsure(tmp_path: Path) -> None:
    early = [(user, film, f"0{at % 9 + 1}/0{at % 8 + 1}/2025", 60) for at, (user, film, *_) in enumerate(VIEWS)]
    log = csv_of(("user_id", "movie_id", "date", "watch_seconds"), early)
    folder = written(tmp_path / "own", movies__csv=csv_of(("movie_id", "title", "runtime"), FILMS), views__csv=log)
    found, _ = taken_in(folder, tmp_path)
    assert any("day or month first" in line for line in found["unsure"])


def test_files_without_names_are_read_by_what_stands_in_them_and_it_is_said(tmp_path: Path) -> None:
    films = [(number, title, "Crime|Drama") for number, title, _ in FILMS]
    log = csv_of((), [(user, film, 7, int(when.timestamp())) for user, film, when, _ in VIEWS], "\t")
    folder = written(tmp_path / "own", movies__dat=csv_of((), films, "::"), ratings__tsv=log)
    found, home = taken_in(folder, tmp_path)
    assert Lake(home).videos()["genres"][0].as_py() == ["Crime", "Drama"]
    assert set(Lake(home).events()["user_id"].to_pylist()) == {str(user) for user in range(1, 8)}
    assert sum("no line of names" in line for line in found["unsure"]) == 2


@pytest.mark.parametrize(
    ("ratings", "liked"),
    [
        (["1", "3", "5"], "5"),
        (["2", "6", "10"], "10"),
        (["thumbs_up", "thumbs_down"], "thumbs_up"),
        (["0", "1"], "1"),
        (["0.5", "4.5"], "4.5"),
    ],
)
def test_ratings_of_any_scale_are_watches_and_likes(tmp_path: Path, ratings: list[str], liked: str) -> None:
    rows = [
        (user, film, ratings[at % len(ratings)], int(when.timestamp()))
        for at, (user, film, when, _) in enumerate(VIEWS)
    ]
    log = csv_of(("user_id", "movie_id", "rating", "timestamp"), rows)
    folder = written(tmp_path / "own", movies__csv=csv_of(("movie_id", "title", "runtime"), FILMS), ratings__csv=log)
    _, home = taken_in(folder, tmp_path)
    kinds = Lake(home).events()["event"].to_pylist()
    assert kinds.count("like") == sum(row[2] == liked for row in rows)
    assert kinds.count("dislike") > 0
    assert kinds.count("watch") == len(rows)


def test_events_of_other_names_are_mapped_and_unknown_ones_left_out(tmp_path: Path) -> None:
    actions = ("played", "liked", "frobnicated")
    rows = [(user, film, actions[at % 3], when.isoformat()) for at, (user, film, when, _) in enumerate(VIEWS)]
    log = "\n".join(json.dumps(dict(zip(("user", "film", "action", "at"), row, strict=True))) for row in rows)
    folder = written(tmp_path / "own", films__csv=csv_of(("film", "title", "runtime"), FILMS), log__jsonl=log)
    found, home = taken_in(folder, tmp_path)
    assert set(Lake(home).events()["event"].to_pylist()) == {"watch", "like"}
    assert any("frobnicated" in line for line in found["unsure"])


def test_one_log_with_titles_is_videos_and_events(tmp_path: Path) -> None:
    rows = [
        {"user_id": int(user), "item_id": film, "title": f"A title of {film}", "ts": when}
        for user, film, when, _ in VIEWS
    ]
    folder = written(tmp_path / "own")
    pq.write_table(pa.Table.from_pylist(rows), folder / "log.parquet")
    _, home = taken_in(folder, tmp_path)
    assert len(Lake(home).videos()) == len({film for _, film, *_ in VIEWS})
    assert len(Lake(home).events()) == len(VIEWS)


def test_broken_rows_repeated_ids_and_unlisted_videos_are_told(tmp_path: Path) -> None:
    films = csv_of(("movie_id", "title", "runtime"), [*FILMS, FILMS[3], ("f4", "Another", "5 min")])
    log = views("s") + "1,zzz,1738404000,60\n1,f1,never,60\n1,f1\n"
    folder = written(
        tmp_path / "own",
        movies__csv=films,
        views__csv=log,
        empty__csv="",
        only__csv="user_id,country\n",
        notes__txt="hello\n",
    )
    found = suggested(folder, tmp_path / "map.toml")
    told = "\n".join(found["unsure"])
    for said in (
        "2 rows have the id of a row before",
        "zzz for one: left out",
        "2 would be refused: line",
        "empty.csv: an empty file",
    ):
        assert said in told, said
    assert {len(rows) for rows in found["rows"].values()} <= {0, 10}
    with pytest.raises(Refused, match="--force"):
        suggested(folder, tmp_path / "map.toml")


@pytest.mark.parametrize("content", [b"", codecs.BOM_UTF8, b"\x00" * 50, b"just a line\n", b"PK\x03\x04", b'"' * 70])
def test_a_directory_without_tables_is_told(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(LakeError, match="expected a CSV, JSON lines or Parquet file"):
        suggested(written(tmp_path / "own", a__csv=content), tmp_path / "map.toml")
    assert not (tmp_path / "map.toml").exists()
