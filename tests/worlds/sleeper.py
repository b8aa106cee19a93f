"""A module with a `main`, for tests of processes: it sleeps, exits with a status, raises, or writes to a descriptor."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence


def main(arguments: Sequence[str]) -> None:
    if arguments[0] == "--exit":
        raise SystemExit(int(arguments[1]))
    if arguments[0] == "--raise":
        raise ValueError(arguments[1])
    if arguments[0] == "--say":
        os.write(int(arguments[arguments.index("--fd") + 1]), arguments[1].encode())
        return
    time.sleep(float(arguments[0]))
