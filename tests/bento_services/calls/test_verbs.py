"""Both clients have the same methods, said once."""

from __future__ import annotations

import inspect

from bento_services.calls import pages
from bento_services.calls.verbs import Verb, Verbs
from bento_services.client import AsyncClient, Client


def test_a_method_has_the_parameters_and_the_words_of_what_it_says() -> None:
    with Client("http://x") as marquee:
        assert inspect.signature(marquee.home) == inspect.signature(pages.home)
        assert marquee.home.__doc__ == pages.home.__doc__
    assert Client.home is pages.home
    assert AsyncClient.home is pages.home


def test_every_method_is_described() -> None:
    named = [name for name, verb in vars(Verbs).items() if isinstance(verb, Verb)]
    assert [name for name in named if not getattr(Client, name).__doc__] == []
    assert len(named) > 30
