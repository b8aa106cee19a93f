"""A release is loaded whole and as it was written, or refused by the name of the file that is not."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from worlds.untrained import home_with_previous

from feature_repo.core.errors import HomeError
from feature_repo.core.hashes import sha256_of
from feature_repo.core.home import Home
from models.ranking.score import ActionWeights
from models.release.artifact import as_judged, champion_or_previous, load_champion, load_release, verify
from models.release.manifest import MANIFEST, ArtifactError, Manifest
from models.release.store import champion


@pytest.fixture(scope="module")
def two_releases(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home whose champion and previous are two different, real releases of models that nobody trained."""
    return home_with_previous(tmp_path_factory.mktemp("releases") / "home")


def files_of(release: Path) -> list[Path]:
    return sorted(path for path in release.rglob("*") if path.is_file())


def flip(file: Path, at: int, mask: int = 1) -> bytes:
    """Flip bits of one byte; give what the file held."""
    original = file.read_bytes()
    changed = bytearray(original)
    changed[at] ^= mask
    file.write_bytes(bytes(changed))
    return original


def test_a_release_holds_every_part(two_releases: Home) -> None:
    release, problems = load_champion(two_releases)
    assert problems == []
    assert release.path == champion(two_releases)
    assert release.release_id == release.path.name == release.manifest.identified().release_id
    assert release.world == two_releases.world()
    assert len(release.index) >= len(release.retrieval.video_ids) > 0
    assert release.ranker.service == release.manifest.feature_service == "home_rank_v1"
    assert {"title", "maturity", "countries", "video_id"} <= set(release.static_videos[0])
    assert release.policy_path.is_file()


def test_the_policy_says_what_predictions_are_worth(two_releases: Home, tmp_path: Path) -> None:
    draft = tmp_path / "draft"
    shutil.copytree(champion(two_releases), draft)
    policy = draft / "policy.toml"
    policy.write_text(policy.read_text().replace("click = 0.0", "click = 0.25"))
    manifest = Manifest.read(draft)
    manifest = replace(manifest, files={**manifest.files, "policy.toml": sha256_of(policy)}).identified()
    (draft / MANIFEST).write_bytes(manifest.to_bytes())
    release = load_release(draft.rename(tmp_path / manifest.release_id))
    assert release.ranker.weights == as_judged(release).ranker.weights == ActionWeights(click=0.25)


