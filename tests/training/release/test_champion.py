"""Back to a release that served: checked, then one pointer moves; nothing else has to work."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from worlds.untrained import releases, untrained_home

from feature_repo.core.errors import HomeError
from feature_repo.core.home import Home
from models.release.answerable import Unanswerable
from models.release.config import PromotionConfig
from models.release.history import HISTORY, Entry, read_history, record
from models.release.store import champion, make_champion, pointers
from training.release import champion as module
from training.release.champion import move, rollback, serve_again, served_before


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return untrained_home(tmp_path_factory.mktemp("untrained") / "home")


@pytest.fixture
def home(made: Home, tmp_path: Path) -> Home:
    """The second release is the champion, the first the previous one."""
    copy = Home(tmp_path / "home")
    shutil.copytree(made.releases, copy.releases)
    shutil.copy(made.root / "world.json", copy.root)
    make_champion(copy, releases(copy)[1])
    return copy


@pytest.fixture
def unchecked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "require_answerable", lambda *_: None)  # tests/models/release/test_answerable.py


@pytest.mark.usefixtures("unchecked")
def test_rollback_exchanges_the_champion_and_the_one_before_and_can_be_taken_back(home: Home) -> None:
    second, first = pointers(home).values()
    for serving, before in ((first, second), (second, first)):
        assert rollback(home)["champion"] == serving
        assert pointers(home) == {"champion": serving, "previous": before}
    assert [(one.outcome, one.release_id, one.champion) for one in read_history(home)] == [
        ("rolled back to", first, first),
        ("rolled back to", second, second),
    ]


def test_rollback_refuses_a_damaged_release_and_the_champion_goes_on(home: Home) -> None:
    before = pointers(home)
    (home.releases / str(before["previous"]) / "static.json").write_text("[]")
    with pytest.raises(Unanswerable, match=r"static\.json"):
        rollback(home)
    assert pointers(home) == before
    assert [one.outcome for one in read_history(home)] == ["refused"]


def test_without_a_previous_release_there_is_nothing_to_go_back_to(home: Home) -> None:
    (home.releases / "previous").unlink()
    with pytest.raises(HomeError, match="nothing to go back to"):
        rollback(home)


@pytest.mark.usefixtures("unchecked")
def test_a_history_that_cannot_be_written_stops_no_rollback(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    (home.releases / HISTORY).mkdir()
    first = pointers(home)["previous"]
    assert rollback(home)["champion"] == first
    assert "could not be written" in capsys.readouterr().err


@pytest.mark.usefixtures("unchecked")
def test_a_release_that_served_once_serves_again_by_its_id(home: Home) -> None:
    third = "r-00000000000c"
    (home.releases / third).mkdir()
    assert not served_before(home, third)
    record(home, Entry.now(third, "refused", "marquee promote"))
    assert not served_before(home, third)
    record(home, Entry.now(third, "forced", "marquee promote --force"))
    assert served_before(home, third)
    before = champion(home).name
    serve_again(home, third, PromotionConfig(), f"marquee promote {third}")
    assert pointers(home) == {"champion": third, "previous": before}


def test_the_pointers_of_an_older_home_without_a_history_count_as_served(home: Home) -> None:
    assert all(served_before(home, str(release_id)) for release_id in pointers(home).values())


def test_going_back_imports_no_model_and_no_tracking() -> None:
    program = "import sys, training.release.champion; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert not {"torch", "mlflow", "numpy", "pyarrow", "lightgbm"} & set(loaded)


def test_a_damaged_champion_does_not_become_the_way_back(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    second, first = map(str, pointers(home).values())
    for release_id in (first, second):
        record(home, Entry.now(release_id, "promoted", "marquee promote"))
    shutil.copytree(home.releases / second, home.releases / "r-0123456789ab")
    (home.releases / "champion").write_text("r-0123456789ab\n")  # by hand; its manifest says another id
    (home.releases / "previous").write_text(f"{second}\n")
    move(home, first, "promoted", "marquee promote")
    assert pointers(home) == {"champion": first, "previous": second}
    assert f"r-0123456789ab cannot serve: the way back leads to {second}" in capsys.readouterr().err


def test_with_no_other_release_that_can_serve_the_way_back_stays_as_it_was(home: Home) -> None:
    second, first = map(str, pointers(home).values())
    (home.releases / second / "static.json").write_text("[]")
    move(home, first, "promoted", "marquee promote")
    assert pointers(home) == {"champion": first, "previous": second}
