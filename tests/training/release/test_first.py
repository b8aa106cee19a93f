"""A release before anything is trained: it is whole, has pages on every rung it has, and gives way to a trained one."""

from dataclasses import replace
from pathlib import Path

import pytest

from bento_services.feed.compose import compose
from bento_services.feed.config import FeedConfig
from bento_services.feed.parts import Parts
from bento_services.feed.surfaces.registry import SURFACES
from bento_services.process.trial import ask_every_rung
from feature_repo.core.errors import Refused
from feature_repo.core.home import Home
from feature_repo.ingest.table.world import ingest
from feature_repo.lake.tables import Lake
from models.release.artifact import load_release
from models.release.config import PromotionConfig
from models.release.inputs import champion_inputs
from models.release.manifest import ArtifactError, Manifest
from models.release.store import champion
from training.release.first import build_first, first_release, nothing_to_learn

MAPPING = """
[[videos]]
files = "films.csv"
[videos.fields]
video_id = "id"
title = "name"
genres = "genre"
duration_seconds = { constant = 5400 }
published_timestamp_us = "out"
"""
EVENTS = """
[[events]]
files = "views.csv"
[events.fields]
user_id = "who"
video_id = "film"
event = { constant = "watch" }
timestamp_us = { column = "at", unit = "s" }
watch_seconds = { constant = 1, unit = "share" }
"""


def a_home(folder: Path, events: bool = False) -> Home:
    """40 films of four genres, f39 the newest; with `events`, viewers who watch f00 and f04 together."""
    films = [f"f{at:02},Film {at},{'ABCD'[at % 4]},2021-02-{1 + at % 28:02}" for at in range(39)]
    (folder / "films.csv").write_text("\n".join(["id,name,genre,out", *films, "f39,Newest,A,2021-03-05", ""]))
    (folder / "views.csv").write_text(
        "who,film,at\n" + "".join(f"u{at},{film},{1_614_700_000 + at}\n" for at in range(9) for film in ("f00", "f04"))
    )
    (folder / "map.toml").write_text(MAPPING + EVENTS * events)
    home = Home(folder / "home")
    ingest(home, folder / "map.toml")
    return home


def test_a_catalog_that_nobody_watched_has_pages_of_what_is_new(tmp_path: Path) -> None:
    home = a_home(tmp_path)
    assert nothing_to_learn(home)
    assert home.world().now_us() // 86_400_000_000 == 18_691  # the day of the newest film
    path = build_first(home)
    release = load_release(path)
    assert not release.is_trained
    assert [video["video_id"] for video in release.static_videos[:2]] == ["f39", "f27"]
    assert ask_every_rung(release, FeedConfig()) > 100
    assert build_first(home) == path


def test_whether_there_is_anything_to_learn_is_asked_as_training_asks_and_without_reading_the_events(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unread(*_: object) -> None:
        raise AssertionError("the events were read")

    views = {
        "many": a_home(tmp_path, events=True),
        "repeated": again(tmp_path / "again", "u0,f00,1614700000", "u0,f00,1614700060"),
        "two": again(tmp_path / "two", "u0,f00,1614700000", "u0,f04,1614700060"),
    }
    monkeypatch.setattr(Lake, "events", unread)
    found = {name: nothing_to_learn(home) for name, home in views.items()}
    assert found == {"many": False, "repeated": True, "two": False}  # the windows of time count it once a day, too


def again(folder: Path, *views: str) -> Home:
    folder.mkdir()
    a_home(folder)
    (folder / "views.csv").write_text("\n".join(["who,film,at", *views, ""]))
    (folder / "map.toml").write_text(MAPPING + EVENTS)
    home = Home(folder / "other")
    ingest(home, folder / "map.toml")
    return home


def test_no_rung_of_a_first_release_asks_a_model(tmp_path: Path) -> None:
    parts = Parts(load_release(build_first(a_home(tmp_path, events=True))))
    for recipe in SURFACES.values():
        serving = compose(parts, recipe(FeedConfig()))
        assert [rung.name for rung in serving.ladder]
        assert not {"full_funnel", "retrieval_only", "base_order", "segment"} & {rung.name for rung in serving.ladder}
        assert serving.maker is None
    assert [rung.name for rung in compose(parts, SURFACES["home"](FeedConfig())).ladder] == [
        "similar_and_trending",
        "popular",
        "static",
    ]
    with pytest.raises(ArtifactError, match="run `marquee release`"):
        parts.release.ranker.score({})


def test_what_was_watched_is_popular_and_has_neighbours_without_training(tmp_path: Path) -> None:
    home = a_home(tmp_path, events=True)
    assert not nothing_to_learn(home)
    release = load_release(build_first(home))
    assert release.popularity.top(2) == ["f00", "f04"]
    assert [video_id for video_id, _ in release.item_cf.neighbours("f00", 3)] == ["f04"]
    assert release.content is not None
    assert len(release.content.video_ids) == 40


def test_it_becomes_the_champion_but_not_in_place_of_a_trained_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = a_home(tmp_path)
    monkeypatch.setattr("training.release.first.require_or_refuse", lambda *asked: None)
    found = first_release(home, PromotionConfig(), "marquee release", asked=False)
    assert champion(home).name == found["champion"] == found["release_id"]
    assert found["untrained"].startswith("nobody has watched anything yet")
    assert champion_inputs(home) is None
    trained = replace(Manifest.read(champion(home)), is_trained=True)
    monkeypatch.setattr(Manifest, "read", lambda path: trained)
    with pytest.raises(Refused, match="--force"):
        first_release(home, PromotionConfig(), "marquee release --untrained")
