"""The event processor as a process: features are folded, and beside that the lake is written."""

from __future__ import annotations

import argparse
import os
import signal
import threading
from collections.abc import Sequence
from dataclasses import asdict

from feature_repo.core.home import Home
from feature_repo.store.connect import connect
from feature_repo.store.valkey_server import online_store
from feature_repo.stream.handlers.fold_events import CONSUMER, STORE_TIMEOUT_SECONDS, Processor, report
from feature_repo.stream.log.open import open_event_log


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="feature_repo.stream.worker", description=__doc__)
    parser.add_argument("--home", help="the world to work for (default: MARQUEE_HOME or var/)")
    parser.add_argument("--kafka", default=os.environ.get("KAFKA_BOOTSTRAP_SERVERS"), help="HOST:PORT[,HOST:PORT]")
    parser.add_argument("--consumer", default=CONSUMER, help="this process's name in the group; keep it over restarts")
    parser.add_argument("--die-with-parent", action="store_true", help="leave when the process that started this dies")
    options = parser.parse_args(arguments)
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    if options.die_with_parent:
        threading.Thread(target=_watch_parent, args=(os.getppid(), stopping), name="parent", daemon=True).start()
    home = Home.open(options.home)
    world = home.world()
    with online_store(home) as url:
        log = open_event_log(url, options.kafka)
        processor = Processor(url, log, world, options.consumer)
        sink = threading.Thread(target=_sink, args=(home, url, options.kafka, stopping), name="lake-sink")
        report.info("processing", home=str(home.root), consumer=options.consumer, kafka=bool(options.kafka))
        sink.start()
        try:
            processor.run(stopping)
        finally:
            stopping.set()
            sink.join()
            processor.close()
            log.close()
            report.info("stopped", **asdict(processor.counts))


def _sink(home: Home, url: str, kafka: str | None, stopping: threading.Event) -> None:
    """The lake's reader beside the processor, with a log of its own: one group must not hold up the other."""
    stopping.wait(1.0)  # what the next line imports takes half a second, and the first events come first
    from feature_repo.stream.handlers.write_lake import LakeSink

    store, log = connect(url, STORE_TIMEOUT_SECONDS), open_event_log(url, kafka)
    try:
        LakeSink(home, log, home.world(), store).run(stopping)
    finally:
        log.close()
        store.close()


def _watch_parent(parent: int, stopping: threading.Event) -> None:
    while not stopping.wait(0.25):
        if os.getppid() != parent:
            stopping.set()


if __name__ == "__main__":
    main()
