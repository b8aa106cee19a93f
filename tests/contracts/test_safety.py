"""One list of hard rules: whoever shows or estimates videos asks it, and a rule that is added holds at once."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from worlds import arithmetic as feed_world
from worlds.arithmetic import NOW_US
from worlds.lists import make_lists

from bento_services.feed.attempt import Attempt
from bento_services.feed.build import build_feed
from bento_services.feed.page import Query
from bento_services.feed.surfaces.home import LADDER
from bento_services.precompute.batch import Stage, rank_everyone
from feature_repo.core.home import Home
from feature_repo.ingest.simulator.config import SimulatorConfig
from feature_repo.ingest.simulator.world import simulate
from models.catalog import Catalog, ViewerRequest, rows_of
from models.page import filters
from models.page.rules import SharedFilter, ViewerFilter
from training.off_policy import home_log

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("bento_services", "models", "training", "monitoring")
RULES = "models/page/filters.py"
# What a rule reads of a catalog. A module that compares one of these with a viewer's limits writes a rule of its own.
RULE_COLUMNS = {"countries", "maturity"}


class TakenDown(ViewerFilter):
    """A rule that somebody adds to the one list: of each viewer."""

    name = "taken_down"

    def __init__(self, video_id: str) -> None:
        self.video_id = video_id
        self.asked = 0

    def excepted(self, request: ViewerRequest) -> np.ndarray:
        self.asked += 1
        return rows_of(request.catalog, [self.video_id])


class TakenDownForAll(SharedFilter):
    """The same of all viewers."""

    name = "taken_down"

    def __init__(self, video_id: str) -> None:
        self.video_id = video_id

    def keep(self, catalog: Catalog, rows: Any, about: Any, now_us: int) -> np.ndarray:
        return np.array([video_id != self.video_id for video_id in catalog.video_ids[rows]], dtype=bool)


@pytest.fixture(params=[TakenDown, TakenDownForAll])
def taken_down(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    rule = request.param("v04")
    monkeypatch.setattr(filters, "SAFETY", (*filters.SAFETY, rule))
    return rule


def on_pages() -> set[str]:
    feed = build_feed(feed_world.toy_release(), feed_world.toy_reader(), None, now_us=lambda: NOW_US)
    page = feed.page(Query(user_id="new", limit=12))
    feed.close()
    return {item.video_id for row in page.rows for item in row.items}


def in_lists(stage: Stage) -> set[str]:
    (one,) = rank_everyone(feed_world.toy_release(), feed_world.toy_reader(), ["new"], 12, stage)
    return set(one.video_ids)


def test_without_the_rule_everybody_shows_the_video() -> None:
    assert "v04" in on_pages() & in_lists("retrieval") & in_lists("full")


def test_a_new_rule_holds_on_pages(taken_down: Any) -> None:
    assert "v04" not in on_pages()


@pytest.mark.parametrize("breakage", ["ranker", "index", "retrieval"])
def test_a_new_rule_holds_on_every_rung(taken_down: Any, breakage: str) -> None:
    release = feed_world.toy_release()
    getattr(feed_world.parts_of(release), breakage).broken = RuntimeError()
    feed = build_feed(release, feed_world.toy_reader(), None, now_us=lambda: NOW_US)
    page = feed.page(Query(user_id="new", limit=12))
    feed.close()
    assert page.served_by != "full_funnel"
    assert "v04" not in {item.video_id for row in page.rows for item in row.items}


@pytest.mark.parametrize("rung", [rung.name for rung in LADDER])
def test_a_new_rule_holds_on_a_rung_whose_list_was_made_before_it(
    rung: str, monkeypatch: pytest.MonkeyPatch, taken_down: Any
) -> None:
    release, reader = feed_world.toy_release(), feed_world.toy_reader()
    with monkeypatch.context() as before:
        before.setattr(filters, "SAFETY", filters.SAFETY[:-1])
        make_lists(release, reader, ["new"])
    names = [rung.name for rung in LADDER]
    above = Attempt(below=names[names.index(rung) - 1] if names.index(rung) else "")
    feed = build_feed(release, reader, None, now_us=lambda: NOW_US)
    page = feed.page(Query(user_id="new", limit=12), attempt=above)
    feed.close()
    assert page.served_by == rung
    assert page.recommendations
    assert "v04" not in {item.video_id for row in page.rows for item in row.items}


@pytest.mark.parametrize("stage", ["retrieval", "full"])
def test_a_new_rule_holds_in_everybodys_lists(taken_down: Any, stage: Stage) -> None:
    assert "v04" not in in_lists(stage)


def test_a_policy_that_may_not_be_served_is_not_estimated(
    taken_down: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = Home.open(tmp_path)
    simulate(home, SimulatorConfig(users=40, videos=40, days=6, seed=5))
    monkeypatch.setattr(home_log, "trained_two_tower", lambda models: _Flat())
    monkeypatch.setattr(home_log, "video_vectors", _vectors)
    taken_down.video_id = _vectors(home, None)[0][3]
    logs = home_log.home_logs(home)
    assert len(logs["uniform"].action_N) > 0
    assert isinstance(taken_down, TakenDownForAll) or taken_down.asked == len(logs["uniform"].action_N)
    for log in logs.values():
        assert log.policy_NA[:, 3].max() == 0.0
        assert log.policy_NA[:, :3].max() > 0.0


def test_nobody_else_writes_a_rule() -> None:
    found = {str(path.relative_to(ROOT)) for path in _sources() if _compares(path)}
    assert found - {RULES} == set()


def test_whoever_scores_a_catalog_for_a_viewer_asks_the_rules() -> None:
    """A module that computes viewers' vectors outside of training and judging models does so to choose videos."""
    places = ("bento_services/", "training/off_policy/", "monitoring/")
    clients = {
        "bento_services/feed/query_hydrators.py",  # gives the vector to a pipeline
        "bento_services/process/remote.py",  # from another process
        "bento_services/process/retrieval_service.py",
        "monitoring/reports/report.py",  # compare vectors over time and choose nothing
        "monitoring/reports/subject.py",
    }
    found = {name for name, text in _texts() if name.startswith(places) and "user_vectors(" in text} - clients
    assert found == {"bento_services/precompute/batch.py", "training/off_policy/home_log.py"}
    for name in found:
        assert "filters.allowed(" in (ROOT / name).read_text(), name


