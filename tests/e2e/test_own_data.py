"""A newcomer's own files to a served page: by the commands of docs/your_own_data.md, and from real data sets."""

from __future__ import annotations

import json
import os
import random
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from worlds.live import personal_page

from bento_services.client import Client
from bento_services.process.supervisor import running
from feature_repo.core.home import Home
from feature_repo.lake.tables import Lake

ROOT = Path(__file__).resolve().parents[2]
MARQUEE = str(Path(sys.executable).with_name("marquee"))
GENRES = ("Krimi", "Komödie", "Drama", "Doku", "Märchen")
MAY_FAIL = {"release": (0, 3)}  # a gate on a small history

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def marquee(folder: Path, *arguments: str) -> str:
    shown = subprocess.run([MARQUEE, *arguments], cwd=folder, capture_output=True, text=True, timeout=600, check=False)
    assert shown.returncode in MAY_FAIL.get(arguments[0], (0,)), (
        f"{arguments}\n{shown.stdout[-2000:]}{shown.stderr[-3000:]}"
    )
    return shown.stdout


def commands_of_the_document() -> list[list[str]]:
    blocks = re.findall(r"```sh\n(.*?)```", (ROOT / "docs" / "your_own_data.md").read_text(), re.S)
    return [shlex.split(line)[1:] for block in blocks for line in block.splitlines()]


def german_exports(folder: Path, later: bool = False) -> None:
    """Viewers like one genre each. `later`: with a further day."""
    chance = random.Random(7)
    folder.mkdir(exist_ok=True)
    films = [
        f'F{at:03};"Der große Film {at}";{GENRES[at % 5]}, {GENRES[at % 3]};'
        f"{80 + at % 50},5;J. Müller {at % 9};{1 + at % 28:02}.01.2024"
        for at in range(80)
    ]
    (folder / "filme.csv").write_bytes(
        "\r\n".join(["FilmNr;Titel;Genre;Laufzeit (min);Regie;Startdatum", *films, ""]).encode("cp1252")
    )
    (folder / "kunden.csv").write_text(
        "\n".join(["KundenNr;Land;Angemeldet am", *(f"{at};DE;{1 + at % 28:02}.01.2025" for at in range(1, 121)), ""])
    )
    moment, views, shown = (
        datetime(2025, 2, 1),
        ["Kunde;Film;Zeitpunkt;Aktion;gesehene Minuten"],
        ["Kunde,Film,Zeitpunkt,Platz,geklickt"],
    )
    for at in range(5_100 if later else 5_000):
        moment += timedelta(minutes=7)
        user = chance.randint(1, 120)
        liked = chance.random() < 0.8
        film = chance.randrange(16) * 5 + (user % 5 if liked else chance.randrange(5))
        kind = chance.choice(["abgespielt"] * 6 + ["gefällt mir", "geteilt", "Seite geöffnet"])
        views.append(
            f"{user};F{film:03};{moment:%d.%m.%Y %H:%M};{kind};{chance.randint(5, 80) if kind == 'abgespielt' else ''}"
        )
        shown.append(
            f"{user},F{film:03},{int(moment.timestamp() * 1000) - 60_000},{at % 10 + 1},{'ja' if liked else 'nein'}"
        )
    (folder / "gesehen.csv").write_text("\n".join([*views, ""]))
    (folder / "einblendungen.csv").write_text("\n".join([*shown, ""]))


def test_the_commands_of_the_document_lead_from_four_files_to_a_page(tmp_path: Path) -> None:
    german_exports(tmp_path / "exports")
    *first, append = commands_of_the_document()
    assert [command[0] for command in first] == ["ingest", "ingest", "release", "promote", "recommend"]
    for command in first:
        marquee(tmp_path, *command)
    home = Home.open(tmp_path / "worlds" / "ours")
    with running(home, http_port=0, grpc_port=0) as ports, Client(ports.http_url) as client:
        page = personal_page(client, home.world().example_user)
        assert page.recommendations[0].title.startswith("Der große Film")
        before = len(Lake(home).events())
        assert json.loads(marquee(tmp_path, *append, "--json"))["events"]["added"] == 0
        german_exports(tmp_path / "exports", later=True)
        assert json.loads(marquee(tmp_path, *append, "--json"))["events"]["added"] == 100
        assert len(Lake(home).events()) == before + 100
        personal_page(client, home.world().example_user)


