"""Follows the tombstones of the online store, for caches that must forget and viewers who want no personal pages."""

from __future__ import annotations

from collections.abc import Callable, Container

from feature_repo.core.pseudonym import pseudonym
from feature_repo.store.connect import Client
from feature_repo.store.erased import NEVER, changes_so_far, tombstones

LOOK_SECONDS = 0.25
Forget = Callable[[Callable[[str], bool]], None]  # given whether a viewer is to be forgotten


class Tombstones:
    """As last read. `look` is called several times a second; everything else asks no store."""

    def __init__(self, forget: Forget = lambda is_erased: None) -> None:
        self.forget = forget
        self._seen = -1
        self._until: dict[str, int] = {}
        self._refused: Container[str] = frozenset()

    def look(self, client: Client) -> None:
        """Forget those who were erased since the last look. Raises StoreDown."""
        if (now := changes_so_far(client)) == self._seen:
            return
        until = tombstones(client)
        erased = {name for name, moment in until.items() if self._until.get(name) != moment}
        self._refused = frozenset(name for name, moment in until.items() if moment >= NEVER)
        self._until = until
        if erased:
            self.forget(lambda viewer_id: pseudonym(viewer_id) in erased)
        self._seen = now

    def refuses(self, viewer_id: str) -> bool:
        """Whether this viewer wants no personal pages."""
        return bool(self._refused) and bool(viewer_id) and pseudonym(viewer_id) in self._refused
