"""A module with a `main`, for tests of processes: it sleeps, exits with a status, or raises."""

from __future__ import annotations

import time
from collections.abc import Sequence


def main(arguments: Sequence[str]) -> None:
    if arguments[0] == "--exit":
        raise SystemExit(int(arguments[1]))
    if arguments[0] == "--raise":
        raise ValueError(arguments[1])
    time.sleep(float(arguments[0]))
