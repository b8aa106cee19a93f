"""The same verbs on real input: from the files of a data set to a served page and everyone's list."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from worlds.live import personal_page

from bento_services.client import Client
from bento_services.process.supervisor import running
from feature_repo.core.home import Home
from feature_repo.lake.tables import Lake

MARQUEE = str(Path(sys.executable).with_name("marquee"))
VIEWERS = 1_500

pytestmark = [pytest.mark.data, pytest.mark.slow, pytest.mark.timeout(900)]


def marquee(home: Path, *arguments: str) -> None:
    command = [MARQUEE, *arguments, "--home", str(home)]
    shown = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert shown.returncode == 0, f"{' '.join(arguments)}\n{shown.stdout[-2000:]}{shown.stderr[-3000:]}"


def from_files_to_a_page(home: Path, source: str, path: Path) -> None:
    marquee(home, "ingest", source, "--path", str(path))
    marquee(home, "features")
    marquee(home, "train", "--epochs", "3")
    marquee(home, "evaluate")
    marquee(home, "promote", "--force")  # three epochs need not pass the gates
    lists = home / "lists.parquet"
    marquee(home, "recommend", "--all", "-n", "10", "--stage", "retrieval", "--out", str(lists))
    opened = Home.open(home)
    world = opened.world()
    table = pq.read_table(lists)
    assert table.column_names == ["user_id", "item_id", "rank", "score"]
    assert str(table.schema.field("user_id").type) == str(table.schema.field("item_id").type) == "int64"
    watched = Lake(opened).events()
    watched = watched.filter(pc.equal(watched["event"], "watch"))
    seen = set(zip(watched["user_id"].to_pylist(), watched["video_id"].to_pylist(), strict=True))
    shown = {(str(u), str(v)) for u, v in zip(table["user_id"].to_pylist(), table["item_id"].to_pylist(), strict=True)}
    assert len(shown) == len(table) == 10 * len(Lake(opened).users())
    skipped = {pair for pair in shown & seen if source == "kuairand"}  # a skip of a few seconds is no watch
    assert not (shown & seen) - skipped
    with running(opened, http_port=0, grpc_port=0) as ports, Client(ports.http_url) as client:
        page = personal_page(client, world.example_user)
        assert len(page.recommendations) == 20
        like = {"user_id": world.example_user, "item_id": page.recommendations[0].video_id, "event": "like"}
        client.home_after(client.send(like), world.example_user)
        personal_page(client, world.example_user)


def test_movielens_from_its_files_to_a_page(data_set: Callable[[str], Path], tmp_path: Path) -> None:
    from_files_to_a_page(tmp_path / "world", "movielens", data_set("ml-latest-small"))


def test_kuairand_from_its_files_to_a_page(data_set: Callable[[str], Path], tmp_path: Path) -> None:
    """The rows of the first VIEWERS viewers of the log; the whole takes a quarter of an hour."""
    whole, part = data_set("kuairand-pure"), tmp_path / "part"
    part.mkdir()
    shutil.copy(whole / "video_features_basic_pure.csv", part)
    shutil.copy(whole / "user_features.parquet", part)
    log = pq.read_table(next(whole.glob("log_standard_*.parquet")))
    viewers = log["user_id"].unique()[:VIEWERS]
    for file in (*whole.glob("log_standard_*.parquet"), *whole.glob("history_*.parquet")):
        table = pq.read_table(file)
        pq.write_table(table.filter(pc.is_in(table["user_id"], value_set=viewers)), part / file.name)
    from_files_to_a_page(tmp_path / "world", "kuairand", part)
