"""The heavy things of a release are made once, and only those that it has the models for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from worlds import arithmetic as feed_world

from bento_services.feed import parts as module
from bento_services.feed.parts import Parts
from feature_repo.store.memory import MemoryReader
from models.candidates.sources import content, trending
from models.page.policy import PolicyError

RELEASE = feed_world.big_release(60)


def test_a_source_is_opened_once_and_one_without_its_model_is_none() -> None:
    parts = Parts(RELEASE)
    assert parts.source(trending.SPEC) is parts.source(trending.SPEC) is not None
    assert parts.source(content.SPEC) is None


def test_vectors_are_the_same_however_many_videos_are_embedded_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    catalog = feed_world.big_reader(70).snapshot()  # ten more than the model knows
    whole = Parts(RELEASE).video_vectors.of(catalog)
    monkeypatch.setattr(module, "EMBEDDED_AT_ONCE", 7)
    np.testing.assert_array_equal(Parts(RELEASE).video_vectors.of(catalog), whole)
    assert len(np.unique(whole, axis=0)) > 10


def test_the_static_catalog_is_the_releases_list_in_its_order() -> None:
    catalog = Parts(RELEASE).static_catalog
    best_first = np.argsort(-catalog.columns["video_watch_count_30d"], kind="stable")
    assert catalog.video_ids[best_first].tolist() == [video["video_id"] for video in RELEASE.static_videos]


def test_a_creator_without_a_name_counts_by_its_id_and_a_category_is_the_first_genre() -> None:
    videos = feed_world.big_videos(3)
    for video, name in zip(videos.values(), ("", "", "Ann"), strict=True):
        video["creator_name"] = name
    videos["v00000"]["genres"], videos["v00001"]["genres"] = [], ["Genre 2"]
    videos["v00002"]["genres"] = ["Genre 2", "Genre 1"]
    parts, catalog = Parts(RELEASE), MemoryReader(feed_world.BIG, {}, videos).snapshot()
    assert len(set(parts.creators.of(catalog).tolist())) == 3
    none, first, second = parts.categories.of(catalog).tolist()
    assert (none, first == second) == (-1, True)


def test_the_same_film_has_one_title_and_year_and_what_has_no_title_is_only_itself() -> None:
    videos = feed_world.big_videos(7)
    days = np.array(
        ["1996-01-01", "1997-05-05", "2020-01-01", "1942-01-01", "1942-12-31", "2020", "2021"], "datetime64[us]"
    )
    titles = ("Emma (1996)", "EMMA (1996)", "Emma (2020)", "Casablanca", "Casablanca ", "", "Untitled")
    for video, title, day in zip(videos.values(), titles, days, strict=True):
        video["title"], video["published_timestamp_us"] = title, int(day.astype(np.int64))
    catalog = MemoryReader(feed_world.BIG, {}, videos).snapshot()
    codes = Parts(RELEASE).near_duplicates.titles(catalog, np.arange(len(catalog))).tolist()
    assert (codes[0] == codes[1], codes[3] == codes[4], len(set(codes))) == (True, True, 5)


def test_parts_of_a_release_whose_policy_is_invalid_are_not_made(tmp_path: Path) -> None:
    (tmp_path / "policy.toml").write_text("version = 1\n")
    with pytest.raises(PolicyError, match=r"policy\.toml"):
        Parts(feed_world.big_release(60, policy=tmp_path / "policy.toml"))
