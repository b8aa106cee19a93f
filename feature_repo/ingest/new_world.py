"""Putting a new world into a home."""

from __future__ import annotations

import shutil
from dataclasses import asdict
from typing import TYPE_CHECKING

from feature_repo.core.errors import MarqueeError
from feature_repo.core.home import Home
from feature_repo.core.steps import Making, Result, Step

if TYPE_CHECKING:
    from feature_repo.ingest.simulator import SimulatorConfig


def forget_online_state(home: Home) -> None:
    """Empty the embedded online store: the states of the old world's viewers must not survive into a new one."""
    from feature_repo.store.valkey_server import running_url

    if running_url(home):
        raise MarqueeError(f"{home.root} is being served: stop `marquee serve` before putting another world there")
    shutil.rmtree(home.valkey, ignore_errors=True)


def simulation(config: SimulatorConfig) -> Step:
    """A simulated world, as the first step of `marquee demo`."""

    def work(making: Making) -> Result:
        from feature_repo.ingest.simulator import simulate

        forget_online_state(making.home)
        return simulate(making.home, config, making.progress)

    return Step(
        "simulate",
        work,
        settings=lambda making: asdict(config),
        writes=lambda making: [making.home.root / "world.json"],
    )
