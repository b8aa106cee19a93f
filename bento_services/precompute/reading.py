"""Opening the online store for a job: one reading of the catalog and of the rules, and viewers in bulk."""

from __future__ import annotations

from contextlib import closing

from feature_repo.catalog.home_rules import HomeRules
from feature_repo.core.errors import HomeError
from feature_repo.core.home import Home, World
from feature_repo.core.settings import read
from feature_repo.store.config import STORE
from feature_repo.store.reader import OnlineReader
from feature_repo.store.snapshot_files import SnapshotFiles
from models.page.rulebook import NO_RULES, RuleBook


def rules_of(home: Home) -> RuleBook:
    """The rules that hold in a home now. Raises RulesDown, and what its database raises."""
    with closing(HomeRules(home)) as rules:
        if not rules.version():
            return NO_RULES
        read = rules.read()
        return RuleBook(read.version, read.rules)


def opened_reader(home: Home, url: str, world: World) -> OnlineReader:
    """The caller's to close. Raises HomeError for a store without videos."""
    files = SnapshotFiles(home.snapshot, world)
    reader = OnlineReader(url, world, read(STORE, home.root), background=False, files=files)
    if not len(reader.snapshot()):
        reader.close()
        raise HomeError("the online store holds no videos: run `marquee features` first")
    return reader
