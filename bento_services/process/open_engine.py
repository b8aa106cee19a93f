"""Opens an engine from settings: release, online store and event log of a home."""

from __future__ import annotations

from contextlib import ExitStack, suppress
from functools import partial

import structlog

from bento_services.engine import Engine, Prepare
from bento_services.feed.build import build_feed
from bento_services.process.rules_follower import RulesFollower
from bento_services.process.shown_follower import ShownFollower
from bento_services.process.watch import Watch
from bento_services.settings import Settings
from feature_repo.store.buckets import ValkeyBuckets
from feature_repo.store.connect import StoreDown, connect
from feature_repo.store.erased import restore
from feature_repo.store.idempotency import ValkeyAnswers
from feature_repo.store.reader import OnlineReader
from feature_repo.store.receipts import ValkeyReceipts
from feature_repo.store.remembered import RememberedTakedowns
from feature_repo.store.snapshot_files import SnapshotFiles
from feature_repo.store.valkey_server import online_store
from feature_repo.stream.log.open import open_home_log
from models.release.answerable import Unanswerable, foreign, require_answerable
from models.release.artifact import Release, load_release
from models.release.manifest import ArtifactError
from models.release.store import CHAMPION, PREVIOUS, champion, pointed_at

TAKEN_DOWN_FILE = "taken_down.json"  # in HOME/run

report = structlog.get_logger("service")


def open_engine(settings: Settings, opened: ExitStack, prepare: Prepare = lambda release: release) -> Engine:
    """The engine that `settings` describe, not yet warm; `opened` closes it and everything it uses.

    Raises ArtifactError or HomeError when no release can be loaded, and Unanswerable for a packaged one that was
    trained on another world than the home holds. Without a store it answers from the release.
    """
    problems: list[str] = []
    if settings.release is not None:
        release = load_release(settings.release)
        if settings.home.known_world() is not None and (why := foreign(release.world, settings.home)):
            raise Unanswerable(f"{settings.release}: {why}")
    else:
        release, problems = _answerable_release(settings)
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
        reader=OnlineReader(
            url,
            release.world,
            settings.store,
            remembered=RememberedTakedowns(settings.home.run / TAKEN_DOWN_FILE, release.world),
            files=SnapshotFiles(settings.home.snapshot, release.world),
        ),
        log=log,
        answers=ValkeyAnswers(writing),
        receipts=ValkeyReceipts(store),
        problems=problems,
        prepare=prepare,
        make_feed=partial(build_feed, config=settings.feed),
        limits=settings.limits,
        config=settings.service,
        first_day_us=world.first_day_us if (world := settings.home.known_world()) else 0,
        home=settings.home,
    )
    opened.callback(engine.close)
    opened.callback(RulesFollower(engine, settings.home).close)
    opened.callback(ShownFollower(engine, store).close)
    engine.buckets = ValkeyBuckets(connect(url, settings.store.user_timeout_seconds))
    with suppress(StoreDown):  # whoever starts when it is back brings it up to them
        restore(settings.home, store)
    age, tombstones = engine.snapshot_age_seconds, engine.tombstones
    opened.callback(Watch(settings, url, log, engine.reader, engine.health, age, tombstones).close)
    return engine


def _answerable_release(settings: Settings) -> tuple[Release, list[str]]:
    """The champion or, when it cannot answer, the previous release; with why those that failed cannot.

    Raises ArtifactError when neither can, HomeError when nothing was promoted.
    """
    home = settings.home
    problems: list[str] = []
    for pointer in (CHAMPION, PREVIOUS):
        try:
            if (path := pointed_at(home, pointer)) is not None:
                require_answerable(home, path, settings.promotion)
                return load_release(path), problems
        except Exception as error:  # whatever it is: the other one may answer
            problems.append(str(error) or type(error).__name__)
    if not problems:
        champion(home)  # says what to run
    raise ArtifactError("no release can answer: " + "; ".join(problems))