def a_part_of(source: Path, folder: Path, name: str) -> None:
    """Files of a data set with the log of some hundred viewers: training on all of them takes minutes."""
    folder.mkdir()
    for file in sorted(source.iterdir()):
        if file.suffix not in (".parquet", ".dat"):
            continue
        if file.suffix == ".parquet" and "user_id" in (table := pq.read_table(file)).column_names:
            users = table["user_id"].value_counts().to_pylist()
            most = {one["values"] for one in sorted(users, key=lambda one: -one["counts"])[:300]}
            pq.write_table(
                table.filter(pa.array([user in most for user in table["user_id"].to_pylist()])), folder / file.name
            )
        else:
            (folder / file.name).write_bytes(file.read_bytes())
    if name == "netflix-titles":  # has no log: viewers of one category each
        chance, titles = random.Random(7), pq.read_table(source / "netflix_titles.parquet").slice(0, 300).to_pylist()
        groups = [
            [row for row in titles if category in row["categories"]]
            for category in ("Dramas", "Comedies", "Kids", "Docu")
        ]
        rows = [
            (
                f"u{user}",
                chance.choice(groups[user % 4])["show_id"],
                datetime(2022, 1, 1) + timedelta(hours=hour),
                chance.randint(600, 5000),
            )
            for user in range(150)
            for hour in sorted(chance.sample(range(900), 30))
        ]
        pq.write_table(
            pa.table(
                dict(zip(("viewer", "show_id", "watched_at", "watch_seconds"), zip(*rows, strict=True), strict=True))
            ),
            folder / "views.parquet",
        )


@pytest.mark.data
@pytest.mark.parametrize("name", ["movietweetings", "netflix-titles", "kuairec-positives"])
def test_a_whole_data_set_leads_to_a_page_in_two_minutes(
    name: str, tmp_path: Path, data_set: Callable[[str], Path]
) -> None:
    """Without training; netflix-titles has no events at all. Measured in processor time: the machine may be busy."""
    shutil.copytree(data_set(name), tmp_path / "files", copy_function=shutil.copyfile)
    before = os.times()
    marquee(tmp_path, "ingest", "suggest", "files")
    found = json.loads(marquee(tmp_path, "ingest", "table", "--mapping", "files/map.toml", "--home", "home", "--json"))
    assert found["rejected"] == 0
    untrained = () if name == "netflix-titles" else ("--untrained",)
    assert "without models: " in marquee(tmp_path, "release", *untrained, "--home", "home")
    page = json.loads(marquee(tmp_path, "recommend", "anybody", "--home", "home", "--json"))
    after = os.times()
    assert len(page["recommendations"]) == 20
    assert {row["row_id"] for row in page["rows"]} >= {"top_picks", "explore"}
    assert after.children_user - before.children_user < 120


@pytest.mark.data
@pytest.mark.parametrize("name", ["movietweetings", "netflix-titles", "kuairec-positives"])
def test_a_real_data_set_needs_no_line_by_hand(name: str, tmp_path: Path, data_set: Callable[[str], Path]) -> None:
    a_part_of(data_set(name), tmp_path / "files", name)
    marquee(tmp_path, "ingest", "suggest", "files")
    found = json.loads(marquee(tmp_path, "ingest", "table", "--mapping", "files/map.toml", "--home", "home", "--json"))
    assert found["rejected"] == 0
    assert found["events"] > 1_000
    marquee(tmp_path, "features", "--home", "home")
    marquee(tmp_path, "train", "--epochs", "2", "--home", "home")
    marquee(tmp_path, "evaluate", "--home", "home")
    marquee(tmp_path, "promote", "--force", "--home", "home")  # two epochs need not pass the gates
    home = Home.open(tmp_path / "home")
    with running(home, http_port=0, grpc_port=0) as ports, Client(ports.http_url) as client:
        assert len(personal_page(client, home.world().example_user).recommendations) >= 10
