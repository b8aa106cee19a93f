"""A trained release is loaded as its manifest lists it."""

from pathlib import Path

from feature_repo.core.home import Home
from models.release.artifact import load_release
from models.release.manifest import Manifest
from models.release.parts import PARTS
from models.release.store import champion


def test_what_the_manifest_lists_is_loaded_and_nothing_else(small_world: Path) -> None:
    path = champion(Home(small_world))
    release, files = load_release(path), Manifest.read(path).files
    for part in PARTS:
        if part.field:
            assert (getattr(release, part.field) is not None) == part.is_in(files)
