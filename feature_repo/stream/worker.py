"""The event processor as a process: one consumer of the log per handler, the first of them in the main thread, and the
relay of the catalog's changes into the log.

python -m feature_repo.stream.worker --home DIR [--kafka HOST:PORT]
"""

from __future__ import annotations

import argparse
import os
import signal
import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from functools import partial

import structlog
from prometheus_client import ProcessCollector

from feature_repo.compute.floods import FLOODS
from feature_repo.core import logs
from feature_repo.core.home import Home, World
from feature_repo.core.local_socket import LocalSocket
from feature_repo.core.metrics import QUESTION, told
from feature_repo.core.processes import set_on_signal
from feature_repo.core.pulse import Pulse
from feature_repo.core.settings import read
from feature_repo.store.connect import Client, StoreDown, connect
from feature_repo.store.erased import restore
from feature_repo.store.valkey_server import online_store
from feature_repo.stream import metrics
from feature_repo.stream.config import STREAM, StreamConfig
from feature_repo.stream.consumer import Consumer
from feature_repo.stream.handlers.count_shown import CountShown
from feature_repo.stream.handlers.fold_events import FoldEvents
from feature_repo.stream.handlers.protocol import Handler
from feature_repo.stream.handlers.publish_videos import PublishVideos
from feature_repo.stream.log.open import home_log_config, open_home_log
from feature_repo.stream.log.protocol import EventLog

HEAD_START_SECONDS = 1.0  # for the first handler: the imports of the others take half a second, and folding comes first

report = structlog.get_logger("processor")


@dataclass(frozen=True)
class Connections:
    """What a handler needs: the home, its world, and connections to store and log that it shares with no other."""

    home: Home
    world: World
    store: Client
    log: EventLog
    config: StreamConfig


def lake_writer(at: Connections) -> Handler:
    from feature_repo.stream.handlers.write_lake import WriteLake  # pyarrow: half a second

    return WriteLake(at.home, at.world, at.store, at.log, at.config)


# A new handler is one line here. `flush` drains them in this order.
HANDLERS: tuple[Callable[[Connections], Handler], ...] = (
    lambda at: FoldEvents(at.world, at.store, at.config, read(FLOODS, at.home.root)),
    lake_writer,
    lambda at: PublishVideos(at.store, at.config),
    lambda at: CountShown(at.store, at.config),
)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="feature_repo.stream.worker", description=__doc__)
    parser.add_argument("--home", help="the world to work for (default: MARQUEE_HOME or var/)")
    parser.add_argument("--kafka", help="HOST:PORT[,HOST:PORT], before any setting")
    parser.add_argument("--consumer", default="", help="this process's name in each group; keep it over restarts")
    parser.add_argument("--pulse-fd", type=int, help="a pipe on which to show that this is at work")
    parser.add_argument("--log-to-home", action="store_true", help="write the log into the home, not to stderr")
    parser.add_argument("--die-with-parent", action="store_true", help="leave when the process that started this dies")
    options = parser.parse_args(arguments)
    stopping = threading.Event()
    set_on_signal(stopping, signal.SIGTERM, signal.SIGINT)
    if options.die_with_parent:
        threading.Thread(target=_watch_parent, args=(os.getppid(), stopping), name="parent", daemon=True).start()
    home = Home.open(options.home)
    logs.configure("processor", home if options.log_to_home else None)
    ProcessCollector(registry=metrics.REGISTRY)
    asked = LocalSocket(home, "processor", {QUESTION: partial(told, metrics.REGISTRY)})
    with closing(asked), online_store(home) as url:
        report.info("processing", home=str(home.root), consumer=options.consumer, kafka=bool(options.kafka))
        work(home, url, options.kafka, stopping, options.consumer, Pulse(options.pulse_fd))


def work(
    home: Home,
    url: str,
    kafka: str | None,
    stopping: threading.Event,
    consumer: str = "",
    pulse: Pulse = Pulse(),
) -> None:
    """Run every handler and the relay until `stopping` is set. If one fails, all stop and its error is raised.

    The first handler has the pulse: what it does takes milliseconds, a file of the lake may take a minute.
    """
    failures: list[BaseException] = []
    _restore_tombstones(home, url)

    def beside(run: Callable[[], None]) -> None:
        try:
            stopping.wait(HEAD_START_SECONDS)
            run()
        except BaseException as error:
            failures.append(error)
            stopping.set()

    first, *others = HANDLERS
    threads = [
        threading.Thread(target=beside, args=(partial(_consume, home, url, kafka, stopping, make, consumer),))
        for make in others
    ]
    threads.append(threading.Thread(target=beside, args=(partial(_relay, home, url, kafka, stopping, consumer),)))
    for thread in threads:
        thread.start()
    try:
        _consume(home, url, kafka, stopping, first, consumer, pulse)
    finally:
        stopping.set()
        for thread in threads:
            thread.join()
    if failures:
        raise failures[0]


def _restore_tombstones(home: Home, url: str) -> None:
    """Before anything is folded. A store that is away has to come back before that, too."""
    store = connect(url, read(STREAM, home.root).store_timeout_seconds)
    try:
        restore(home, store)
    except StoreDown as down:
        report.warning("tombstones are not compared with the home's", error=str(down))
    finally:
        store.close()


def _consume(
    home: Home,
    url: str,
    kafka: str | None,
    stopping: threading.Event,
    make: Callable[[Connections], Handler],
    name: str,
    pulse: Pulse = Pulse(),
) -> None:
    """Run one handler with connections of its own, so that one group does not hold up another."""
    with ExitStack() as opened:
        at = connections(home, url, kafka, opened)
        handler = make(at)
        consumer = Consumer(handler, at.log, at.store, name, at.config, pulse)
        opened.callback(consumer.close)
        consumer.run(stopping)
        report.info("stopped", group=handler.group, **consumer.counts)


def _relay(home: Home, url: str, kafka: str | None, stopping: threading.Event, name: str) -> None:
    """Publish the catalog's changes, with connections of its own."""
    from feature_repo.stream.relay import Relay  # SQLAlchemy: a quarter of a second

    with ExitStack() as opened:
        at = connections(home, url, kafka, opened)
        relay = Relay(home, at.log, at.store, name)
        opened.callback(relay.close)
        relay.run(stopping)
        report.info("stopped", group="catalog-relay", **relay.counts)


def connections(home: Home, url: str, kafka: str | None, opened: ExitStack) -> Connections:
    config = read(STREAM, home.root)
    of_log = home_log_config(home)
    log = open_home_log(home, url, replace(of_log, kafka=kafka) if kafka else of_log)
    store = connect(url, config.store_timeout_seconds)
    opened.callback(store.close)
    opened.callback(log.close)
    return Connections(home, home.world(), store, log, config)


def _watch_parent(parent: int, stopping: threading.Event) -> None:
    while not stopping.wait(0.25):
        if os.getppid() != parent:
            stopping.set()


if __name__ == "__main__":
    main()
