"""Scores as of a moment: what the lake learned later is not known, and rows keep their order, repeated or not."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from feature_repo.home import Home, HomeError
from feature_repo.jobs.build_features import build_features
from feature_repo.lake import Lake
from models.artifact import load_champion
from models.ranker import HEADS
from training.frozen import end_of, frozen_columns, frozen_home
from training.score import score_file

SCORED = (*HEADS, "score")
HOUR_US = 3_600_000_000


def moment_of(home: Home) -> int:
    """A day before the end of the lake: there is something to forget."""
    return end_of(home) - 24 * HOUR_US


def asked_rows(home: Home, as_of_us: int) -> pa.Table:
    """Every viewer and every video in no order, one pair three times, and whom and what nobody has heard of.

    Every viewer: also one whom no later exposure saw, of whom the home's own tables keep no newer state.
    """
    rng = np.random.default_rng(0)
    users, videos = (rng.permutation(Lake(home).users()["user_id"]), rng.permutation(Lake(home).videos()["video_id"]))
    pairs = [(users[at % len(users)], video_id) for at, video_id in enumerate(videos)]
    pairs += [pairs[3], pairs[3], ("nobody", "nothing")]
    moments = as_of_us + rng.integers(0, 24 * HOUR_US, len(pairs))
    moments[[-3, -2]] = moments[3]
    row = {"device": "tv", "surface": "home"}
    return pa.Table.from_pylist(
        [
            {"user_id": user_id, "video_id": video_id, "timestamp_us": int(moment), **row}
            for (user_id, video_id), moment in zip(pairs, moments, strict=True)
        ]
    )


def scores(home: Home, rows: pa.Table, as_of_us: int, out: Path) -> dict[str, Any]:
    file = out.with_suffix(".rows.parquet")
    pq.write_table(rows.rename_columns([{"video_id": "item_id"}.get(name, name) for name in rows.column_names]), file)
    score_file(home, file, out, str(np.datetime64(as_of_us, "us")))
    scored = pq.read_table(out)
    assert scored.column_names[: len(rows.column_names)] == pq.read_table(file).column_names
    assert scored.select(range(len(rows.column_names))).equals(pq.read_table(file))
    return {name: scored[name].to_numpy() for name in SCORED}


@pytest.mark.timeout(300)
def test_a_score_knows_nothing_of_what_happened_after_its_moment(own_world: Path, tmp_path: Path) -> None:
    home = Home(own_world)
    as_of_us = moment_of(home)
    rows = asked_rows(home, as_of_us)
    found = scores(home, rows, as_of_us, tmp_path / "found.parquet")
    for name, values in found.items():
        assert np.isfinite(values).all(), name
        assert len(np.unique(values)) > 10, name
        assert values[3] == values[-2] == values[-3], name  # the same pair at the same time
    lake = Lake(home)
    past = {"events": lake.events(None, as_of_us), "impressions": lake.impressions(None, as_of_us)}
    whole = {"videos": lake.videos(), "users": lake.users()}
    later = lake.impressions(as_of_us)
    for _ in range(2):  # everything after the moment ends otherwise, then it has not happened
        clicked = pc.invert(later["clicked"])
        later = later.set_column(later.column_names.index("clicked"), "clicked", clicked)
        lake.replace(**whole, events=past["events"], impressions=pa.concat_tables([past["impressions"], later]))
        build_features(home)
        again = scores(home, rows, as_of_us, tmp_path / "again.parquet")
        for name in SCORED:
            np.testing.assert_array_equal(again[name], found[name], err_msg=name)
        later = later.slice(0, 0)


def test_only_the_clock_is_the_rows_own(own_world: Path) -> None:
    home = Home(own_world)
    as_of_us = moment_of(home)
    release, _ = load_champion(home)
    row = {"user_id": "u00001", "video_id": "v00001", "device": "tv", "utc_offset_minutes": 0, "surface": "home"}
    rows = pa.Table.from_pylist([row | {"timestamp_us": as_of_us + hours * HOUR_US} for hours in (0, 5, 24 * 7)])
    columns = frozen_columns(home, rows, as_of_us, release.retrieval)
    told = {name for name, column in columns.items() if (np.asarray(column[0]) != np.asarray(column[1])).any()}
    assert told, "the hour is part of what the ranker looks at"
    assert all("hour" in name or "weekend" in name or "day" in name for name in told), told
    for name, column in columns.items():
        np.testing.assert_array_equal(column[0], column[2], err_msg=name)  # the same hour of the same weekday


def test_a_moment_is_built_once_and_again_when_the_lake_has_changed(
    own_world: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = Home(own_world)
    as_of_us = moment_of(home)
    built = []

    def build(then: Home, **given: Any) -> None:
        built.append(then.root)
        build_features(then, **given)

    monkeypatch.setattr("training.frozen.build_features", build)
    first = frozen_home(home, as_of_us)
    assert frozen_home(home, as_of_us).root == first.root
    assert len(built) == 1
    lake = Lake(home)
    events, impressions = lake.events(), lake.impressions()
    lake.replace(videos=lake.videos(), users=lake.users(), events=events.slice(1), impressions=impressions)
    frozen_home(home, as_of_us)
    assert len(built) == 2
    assert frozen_home(home, end_of(home)).root == home.root
    with pytest.raises(HomeError, match=r"nothing happened before 1970-01-01.*a later moment"):
        frozen_home(home, 1)
