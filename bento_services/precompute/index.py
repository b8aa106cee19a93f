"""The nightly rebuild of the index: `marquee index rebuild`, which belongs to training, in a process of its own.

Serving and training import nothing of each other; and what a rebuild takes of memory is given back when it ends.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

from feature_repo.core.errors import DONE, REFUSED, MarqueeError, Refused
from feature_repo.core.home import Home
from feature_repo.core.processes import tied_to_parent
from feature_repo.core.settings import read
from feature_repo.store.config import STORE
from feature_repo.store.connect import connect
from feature_repo.store.layout import MAKING
from feature_repo.store.lease import leased

PROGRAM = (sys.executable, "-m", "marquee")
LEASE_SECONDS = 30.0


def rebuild_index(home: Home, url: str) -> Mapping[str, Any]:
    """Rebuild it, and have it served if it passes its gates; `skipped` says why it was not.

    Raises Refused while another process is at it and when a gate forbids it, StoreDown, and MarqueeError with the last
    words of a rebuild that failed.
    """
    client = connect(url, read(STORE, home.root).batch_timeout_seconds)
    try:
        with leased(client, f"{MAKING}index", LEASE_SECONDS) as is_mine:
            if not is_mine:
                raise Refused("the index is being rebuilt by another process; wait for it to end")
            found = _verb(home, "index", "rebuild")
    finally:
        client.close()
    skipped = "the index is that of the catalog as it is now" if found["unchanged"] else ""
    return {"release_id": found["release_id"], "skipped": skipped}


def _verb(home: Home, *words: str) -> Mapping[str, Any]:
    """What a verb prints as JSON. A Ctrl-C in the terminal is for this process alone, which ends what it has begun."""
    command = tied_to_parent([*PROGRAM, *words, "--json", "--home", str(home.root)])
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, start_new_session=True)
    if done.returncode == DONE:
        found: Mapping[str, Any] = json.loads(done.stdout)
        return found
    last_words = [line for line in done.stderr.splitlines() if line.strip()][-1:]
    why = f"marquee {' '.join(words)} ended with {done.returncode}: {' '.join(last_words)}"
    raise Refused(why) if done.returncode == REFUSED else MarqueeError(why)
