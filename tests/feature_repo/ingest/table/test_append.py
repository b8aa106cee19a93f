"""New rows for a world that is there: each once, also while the home is served."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from feature_repo.core.home import Home
from feature_repo.core.serving_lock import serving
from feature_repo.core.world_swap import keeping
from feature_repo.ingest.rejected import BadRows
from feature_repo.ingest.table.append import append
from feature_repo.ingest.table.world import ingest
from feature_repo.lake.cut import cut_of, take_cut
from feature_repo.lake.projection import home_catalog
from feature_repo.lake.tables import Lake

MORE_FILMS = "id,name,minutes\na,Alpha anew,90\nb,Beta,60\nc,Gamma,30\nd,Delta,10\n"
MORE_VIEWS = "who,film,at,seconds\nu1,a,1700000000,60\nu3,d,1700009000,300\n"


@pytest.fixture
def home(own: Callable[..., Path], tmp_path: Path) -> Home:
    home = Home(tmp_path / "home")
    ingest(home, own())
    return home


def counts(home: Home) -> tuple[int, ...]:
    lake = Lake(home)
    return tuple(map(len, (lake.users(), lake.events(), lake.impressions())))


def test_the_same_files_add_nothing(home: Home, own: Callable[..., Path]) -> None:
    files = sorted((home.lake).rglob("*.parquet"))
    before = counts(home)
    found = append(home, own())
    assert (found["videos"], found["users"]) == ({"added": 0, "changed": 0}, {"added": 0})
    assert (found["events"], found["impressions"]) == ({"added": 0, "known": 3}, {"added": 0})
    assert sorted((home.lake).rglob("*.parquet")) == files
    assert counts(home) == before


def test_new_rows_are_added_once_and_changed_videos_keep_what_is_not_stated(
    home: Home, own: Callable[..., Path]
) -> None:
    with closing(home_catalog(home)) as catalog:
        catalog.patch("a", {"maturity": 16}, "somebody")
    path = own(films__csv=MORE_FILMS, views__csv=MORE_VIEWS)
    found = append(home, path)
    assert (found["videos"], found["events"]["added"], found["users"]["added"]) == ({"added": 1, "changed": 1}, 1, 1)
    with closing(home_catalog(home)) as catalog:
        anew = catalog.get("a").video
        assert (anew["title"], anew["maturity"]) == ("Alpha anew", 16)
        assert catalog.changes("d")[-1].change.who == "ingest table --append"
        assert {catalog.get(one).video["published_timestamp_us"] for one in "abcd"} == {0}  # no file says when
    assert [row["user_id"] for row in Lake(home).events().to_pylist()] == ["u1", "u1", "u2", "u3"]
    assert home.world().now_us() >= 1_700_009_000_000_000
    again = append(home, path)
    assert (again["videos"], again["events"]["added"], again["users"]["added"]) == ({"added": 0, "changed": 0}, 0, 0)


def test_a_home_that_is_served_takes_rows(home: Home, own: Callable[..., Path]) -> None:
    with serving(home), keeping(home.root):
        assert append(home, own(films__csv=MORE_FILMS, views__csv=MORE_VIEWS))["events"]["added"] == 1


def test_a_cut_that_a_job_works_with_stays_while_rows_are_added_and_the_next_has_them(
    home: Home, own: Callable[..., Path]
) -> None:
    take_cut(home)
    append(home, own(films__csv=MORE_FILMS, views__csv=MORE_VIEWS))
    assert len(cut_of(home).events()) == 3
    take_cut(home)
    cut = cut_of(home)
    assert (len(cut.events()), len(cut.users()), len(cut.videos())) == (4, 3, 4)


def test_a_bad_row_adds_nothing(home: Home, own: Callable[..., Path]) -> None:
    with pytest.raises(BadRows, match="line 3"):
        append(home, own(films__csv=MORE_FILMS, views__csv="who,film,at,seconds\nu3,d,1700009000,1\nu3,d,never,1\n"))
    assert counts(home)[:2] == (2, 3)
    with closing(home_catalog(home)) as catalog:
        assert catalog.known(["d"]) == set()


def test_a_crash_between_the_tables_is_made_good_by_the_same_command(
    home: Home, own: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = own(films__csv=MORE_FILMS, views__csv=MORE_VIEWS)
    whole, at = Lake.append_whole, "events"

    def broken(lake: Lake, name: str, table: object, file: str) -> None:
        if name == at:
            raise KeyboardInterrupt
        whole(lake, name, table, file)  # type: ignore[arg-type]

    monkeypatch.setattr(Lake, "append_whole", broken)
    with pytest.raises(KeyboardInterrupt):
        append(home, path)
    monkeypatch.undo()
    shown = len(Lake(home).impressions())
    assert append(home, path)["events"]["added"] == 1
    assert len(Lake(home).impressions()) == shown