def test_only_surfaces_hand_the_rules_on() -> None:
    assert {name for name, text in _texts() if "SAFETY" in text and name != RULES} == {
        "bento_services/feed/surfaces/pipelines.py"
    }


def _texts() -> Iterator[tuple[str, str]]:
    yield from ((str(path.relative_to(ROOT)), path.read_text()) for path in _sources())


def _sources() -> Iterator[Path]:
    for package in PACKAGES:
        yield from (path for path in (ROOT / package).rglob("*.py") if "_pb2" not in path.name)


def _compares(path: Path) -> bool:
    """Whether a comparison in this file looks at a column that only rules compare."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Compare):
            texts = {n.value for n in ast.walk(node) if isinstance(n, ast.Constant) and isinstance(n.value, str)}
            subscripted = any(isinstance(n, ast.Subscript) for n in ast.walk(node))
            if subscripted and texts & RULE_COLUMNS:
                return True
    return False


class _Flat:
    """A retrieval model to which everybody and everything is alike."""

    def user_vectors(self, histories: Any, *_: Any) -> np.ndarray:
        return np.ones((len(histories), 2), dtype=np.float32)


def _vectors(home: Home, retrieval: Any) -> tuple[list[str], np.ndarray]:
    from feature_repo.lake.tables import Lake

    ids = Lake(home).videos()["video_id"].to_pylist()
    return ids, np.ones((len(ids), 2), dtype=np.float32)
