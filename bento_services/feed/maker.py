"""What makes pages, as the engine sees it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from bento_services.feed.attempt import Attempt
from bento_services.feed.page import Page, Query
from feature_repo.events import Event
from feature_repo.store.shown import Shown
from models.page.rulebook import RuleBook
from models.release.artifact import Release

Asked = tuple[Query, str, Attempt]  # with the surface


class PageMaker(Protocol):
    """`page` raises QueryError for invalid queries and nothing else."""

    def page(self, query: Query, surface: str, attempt: Attempt | None = None) -> Page: ...

    def pages(self, asked: Sequence[Asked]) -> list[Page | Exception]: ...

    def patience(self, query: Query, attempts: int) -> float: ...

    def may_have(self, query: Query, surface: str) -> bool: ...

    def cached(self, query: Query, surface: str) -> Page | None: ...

    def keep_warm(self, release: Release) -> None: ...

    def is_warm(self, release_id: str) -> bool: ...

    def switch(self, release_id: str) -> None: ...

    def hear(self, events: Sequence[Event]) -> None: ...

    def forget(self, is_erased: Callable[[str], bool]) -> None: ...

    @property
    def rules(self) -> RuleBook: ...

    def use_rules(self, rules: RuleBook) -> None: ...

    def use_shown(self, shown: Shown) -> None: ...

    def page_with(self, rules: RuleBook, query: Query, surface: str) -> Page: ...

    def close(self) -> None: ...
