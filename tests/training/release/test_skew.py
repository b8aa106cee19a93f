"""Serving reads what training learned from; a feature that differs is named, and how much is said as a share."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from worlds import toy

from feature_repo.jobs.build_features import build_features
from feature_repo.jobs.materialize import materialize
from feature_repo.lake.cut import take_cut
from feature_repo.store.valkey_server import online_store
from feature_repo.stream.flush import flush
from feature_repo.stream.send import send_one
from training.release import skew


def test_what_was_just_materialized_is_read_alike_and_a_table_that_says_otherwise_is_named(tmp_path: Path) -> None:
    home = toy.toy_home(tmp_path)
    build_features(home)
    with online_store(home) as url:
        materialize(home, url)
        sound = skew.feature_skew(home, pairs=20)
        assert sound.pairs > 10
        assert (sound.share, sound.features) == (0.0, ())
        file = home.features / "user_profile.parquet"
        table = pq.read_table(file)
        at = table.schema.get_field_index("country")
        pq.write_table(table.set_column(at, "country", pa.array(["nowhere"] * len(table))), file)
        found = skew.feature_skew(home, pairs=20)
    assert found.features == ("country",)
    assert 0.0 < found.share < 0.1


def test_a_home_that_is_served_meanwhile_has_no_skew(tmp_path: Path) -> None:
    home = toy.toy_home(tmp_path)
    with online_store(home) as url:
        take_cut(home, flush(home, url))
        build_features(home)
        materialize(home, url)
        watched = toy.events()[0]
        for number in range(4):
            late = {"event_id": f"live{number}", "timestamp_us": watched["timestamp_us"] + number, "event": "watch"}
            send_one(home, {**watched, **late, "video_id": f"v0{number + 1}"})
        flush(home, url)  # folds them: the states of these are ahead, at times that are not
        found = skew.feature_skew(home, pairs=40)
    assert found.pairs > 20
    assert (found.share, found.features) == (0.0, ())


def test_lists_differ_by_content_and_vectors_by_any_of_their_numbers() -> None:
    lists = np.array([["a"], ["a", "b"]], dtype=object)
    assert skew._differs(lists, np.array([["a"], ["b", "a"]], dtype=object)).tolist() == [False, True]
    near = np.array([[1.0, 2.0], [1.0, 2.0]])
    assert skew._differs(near, np.array([[1.0, 2.0], [1.0, 2.1]])).tolist() == [False, True]
    assert skew._differs(np.array([1.0]), np.array([1.0 + 1e-8])).tolist() == [False]
