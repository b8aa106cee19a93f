"""What must go before another world takes a home's place."""

from __future__ import annotations

import shutil

from feature_repo.core.errors import MarqueeError
from feature_repo.core.home import Home
from feature_repo.store.valkey_server import running_url


def forget_online_state(home: Home) -> None:
    """A new world starts with an empty embedded online store: states of other viewers would outlive their world."""
    if running_url(home):
        raise MarqueeError(f"{home.root} is being served: stop `marquee serve` before putting another world there")
    shutil.rmtree(home.valkey, ignore_errors=True)
