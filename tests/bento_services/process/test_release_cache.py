"""Parts of releases: verified before they are loaded, loaded once, kept while a page may still need them."""

from __future__ import annotations

import shutil
import threading
import time
from pathlib import Path

import pytest
from worlds.untrained import releases

from bento_services.process.release_cache import KEPT, ReleaseCache
from bento_services.settings import Settings
from feature_repo.core.home import Home
from models.release.manifest import ArtifactError


class Loading:
    """Remembers what it was asked to load."""

    def __init__(self) -> None:
        self.loaded: list[str] = []

    def __call__(self, path: Path) -> str:
        time.sleep(0.05)
        self.loaded.append(path.name)
        return f"part of {path.name}"


def test_a_part_is_loaded_once_however_many_ask_at_once(untrained: Home) -> None:
    loading = Loading()
    cache = ReleaseCache(Settings(untrained), loading)
    release_id = releases(untrained)[0]
    found: list[str] = []
    threads = [threading.Thread(target=lambda: found.append(cache.get(release_id))) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [f"part of {release_id}"] * 5
    assert loading.loaded == [release_id]


def test_the_release_before_stays_until_one_more_comes(untrained: Home, tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    shutil.copytree(untrained.releases, home.releases)
    loading = Loading()
    cache = ReleaseCache(Settings(home), loading)
    first, second = releases(home)
    for release_id in (first, second, first, second):
        cache.get(release_id)
    assert loading.loaded == [first, second]
    assert KEPT == 2


def test_a_release_that_was_changed_or_is_not_there_is_refused(untrained: Home, tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    shutil.copytree(untrained.releases, home.releases)
    loading = Loading()
    cache = ReleaseCache(Settings(home), loading)
    victim = releases(home)[0]
    with open(home.releases / victim / "static.json", "ab") as file:
        file.write(b" ")
    with pytest.raises(ArtifactError, match=r"static\.json"):
        cache.get(victim)
    with pytest.raises(ArtifactError):
        cache.get("r-000000000000")
    with pytest.raises(ArtifactError):
        cache.get("../../etc")
    assert loading.loaded == []


def test_one_release_to_stay_with_is_not_taken_for_another(untrained: Home) -> None:
    own, other = releases(untrained)
    cache = ReleaseCache(Settings(untrained, release=untrained.releases / own), Loading())
    assert cache.get(own) == f"part of {own}"
    with pytest.raises(ArtifactError, match=f"expected release {other}, found {own}"):
        cache.get(other)
