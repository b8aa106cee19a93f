"""A service follows what was shown: what is counted in the store decides what new videos are still owed."""

from __future__ import annotations

import types
from pathlib import Path
from typing import Any, cast

import pytest
from worlds.live import NOON_US, valkey

from bento_services.engine import Engine
from bento_services.process import shown_follower
from bento_services.process.shown_follower import ShownFollower
from feature_repo.core.home import World
from feature_repo.store.connect import connect
from feature_repo.store.shown import Shown, ShownPage, count


class Counting:
    """An engine of which only the counts are of interest."""

    def __init__(self) -> None:
        self.world = cast(World, types.SimpleNamespace(now_us=lambda: NOON_US))
        self.told: list[Shown] = []

    def use_shown(self, shown: Shown) -> None:
        self.told.append(shown)


def test_counts_are_followed_and_the_last_ones_hold_while_the_store_is_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shown_follower, "SECONDS", 3_600.0)
    engine: Any = Counting()
    with valkey(tmp_path) as url:
        store = connect(url, 5.0)
        follower = ShownFollower(cast(Engine, engine), store)
        count(store, [ShownPage("1-0", NOON_US, ["v0", "v0"])], {"v0": NOON_US})
        follower.look()
    follower.look()
    follower.close()
    store.close()
    assert [one.counts for one in engine.told] == [{}, {"v0": 2}]
