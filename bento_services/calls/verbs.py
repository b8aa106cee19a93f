"""The methods that both clients have, made of the calls, with the types of the answers that each gives."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import wraps
from typing import Any, Generic, ParamSpec, Protocol, TypeVar, overload

from bento_services.calls import catalog, events, pages, people
from bento_services.calls import rules as of_rules
from bento_services.calls.call import Line, Talk
from bento_services.feed.certificate import verify
from bento_services.feed.page import Page

P = ParamSpec("P")
Shape = TypeVar("Shape")
Answer = TypeVar("Answer", covariant=True)


class Said(Protocol[Answer]):
    """What is said to the service: a call, or several."""

    def talk(self, line: Line) -> Talk[Answer]: ...


class Waiting:
    """A client that waits for its answers."""

    line: Line

    def converse(self, talk: Talk[Shape]) -> Shape:
        """Send and wait as the talk says, until it has its answer."""
        raise NotImplementedError


class Awaited:
    """A client whose answers are awaited, while other tasks run."""

    line: Line

    async def converse(self, talk: Talk[Shape]) -> Shape:
        """As `Waiting.converse`."""
        raise NotImplementedError


class Verb(Generic[P, Shape]):
    """A method of both clients, with the parameters of what it says. On the class, what it says itself."""

    def __init__(self, say: Callable[P, Said[Shape]]) -> None:
        self._say = say

    @overload
    def __get__(self, client: Waiting, owner: type) -> Callable[P, Shape]: ...

    @overload
    def __get__(self, client: Awaited, owner: type) -> Callable[P, Awaitable[Shape]]: ...

    @overload
    def __get__(self, client: None, owner: type) -> Callable[P, Said[Shape]]: ...

    def __get__(self, client: Any, owner: type) -> Any:
        if client is None:
            return self._say

        @wraps(self._say)
        def said(*args: P.args, **kwargs: P.kwargs) -> Any:
            return client.converse(self._say(*args, **kwargs).talk(client.line))

        return said


class Verbs:
    """What can be asked."""

    home = Verb(pages.home)
    recommendations = Verb(pages.recommendations)
    categories = Verb(pages.categories)
    browse = Verb(pages.browse)
    similar = Verb(pages.similar)
    up_next = Verb(pages.up_next)
    onboarding = Verb(pages.onboarding)
    rank = Verb(pages.rank)
    search = Verb(pages.search)

    send = Verb(events.send)
    feedback = Verb(events.feedback)
    pick = Verb(events.pick)
    event = Verb(events.event)
    wait_until_visible = Verb(events.UntilVisible)
    home_after = Verb(events.HomeAfter)

    put_video = Verb(catalog.put_video)
    put_videos = Verb(catalog.put_videos)
    patch_video = Verb(catalog.patch_video)
    take_down = Verb(catalog.take_down)
    restore = Verb(catalog.restore)
    get_video = Verb(catalog.get_video)
    list_videos = Verb(catalog.list_videos)
    history = Verb(catalog.history)

    rules = Verb(of_rules.rules)
    get_rule = Verb(of_rules.get_rule)
    put_rule = Verb(of_rules.put_rule)
    patch_rule = Verb(of_rules.patch_rule)
    remove_rule = Verb(of_rules.remove_rule)
    rule_history = Verb(of_rules.rule_history)
    preview_rule = Verb(of_rules.preview_rule)

    viewers = Verb(people.viewers)
    viewer = Verb(people.viewer)
    erase_viewer = Verb(people.erase_viewer)
    export_viewer = Verb(people.export_viewer)
    consent = Verb(people.consent)
    status = Verb(people.status)

    @staticmethod
    def verify(page: Page | Mapping[str, Any]) -> list[str]:
        """What the certificate of a page says wrongly, computed from the page alone; empty: it is true.

        Raises ValueError for what is no whole page.
        """
        return verify(page.to_json() if isinstance(page, Page) else page)
