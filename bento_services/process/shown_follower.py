"""Follows how often new videos have been shown, which decides what they are still owed."""

from __future__ import annotations

from contextlib import suppress

from bento_services.engine import Engine
from bento_services.process.watch import Periodic
from feature_repo.store.connect import Client, StoreDown
from feature_repo.store.shown import read_shown

SECONDS = 10.0


class ShownFollower:
    """While the store is away, the counts that were read last hold."""

    def __init__(self, engine: Engine, store: Client) -> None:
        self._engine = engine
        self._store = store
        self._look = Periodic("shown", self.look, SECONDS)

    def look(self) -> None:
        with suppress(StoreDown):
            self._engine.use_shown(read_shown(self._store, self._engine.world.now_us()))

    def close(self) -> None:
        self._look.close()
