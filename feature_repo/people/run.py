"""One verb about a viewer as a process of its own, for services: it reads tables, which no page should wait for.

python -m feature_repo.people.run VERB --home DIR

The viewer's id comes on stdin, where no list of processes shows it; JSON goes to stdout.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from typing import Any

from feature_repo.core.command_line import status_of
from feature_repo.core.files import plain
from feature_repo.core.home import Home
from feature_repo.core.world_swap import keeping
from feature_repo.people import erase as people
from feature_repo.store.valkey_server import online_store

VERBS: dict[str, Callable[[Home, str, str], Any]] = {
    "erase": lambda home, url, user_id: people.erase(home, url, user_id).to_json(),
    "export": people.export,
    "refuse": lambda home, url, user_id: people.refuse(home, url, user_id).to_json(),
    "agree": people.agree,
}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="feature_repo.people.run", description=__doc__)
    parser.add_argument("verb", choices=sorted(VERBS))
    parser.add_argument("--home", required=True)
    options = parser.parse_args(arguments)
    user_id = sys.stdin.read()

    def run() -> None:
        home = Home.open(options.home)
        with keeping(home.root), online_store(home, supervise=False) as url:
            print(json.dumps(VERBS[options.verb](home, url, user_id), default=plain))

    return status_of(run)


if __name__ == "__main__":
    sys.exit(main())
