"""A release is asked for pages in a process of its own before it serves: what it does there is one line here."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from worlds.untrained import releases, untrained_home

from feature_repo.core.files import write_atomic
from feature_repo.core.hashes import hashes
from feature_repo.core.home import Home
from models.page.policy_file import POLICY
from models.release import answerable
from models.release.answerable import Unanswerable, foreign, require_answerable
from models.release.config import PromotionConfig
from models.release.manifest import MANIFEST, Manifest

TESTS = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return untrained_home(tmp_path_factory.mktemp("untrained") / "home")


@pytest.fixture
def home(made: Home, tmp_path: Path) -> Home:
    copy = Home(tmp_path / "home")
    shutil.copytree(made.releases, copy.releases)
    shutil.copy(made.root / "world.json", copy.root)
    return copy


def changed(home: Home, change: Any) -> Path:
    """A release that differs from the champion by what `change` does to its folder, sealed like any other."""
    draft = home.releases / "draft"
    shutil.copytree(home.releases / releases(home)[0], draft)
    change(draft)
    files = {name: content for name, content in hashes(draft).items() if name != MANIFEST}
    manifest = replace(Manifest.read(home.releases / releases(home)[0]), files=files).identified()
    (draft / MANIFEST).write_bytes(manifest.to_bytes())
    return draft.rename(home.releases / manifest.release_id)


def refusal(home: Home, path: Path, **limits: Any) -> str:
    with pytest.raises(Unanswerable) as refused:
        require_answerable(home, path, PromotionConfig(**limits))
    assert refused.value.exit_status == 3
    assert "\n" not in str(refused.value)
    assert str(refused.value).startswith(path.name)
    return str(refused.value)


def test_a_release_that_answers_is_asked_once_by_the_same_code(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    path = home.releases / releases(home)[0]
    require_answerable(home, path, PromotionConfig())
    monkeypatch.setattr(answerable, "TRIAL", "no.such.program")
    require_answerable(home, path, PromotionConfig())
    monkeypatch.setattr(answerable, "_version", lambda library: "another")
    assert "no.such" in refusal(home, path)


@pytest.mark.parametrize("policy", ["x =", POLICY.read_text().replace("max_per_creator = 3", "max_per_creator = -1")])
def test_a_policy_that_cannot_be_read_is_refused(home: Home, policy: str) -> None:
    assert "policy.toml" in refusal(home, changed(home, lambda draft: (draft / "policy.toml").write_text(policy)))


def test_a_feature_that_the_code_has_lost_is_refused_by_its_name(home: Home) -> None:
    def lose(draft: Path) -> None:
        file = draft / "ranker" / "encoding.json"
        file.write_text(file.read_text().replace('"user_watch_count"', '"user_was_count"'))

    assert "user_was_count" in refusal(home, changed(home, lose))


def test_a_release_with_nothing_to_show_is_refused(home: Home) -> None:
    assert "empty" in refusal(home, changed(home, lambda draft: (draft / "static.json").write_text("[]")))


def test_a_damaged_release_is_refused_by_the_name_of_the_file(home: Home) -> None:
    path = home.releases / releases(home)[0]
    (path / "static.json").write_text("[]")
    assert "static.json" in refusal(home, path)
    assert "does not exist" in refusal(home, home.releases / "r-000000000000")


@pytest.mark.parametrize(
    ("what", "limits", "said"),
    [
        ("crash", {}, "killed by SIGSEGV"),
        ("hang", {"check_seconds": 0.5}, "did not answer within 0.5 s"),
        ("eat", {"check_memory_mb": 200}, "took more than 200 MB"),
        ("exit", {}, "exit status 7 (its last words)"),
        ("full_funnel: RecursionError", {}, "full_funnel: RecursionError"),
    ],
)
def test_whatever_it_does_to_its_process_is_one_line_of_ours(
    home: Home, monkeypatch: pytest.MonkeyPatch, what: str, limits: dict[str, Any], said: str
) -> None:
    monkeypatch.setattr(answerable, "TRIAL", "worlds.bad_trial")
    monkeypatch.setenv("PYTHONPATH", str(TESTS))
    monkeypatch.setenv("BAD_TRIAL", what)
    assert said in refusal(home, home.releases / releases(home)[0], **limits)
    assert not (home.releases / answerable.ANSWERED).exists()


def test_a_check_can_be_broken_off(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answerable, "TRIAL", "worlds.bad_trial")
    monkeypatch.setenv("PYTHONPATH", str(TESTS))
    monkeypatch.setenv("BAD_TRIAL", "hang")
    with pytest.raises(Unanswerable, match="cancelled"):
        require_answerable(home, home.releases / releases(home)[0], PromotionConfig(), stop=lambda: True)


def test_a_release_of_another_world_is_refused_and_a_moved_clock_is_no_other_world(home: Home) -> None:
    world = home.world()
    assert foreign(replace(world, clock_offset_seconds=5.0, example_user="other"), home) == ""
    assert "its genres is" in foreign(replace(world, genres=("Drama",)), home)
    home.write_world(replace(world, name="another"))
    assert "another world" in refusal(home, home.releases / releases(home)[0])
    (home.root / "world.json").write_text("{")
    assert "cannot be read" in refusal(home, home.releases / releases(home)[0])


def test_a_torn_record_of_what_answered_is_as_none(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    path = home.releases / releases(home)[0]
    write_atomic(home.releases / answerable.ANSWERED, '{"r-')
    monkeypatch.setattr(answerable, "TRIAL", "worlds.bad_trial")
    monkeypatch.setenv("PYTHONPATH", str(TESTS))
    monkeypatch.setenv("BAD_TRIAL", "answer")
    require_answerable(home, path, PromotionConfig())
    assert list(json.loads((home.releases / answerable.ANSWERED).read_text())) == [path.name]
