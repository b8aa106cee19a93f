"""The pointers of a home are read as they are written, and followed only where they name a release."""

from pathlib import Path

import pytest

from feature_repo.core.errors import HomeError
from feature_repo.core.home import Home
from models.release.manifest import ArtifactError
from models.release.store import CHAMPION, champion, pointed_at, pointers, release_named


def test_before_the_first_promotion_nothing_is_pointed_at(tmp_path: Path) -> None:
    home = Home(tmp_path)
    assert pointers(home) == {"champion": None, "previous": None}
    assert pointed_at(home, CHAMPION) is None
    with pytest.raises(HomeError, match="marquee promote"):
        champion(home)


def test_a_pointer_names_a_folder_of_releases_and_a_damaged_one_is_told_as_it_is(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.releases.mkdir()
    (home.releases / "champion").write_text("r-0123456789ab\n")
    (home.releases / "previous").write_text("../elsewhere\n")
    assert champion(home) == home.releases / "r-0123456789ab"
    assert pointers(home) == {"champion": "r-0123456789ab", "previous": "../elsewhere"}
    with pytest.raises(ArtifactError, match="expected a release id"):
        pointed_at(home, "previous")


@pytest.mark.parametrize(
    ("said", "complaint"),
    [
        ("r-ffff", "no release r-ffff"),
        ("", "no release"),
        ("r-", "2 releases begin with r-"),
        ("../releases/r-0123456789ab", "no release"),
        ("/elsewhere/releases/r-0123456789ab", "no release"),
    ],
)
def test_a_release_is_named_by_its_id_or_the_beginning_of_it_and_by_no_path(
    tmp_path: Path, said: str, complaint: str
) -> None:
    home = Home(tmp_path)
    for name in ("r-0123456789ab", "r-1123456789ab", "r-of-somebody"):
        (home.releases / name).mkdir(parents=True)
    assert release_named(home, "r-0123456789ab") == release_named(home, "r-0") == "r-0123456789ab"
    with pytest.raises(HomeError, match=complaint) as told:
        release_named(home, said)
    assert "there is r-0123456789ab, r-1123456789ab (" in str(told.value)
