"""Opens an engine from settings: the release that answers, the online store and the event log of a home."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial

import structlog

from bento_services.engine import Engine, Prepare
from bento_services.feed.build import build_feed
from bento_services.process.watch import Watch
from bento_services.settings import Settings
from feature_repo.store.connect import connect
from feature_repo.store.idempotency import ValkeyAnswers
from feature_repo.store.reader import OnlineReader
from feature_repo.store.receipts import ValkeyReceipts
from feature_repo.store.valkey_server import online_store
from feature_repo.stream.log.open import open_home_log
from models.release.artifact import load_champion, load_release

report = structlog.get_logger("service")


def open_engine(settings: Settings, opened: ExitStack, prepare: Prepare = lambda release: release) -> Engine:
    """The engine that `settings` describe, not yet warm; `opened` closes it and everything it uses.

    Raises ArtifactError or HomeError when no release can be loaded. Without a store it answers from the release.
    """
    problems: list[str] = []
    if settings.release is not None:
        release = load_release(settings.release)
    else:
        release, problems = load_champion(settings.home)
    for problem in problems:
        report.error("release refused", why=problem)
    url = opened.enter_context(online_store(settings.home))
    store = connect(url, settings.store.receipt_timeout_seconds)
    opened.callback(store.close)
    writing = connect(url, settings.log.append_seconds)
    opened.callback(writing.close)
    log = open_home_log(settings.home, url, settings.log)
    engine = Engine(
        release,
        reader=OnlineReader(url, release.world, settings.store),
        log=log,
        answers=ValkeyAnswers(writing),
        receipts=ValkeyReceipts(store),
        problems=problems,
        prepare=prepare,
        make_feed=partial(build_feed, config=settings.feed),
        limits=settings.limits,
        config=settings.service,
        first_day_us=world.first_day_us if (world := settings.home.known_world()) else 0,
    )
    opened.callback(engine.close)
    opened.callback(Watch(settings, url, log, engine.reader, engine.health, engine.snapshot_age_seconds).close)
    return engine
