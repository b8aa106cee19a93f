"""The shipped double of the online store's reader, for tests and for use without a store."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from feature_repo.core.home import World
from feature_repo.registry import USER_FEATURES, VIDEO_FEATURES, default_of
from feature_repo.store.connect import StoreDown
from feature_repo.store.layout import with_genre_slots
from feature_repo.store.made_lists import ListStore, MemoryLists
from feature_repo.store.snapshot import Prepare, UserFeatures, VideoSnapshot, video_snapshot


class MemoryReader:
    """A reader of given features; `down = True` makes it fail like a dead store."""

    unshared = ""

    def __init__(
        self,
        world: World,
        users: Mapping[str, Mapping[str, Any]],
        videos: Mapping[str, Mapping[str, Any]],
    ) -> None:
        self.world = world
        self.users_by_id = {user_id: dict(row) for user_id, row in users.items()}
        self.videos_by_id = {video_id: dict(row) for video_id, row in videos.items()}
        self.taken_down: set[str] = set()
        self.lists: ListStore = MemoryLists(lambda: self.down)
        self.down = False
        self._followers: list[Prepare] = []
        self._snapshot = self._read()

    def user(self, user_id: str) -> UserFeatures:
        if self.down:
            raise StoreDown("this reader was told to be down")
        row = self.users_by_id.get(user_id)
        values = with_genre_slots(_filled(USER_FEATURES, row or {}))
        as_of_us = max(values["signup_timestamp_us"], values["user_activity_timestamp_us"]) if row is not None else 0
        return UserFeatures(user_id, row is not None, values, as_of_us)

    def together(self, user_ids: Sequence[str]) -> list[UserFeatures]:
        return self.users(user_ids)

    def users(self, user_ids: Sequence[str]) -> list[UserFeatures]:
        return [self.user(user_id) for user_id in user_ids]

    def forget(self, is_erased: Callable[[str], bool]) -> None:
        """It is told what to hold, and keeps nothing beside."""

    def viewers(self, count: int) -> list[str]:
        if self.down:
            raise StoreDown("this reader was told to be down")
        return list(self.users_by_id)[:count]

    def snapshot(self) -> VideoSnapshot:
        return self._snapshot

    def refresh(self) -> VideoSnapshot:
        if self.down:
            raise StoreDown("this reader was told to be down")
        found = self._read()
        for prepare in self._followers:
            prepare(found)
        self._snapshot = found
        return self._snapshot

    def follow(self, prepare: Prepare) -> None:
        self._followers.append(prepare)

    def close(self) -> None:
        pass

    def _read(self) -> VideoSnapshot:
        ids = sorted(self.videos_by_id)
        rows = [_filled(VIDEO_FEATURES, self.videos_by_id[video_id]) for video_id in ids]
        return video_snapshot(ids, rows, self.world, self.taken_down)


def _filled(features: Mapping[str, str], row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: row[name] if row.get(name) is not None else default_of(name) for name in features}
