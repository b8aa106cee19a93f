"""The double of the reader: it can be told to be down."""

from __future__ import annotations

import pytest
from worlds.live import USERS, VIDEOS, WORLD

from feature_repo.store.connect import StoreDown
from feature_repo.store.memory import MemoryReader


def test_a_double_that_is_down_fails_like_a_store() -> None:
    reader = MemoryReader(WORLD, USERS, VIDEOS)
    reader.down = True
    for call in (lambda: reader.user("u1"), lambda: reader.users(["u1"]), lambda: reader.viewers(1), reader.refresh):
        with pytest.raises(StoreDown):
            call()
    assert len(reader.snapshot()) == len(VIDEOS)


def test_what_it_was_given_is_not_changed_by_what_is_read() -> None:
    given = {"u1": {"history_video_ids": ["v1"]}}
    reader = MemoryReader(WORLD, given, VIDEOS)
    reader.user("nobody").values["history_video_ids"].append("x")
    assert given == {"u1": {"history_video_ids": ["v1"]}}
    assert reader.user("nobody").values["history_video_ids"] == []


def test_a_changed_video_shows_after_a_refresh_only() -> None:
    reader = MemoryReader(WORLD, USERS, VIDEOS)
    before = reader.snapshot()
    reader.videos_by_id["v9"] = {**VIDEOS["v1"], "title": "Brand new"}
    assert "v9" not in reader.snapshot().row_of
    assert "v9" in reader.refresh().row_of
    assert "v9" not in before.row_of
