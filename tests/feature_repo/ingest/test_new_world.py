"""A new world comes into a home whole or not at all, and over another one only where it may."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from worlds.postgres import new_database

from feature_repo.catalog.bulk import export
from feature_repo.catalog.errors import CatalogAbsent, CatalogDown, ForeignCatalog
from feature_repo.catalog.open import open_catalog
from feature_repo.core.errors import REFUSED, MarqueeError
from feature_repo.core.hashes import hashes
from feature_repo.core.home import Home, World
from feature_repo.core.serving_lock import serving
from feature_repo.core.world_swap import WorldBusy, building, keeping
from feature_repo.ingest import new_world
from feature_repo.ingest.new_world import IngestOptions, NewWorld, WorldExists, install_world, world_id
from feature_repo.ingest.rejected import BadRow, MaxRejected, Rejected
from feature_repo.ingest.simulator.config import SimulatorConfig
from feature_repo.ingest.simulator.world import simulated
from feature_repo.lake.projection import home_catalog
from feature_repo.lake.tables import Lake
from feature_repo.store import valkey_server
from feature_repo.store.connect import StoreDown, connect
from feature_repo.store.layout import VIDEO_IDS
from feature_repo.store.valkey_server import online_store

CONFIG = SimulatorConfig(users=20, videos=40, days=5, end="2025-06-01")


@pytest.fixture(scope="module")
def made() -> NewWorld:
    return simulated(CONFIG)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


def put(home: Home, made: NewWorld, seed: int = 0, **options: Any) -> dict[str, Any]:
    return install_world(home, {"seed": seed}, lambda _: made, IngestOptions(**options))


def of_fewer_viewers(made: NewWorld) -> NewWorld:
    return replace(made, users=made.users.slice(1))


def test_a_world_is_known_by_its_content_and_the_home_says_which_it_holds(home: Home, made: NewWorld) -> None:
    summary = put(home, made)
    assert home.world() == replace(
        made.world, world_id=world_id(made), made_from=home.world().made_from, first_day_us=1_748_304_000_000_000
    )
    assert (summary["world_id"], summary["unchanged"], summary["rejected"]) == (world_id(made), False, 0)
    assert Lake(home).counts()["users"] == 20
    renamed = replace(made, world=replace(made.world, name="other", clock_offset_seconds=-1.0))
    assert world_id(made) == world_id(renamed) == world_id(simulated(CONFIG))
    assert world_id(made) != world_id(of_fewer_viewers(made))


def test_the_same_world_again_changes_nothing_and_keeps_what_serving_added(home: Home, made: NewWorld) -> None:
    put(home, made)
    (home.models / "ranker").mkdir(parents=True)
    (home.lake / "events" / "day=2025-06-02").mkdir()
    (home.lake / "events" / "day=2025-06-02" / "live-1.parquet").write_text("")
    before = hashes(home.root)
    assert put(home, made)["unchanged"]
    assert hashes(home.root) == before


def test_another_world_needs_replace_which_takes_what_was_made_from_the_first(home: Home, made: NewWorld) -> None:
    put(home, made)
    for part in (home.models, home.releases, home.reports, home.features, home.valkey, home.mlflow):
        part.mkdir()
        (part / "of-the-old-world").write_text("")
    (home.root / "steps.json").write_text("{}")
    (home.root / "marquee.toml").write_text("")
    before = hashes(home.root)
    for seed in (0, 1):  # the source says it is another, or its content does
        with pytest.raises(WorldExists, match=r"holds the world simulated .simulator.*--replace") as refused:
            put(home, of_fewer_viewers(made), seed)
        assert refused.value.exit_status == REFUSED
    assert hashes(home.root) == before
    put(home, of_fewer_viewers(made), seed=1, replace=True)
    assert Lake(home).counts()["users"] == 19
    assert sorted(path.name for path in home.root.iterdir()) == ["catalog.db", "lake", "marquee.toml", "world.json"]


def test_a_world_of_an_older_revision_is_another(home: Home, made: NewWorld) -> None:
    Lake(home).replace(**made.tables)
    home.write_world(made.world)
    with pytest.raises(WorldExists):
        put(home, made)


def test_a_full_disk_is_one_line_and_leaves_the_world_that_was_there(
    home: Home, made: NewWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(home, made)
    before = hashes(home.root)

    def full(self: Lake, table: pa.Table) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Lake, "write_impressions", full)
    with pytest.raises(MarqueeError, match="No space left on device; nothing was changed"):
        put(home, of_fewer_viewers(made), seed=1, replace=True)
    assert hashes(home.root) == before
    assert sorted(path.name for path in home.root.iterdir()) == ["catalog.db", "lake", "world.json"]


def test_the_catalog_comes_and_goes_with_its_world(home: Home, made: NewWorld) -> None:
    put(home, made)
    with closing(open_catalog(home)) as catalog:
        assert export(catalog.database) == (Lake(home).videos(), 1)
        assert catalog.put({"video_id": "new", "title": "New", "duration_seconds": 1}, "web").change_id == 2
    assert put(home, made)["unchanged"]
    with closing(open_catalog(home)) as catalog:
        assert catalog.version() == 2
    (home.root / "catalog.db-wal").write_bytes(b"of a process that was killed")
    put(home, of_fewer_viewers(made), seed=1, replace=True)
    assert not (home.root / "catalog.db-wal").exists()
    with closing(open_catalog(home)) as catalog:
        assert (catalog.version(), catalog.known(["new"])) == (1, set())


def test_a_catalog_on_a_server_follows_the_world_also_after_a_crash_before_it_could(
    home: Home, made: NewWorld, postgres_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MARQUEE_CATALOG_URL", new_database(postgres_server))
    put(home, made)
    assert not (home.root / "catalog.db").exists()
    with closing(open_catalog(home)) as catalog:
        assert export(catalog.database) == (Lake(home).videos(), 1)
        catalog.put({"video_id": "new", "title": "New", "duration_seconds": 1}, "web")
    monkeypatch.setattr(new_world, "_hand_over", lambda home: None)  # the process was killed
    put(home, of_fewer_viewers(made), seed=1, replace=True)
    with pytest.raises(CatalogAbsent, match="are not in its catalog yet"):
        open_catalog(home)
    with closing(home_catalog(home)) as catalog:
        assert (catalog.version(), catalog.count(), catalog.known(["new"])) == (3, 40, set())


def test_a_catalog_of_another_home_is_refused_and_left_alone(
    tmp_path: Path, made: NewWorld, postgres_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = new_database(postgres_server)
    monkeypatch.setenv("MARQUEE_CATALOG_URL", url)
    put(Home(tmp_path / "one"), made)
    monkeypatch.delenv("MARQUEE_CATALOG_URL")
    put(Home(tmp_path / "two"), of_fewer_viewers(made))
    monkeypatch.setenv("MARQUEE_CATALOG_URL", url)
    with pytest.raises(ForeignCatalog, match="give each home its own database"):
        home_catalog(Home(tmp_path / "two"))


def test_a_server_that_is_away_stops_an_ingest_before_the_world_changes(
    home: Home, made: NewWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(home, made)
    before = hashes(home.root)
    monkeypatch.setenv("MARQUEE_CATALOG_URL", "postgresql://marquee:secret@127.0.0.1:1/none")
    with pytest.raises(CatalogDown, match="does not answer"):
        put(home, of_fewer_viewers(made), seed=1, replace=True)
    assert hashes(home.root) == before


def test_a_home_that_is_being_served_is_left_alone(home: Home, made: NewWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    put(home, made)
    with serving(home), pytest.raises(WorldExists, match="stop `marquee serve`"):
        put(home, made, replace=True)
    put(home, made, replace=True)
    monkeypatch.setattr(valkey_server, "embedded_url", lambda home: "redis://127.0.0.1:1")
    with pytest.raises(WorldExists, match="stop `marquee serve`"):
        put(home, made, replace=True)


def test_work_on_the_world_that_is_there_keeps_others_out_until_it_has_ended(home: Home, made: NewWorld) -> None:
    put(home, made)
    with keeping(home.root), keeping(home.root), pytest.raises(WorldBusy, match="or works on it"):
        put(home, made, replace=True)
    with building(home.root), pytest.raises(WorldBusy, match="another command is replacing the world there"):
        keeping(home.root).__enter__()
    put(home, made, replace=True)


def test_a_store_of_your_own_is_rid_of_the_old_world_and_one_that_does_not_answer_stops_everything(
    home: Home, made: NewWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with online_store(Home(tmp_path / "elsewhere")) as url:
        client = connect(url, timeout_seconds=5.0)
        client.set(VIDEO_IDS, "of whoever was there before")
        monkeypatch.setenv("REDIS_URL", url)
        put(home, made)
        assert client.exists(VIDEO_IDS)  # this home had no world: the state is not its own
        put(home, of_fewer_viewers(made), seed=1, replace=True)
        assert not client.exists(VIDEO_IDS)
        client.close()
    before = hashes(home.root)
    with pytest.raises(StoreDown):
        put(home, made, replace=True)
    assert hashes(home.root) == before


def test_rows_that_were_set_aside_lie_in_the_home_and_are_counted(home: Home, made: NewWorld, tmp_path: Path) -> None:
    file = tmp_path / "ratings.csv"

    def make(rejected: Rejected) -> NewWorld:
        rejected.done(file, 10, [BadRow(3, "rating", "99", "0.5 to 5", "1,2,99,5")])
        return made

    summary = install_world(home, {}, make, IngestOptions(set_aside=True, most=MaxRejected(rows=1)))
    assert summary["rejected_for"] == {"ratings.csv, rating: expected 0.5 to 5": 1}
    assert (home.rejected / "simulator" / "ratings.csv.jsonl").read_text().count('"line": 3') == 1


def test_a_world_without_an_id_is_written_as_older_revisions_did() -> None:
    assert "world_id" not in World("w", "simulator", "str", ("Drama",)).to_json()
