"""Scores as of a moment: what the lake learned later is not known, and rows keep their order, repeated or not."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from feature_repo.core.home import Home
from feature_repo.jobs.build_features import build_features
from feature_repo.lake.tables import Lake
from models.ranking.ranker import HEADS
from models.ranking.score import ActionWeights
from models.release.artifact import judged, load_champion
from models.release.parts import REFITTED
from training.data.frozen import end_of, frozen_columns
from training.judge.score import as_of_release, score_file

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


@pytest.mark.parametrize("model", ["retrieval", "ranker"])
def test_before_the_refit_ended_the_model_that_was_not_refitted_is_asked(
    own_world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: str
) -> None:
    home = Home(own_world)
    release, _ = load_champion(home)
    turned = {
        "retrieval": replace(
            release, retrieval=replace(release.retrieval, item_vectors=-release.retrieval.item_vectors)
        ),
        "ranker": replace(release, ranker=replace(release.ranker, weights=ActionWeights(watch=-1.0))),
    }[model]
    for as_of_us, same in ((moment_of(home), True), (end_of(home), False)):
        rows = asked_rows(home, as_of_us)
        found = scores(home, rows, as_of_us, tmp_path / "found.parquet")
        with monkeypatch.context() as patch:
            patch.setattr("training.judge.score.champion_or_previous", lambda home: turned)
            other = scores(home, rows, as_of_us, tmp_path / "other.parquet")
        assert np.array_equal(found["score"], other["score"]) == same


def test_what_a_model_learned_after_the_moment_is_warned_of(own_world: Path, tmp_path: Path) -> None:
    home = Home(own_world)
    cuts = load_champion(home)[0].manifest.cuts
    pq.write_table(asked_rows(home, cuts.t1_us), tmp_path / "rows.parquet")

    def warned(as_of_us: int) -> list[str]:
        moment = str(np.datetime64(as_of_us, "us"))
        warnings = score_file(home, tmp_path / "rows.parquet", tmp_path / "out.parquet", moment)["warnings"]
        assert all(warning.endswith("after the moment it is asked about") for warning in warnings)
        return [warning.split(" learned until ")[0] for warning in warnings]

    assert warned(cuts.t1_us - 1) == ["the two-tower model", "the ranker"]
    assert warned(cuts.t1_us) == ["the ranker"]
    assert warned(cuts.t2_us) == []


def test_a_model_that_left_the_last_watches_out_has_learned_until_the_end(small_world: Path, tmp_path: Path) -> None:
    release, _ = load_champion(Home(small_world))
    for model in (part.name for part in REFITTED):
        shutil.copytree(judged(release.path, model), tmp_path / model)
    trained = tmp_path / "two_tower" / "training.json"
    trained.write_text(json.dumps(json.loads(trained.read_text()) | {"split": "leave_last"}))
    end_us = release.manifest.cuts.end_us
    _, warnings = as_of_release(replace(release, path=tmp_path), end_us - 1)
    assert [warning.split(" learned until ")[0] for warning in warnings] == ["the two-tower model"]
    assert as_of_release(release, end_us) == (release, [])


@pytest.mark.timeout(300)
def test_rows_later_than_a_lake_that_has_grown_are_scored_with_what_it_holds_now(
    own_world: Path, tmp_path: Path
) -> None:
    home = Home(own_world)
    world = home.world()
    home.write_world(replace(world, clock_offset_seconds=world.clock_offset_seconds + 24 * 3600.0))
    later_us = end_of(home) + 24 * HOUR_US
    rows = asked_rows(home, later_us)
    found = scores(home, rows, later_us, tmp_path / "found.parquet")
    lake = Lake(home)
    for table, append in ((lake.events(), lake.append_events), (lake.impressions(), lake.append_impressions)):
        key = table.column_names[0]
        newest = table.slice(len(table) - 500)
        moved = pc.add(newest["timestamp_us"], 12 * HOUR_US)
        grown = newest.set_column(newest.column_names.index("timestamp_us"), "timestamp_us", moved)
        append(grown.set_column(0, key, pc.binary_join_element_wise(grown[key], "again", "-")), "live")
    again = scores(home, rows, later_us, tmp_path / "again.parquet")
    assert (again["score"] != found["score"]).any()