def test_a_release_of_another_world_is_refused_and_says_which(two_releases: Home, tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    shutil.copytree(two_releases.root, home.root)
    path = champion(home)
    for held, of_release, belongs in (
        ("w-1", "", True),
        ("", "w-1", True),
        ("w-1", "w-1", True),
        ("w-1", "w-2", False),
    ):
        home.write_world(replace(two_releases.world(), world_id=held))
        manifest = Manifest.read(champion(two_releases))
        named = replace(manifest, world=replace(manifest.world, world_id=of_release)).identified()
        moved = path.rename(path.with_name(named.release_id))
        (moved / MANIFEST).write_bytes(named.to_bytes())
        path = moved
        if belongs:
            assert load_release(path).world.world_id == of_release
        else:
            with pytest.raises(ArtifactError, match=r"trained on the world big \(w-2\).*holds big \(w-1\)"):
                load_release(path)
            outside = shutil.copytree(path, tmp_path / path.name)
            assert load_release(outside).world.world_id == "w-2"


def test_a_flipped_byte_in_any_file_is_refused_by_name_and_the_previous_release_serves(two_releases: Home) -> None:
    corrupt, good = champion(two_releases), (two_releases.releases / "previous").read_text().strip()
    refused = 0
    for file in files_of(corrupt):
        original = flip(file, file.stat().st_size // 2)
        try:
            release, problems = load_champion(two_releases)
        finally:
            file.write_bytes(original)
        assert release.release_id == good
        assert [str(file) in problem for problem in problems] == [True], problems
        refused += 1
    assert refused >= 10
    assert load_champion(two_releases)[0].path == corrupt


@pytest.mark.parametrize("mask", [0x01, 0x07, 0x20, 0x80])
def test_no_byte_of_the_manifest_can_change(two_releases: Home, mask: int) -> None:
    file = champion(two_releases) / MANIFEST
    size = file.stat().st_size
    for at in (*range(0, size, max(1, size // 60)), size - 1):
        original = flip(file, at, mask)
        try:
            with pytest.raises(ArtifactError, match=MANIFEST):
                verify(file.parent)
        finally:
            file.write_bytes(original)
    verify(file.parent)


def test_a_manifest_rewritten_for_other_files_is_another_release(two_releases: Home, tmp_path: Path) -> None:
    path = tmp_path / champion(two_releases).name
    shutil.copytree(champion(two_releases), path)
    (path / "policy.toml").write_text("# mine\n")
    manifest = Manifest.read(path)
    manifest = replace(manifest, files={**manifest.files, "policy.toml": sha256_of(path / "policy.toml")})
    (path / MANIFEST).write_bytes(manifest.to_bytes())
    with pytest.raises(ArtifactError, match=MANIFEST):
        verify(path)
    (path / MANIFEST).write_bytes(manifest.identified().to_bytes())
    with pytest.raises(ArtifactError, match=f"not {path.name}"):
        verify(path)


def test_a_missing_file_is_named(two_releases: Home, tmp_path: Path) -> None:
    path = tmp_path / "release"
    shutil.copytree(champion(two_releases), path)
    (path / "ranker" / "encoding.json").unlink()
    with pytest.raises(ArtifactError, match=r"ranker/encoding\.json: listed in the manifest but missing"):
        load_release(path)


def test_what_is_no_release_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="is not a release"):
        load_release(tmp_path)


@pytest.mark.parametrize("content", [b"", b"r-0", b"../../etc", b"\xff\xfe", b"r-0123456789ag"])
def test_a_pointer_that_names_no_release_is_refused_and_the_previous_serves(two_releases: Home, content: bytes) -> None:
    pointer = two_releases.releases / "champion"
    original = pointer.read_bytes()
    pointer.write_bytes(content)
    try:
        release, problems = load_champion(two_releases)
    finally:
        pointer.write_bytes(original)
    assert release.release_id == (two_releases.releases / "previous").read_text().strip()
    assert [str(pointer) in problem for problem in problems] == [True]


def test_a_command_that_works_with_the_previous_release_says_so_and_why(
    two_releases: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    assert champion_or_previous(two_releases).path == champion(two_releases)
    assert capsys.readouterr().err == ""
    pointer, previous = two_releases.releases / "champion", (two_releases.releases / "previous").read_text().strip()
    original = pointer.read_bytes()
    pointer.write_bytes(b"r-0")
    try:
        assert champion_or_previous(two_releases).release_id == previous
    finally:
        pointer.write_bytes(original)
    why = f"{pointer}: expected a release id, found b'r-0'"
    assert capsys.readouterr().err == f"marquee: warning: {why}; this is of {previous}, the previous release\n"


def test_when_no_release_can_be_loaded_every_reason_is_given(two_releases: Home) -> None:
    pointers = {name: (two_releases.releases / name).read_bytes() for name in ("champion", "previous")}
    try:
        for name in pointers:
            (two_releases.releases / name).write_text("r-000000000000\n")
        with pytest.raises(ArtifactError, match=r"r-000000000000.*; .*r-000000000000"):
            load_champion(two_releases)
    finally:
        for name, content in pointers.items():
            (two_releases.releases / name).write_bytes(content)


def test_before_the_first_promotion_the_command_to_run_is_named(tmp_path: Path) -> None:
    with pytest.raises(HomeError, match="marquee promote"):
        load_champion(Home(tmp_path))
