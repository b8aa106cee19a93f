"""The sequences are the histories that serving folds, and no question leaks its answer."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from worlds import toy

from feature_repo.compute.facts import VideoFacts
from feature_repo.compute.fold import UserState, fold_user
from feature_repo.core.errors import HomeError
from feature_repo.events import Event
from feature_repo.lake.tables import DAY_US, EVENTS, Lake
from training.data.splits import (
    Cuts,
    drawn,
    leave_last,
    next_watches,
    once_a_day,
    sequences,
    split_of,
    time_cuts,
    watches,
)


def table(*rows: tuple[str, str, int]) -> pa.Table:
    """(viewer, video, time) in order of time."""
    columns = list(zip(*sorted(rows, key=lambda row: row[2]), strict=True)) or [(), (), ()]
    return pa.table({"user_id": columns[0], "video_id": columns[1], "timestamp_us": pa.array(columns[2], pa.int64())})


WATCHED = table(
    ("u", "a", 1),
    ("w", "a", 2),
    ("u", "b", 3),
    ("u", "c", 4),
    ("u", "a", 5),
    ("w", "d", 6),
    ("x", "b", 7),
    ("u", "d", 8),
)


def as_dict(found: object) -> dict[str, list[str]]:
    return dict(zip(found.user_ids.tolist(), found.histories(), strict=True))  # type: ignore[attr-defined]


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    return Lake(toy.toy_home(tmp_path_factory.mktemp("toy")))


def test_a_video_stands_once_at_its_newest_watch() -> None:
    assert as_dict(sequences(WATCHED)) == {"u": ["b", "c", "a", "d"], "w": ["a", "d"], "x": ["b"]}
    assert as_dict(sequences(WATCHED, until_us=5)) == {"u": ["a", "b", "c"], "w": ["a"]}
    assert sequences(WATCHED).times()[0] == [3, 4, 5, 8]


def test_the_histories_of_the_toy_world_are_those_worked_out_by_hand(lake: Lake) -> None:
    found = sequences(watches(lake))
    assert as_dict(found)["heavy"] == toy.HEAVY_FINAL["history_video_ids"]
    assert found.times()[found.user_ids.tolist().index("heavy")] == toy.HEAVY_FINAL["history_timestamps_us"]
    assert "new" not in as_dict(found)


def test_every_history_is_what_the_live_fold_remembers(lake: Lake) -> None:
    states: dict[str, UserState] = {}
    seconds = {row["video_id"]: row["duration_seconds"] for row in lake.videos().to_pylist()}
    for row in lake.events().to_pylist():
        facts = VideoFacts(duration_seconds=seconds[row["video_id"]])
        fold_user(states.setdefault(row["user_id"], UserState()), Event(**row), facts)
    folded = {user: state.history_video_ids for user, state in states.items() if state.history_video_ids}
    assert as_dict(sequences(watches(lake))) == folded


def test_nothing_is_learned_from_what_nobody_can_have_watched_or_nobody_knows(tmp_path: Path) -> None:
    lake = Lake(toy.toy_home(tmp_path))
    before = watches(lake)
    like_others = toy.events()[0] | {"event": "watch", "timestamp_us": toy.END_US - 1}
    odd: list[dict[str, Any]] = [
        {"event_id": "bot", "watch_seconds": 900_000.0},
        {"event_id": "stray", "video_id": "not in the catalog"},
    ]
    lake.append_events(pa.Table.from_pylist([like_others | one for one in odd], EVENTS), "odd")
    assert watches(lake) == before


def test_rare_videos_are_left_out_and_viewers_left_without_any_are_dropped() -> None:
    frequent = sequences(table(("u", "a", 1), ("w", "a", 2), ("w", "b", 3), ("x", "c", 4))).with_frequent(2)
    assert as_dict(frequent) == {"u": ["a"], "w": ["a"]}


def test_the_next_watches_are_asked_with_what_was_known_then() -> None:
    asked = next_watches(WATCHED, 5, 8)  # u watches a again: not new; d comes too late
    assert asked.user_ids == ["w", "x"]
    assert asked.histories == [["a"], []]
    assert asked.targets == [["d"], ["b"]]
    assert asked.now_us.tolist() == [5, 5]
    assert all(time < 5 for times in asked.times_us for time in times)


@pytest.mark.parametrize(("place", "left", "target"), [(1, ["b", "c", "a"], "d"), (2, ["b", "c"], "a")])
def test_the_last_watch_is_asked_and_nothing_from_it_on_is_trained_on(place: int, left: list[str], target: str) -> None:
    train, asked = leave_last(sequences(WATCHED), place)
    assert as_dict(train) == {"u": left, "w": ["a", "d"], "x": ["b"]}  # two watches are too few to ask about
    assert (asked.user_ids, asked.histories, asked.targets) == (["u"], [left], [[target]])
    assert asked.times_us[0][-1] < asked.now_us[0]


def test_by_time_both_questions_come_after_all_that_is_trained_on_and_may_be_about_any_video(lake: Lake) -> None:
    split, cuts, watched = split_of(lake, "time"), time_cuts(lake), watches(lake)
    assert (split.train_until_us, split.known_until_us, split.catalog) == (cuts.t1_us, cuts.t2_us, None)
    assert as_dict(split.train) == as_dict(sequences(watched, cuts.t1_us))
    assert as_dict(split.known) == as_dict(sequences(watched, cuts.t2_us))
    assert as_dict(split.whole) == as_dict(sequences(watched))
    assert set(split.valid.now_us.tolist()) <= {cuts.t1_us}
    assert split.test.user_ids == next_watches(watched, cuts.t2_us, cuts.end_us).user_ids


def test_by_leave_last_each_viewers_newest_watch_tests_and_the_one_before_chooses(lake: Lake) -> None:
    split = split_of(lake, "leave_last")
    whole = as_dict(split.whole)
    assert set(split.catalog or ()) == {video_id for history in whole.values() for video_id in history}
    for user, history, (target,) in zip(split.test.user_ids, split.test.histories, split.test.targets, strict=True):
        assert [*history, target] == whole[user]
        assert as_dict(split.known)[user] == history
    for user, history, (target,) in zip(split.valid.user_ids, split.valid.histories, split.valid.targets, strict=True):
        assert [*history, target] == as_dict(split.known)[user]
        assert as_dict(split.train)[user] == history


def test_rare_videos_are_not_trained_on_and_by_leave_last_not_asked_for(lake: Lake) -> None:
    counts: dict[str, int] = {}
    for history in as_dict(split_of(lake, "leave_last").whole).values():
        counts |= {video_id: counts.get(video_id, 0) + 1 for video_id in history}
    frequent = {video_id for video_id, count in counts.items() if count >= 2}
    assert 0 < len(frequent) < len(counts)
    split = split_of(lake, "leave_last", min_count=2)
    assert set(split.catalog or ()) == frequent
    assert {video_id for wanted in split.test.targets for video_id in wanted} <= frequent
    assert set(split_of(lake, "time", min_count=2).whole.video_ids) == frequent


def test_a_draw_keeps_the_order_takes_nobody_twice_and_is_the_same_again() -> None:
    rows = drawn(50, 10, np.random.default_rng(3))
    assert len(set(rows.tolist())) == 10
    assert rows.tolist() == sorted(rows.tolist()) == drawn(50, 10, np.random.default_rng(3)).tolist()
    assert drawn(3, 10, np.random.default_rng(3)).tolist() == [0, 1, 2]
    _, asked = leave_last(sequences(table(*((f"u{n:02}", f"v{v}", 10 * n + v) for n in range(50) for v in range(3)))))
    assert asked.draw(10, seed=3).user_ids == [f"u{row:02}" for row in rows]
    assert asked.draw(50) is asked


def test_the_cuts_are_quantiles_of_the_events(lake: Lake) -> None:
    cuts = time_cuts(lake)
    times = np.sort(lake.events()["timestamp_us"].to_numpy())
    assert cuts == Cuts(times[30], times[36], times[-1] + 1)  # of 40 events: three quarters, nine tenths


def test_of_a_viewers_rows_of_one_video_and_day_only_the_newest_are_taken() -> None:
    rows = table(("a", "v", 1), ("b", "v", 2), ("a", "v", 3), ("a", "w", 4), ("a", "v", 5), ("a", "v", 6 + DAY_US))
    assert once_a_day(rows)["timestamp_us"].to_pylist() == [2, 4, 5, 6 + DAY_US]
    assert once_a_day(rows, most=2)["timestamp_us"].to_pylist() == [2, 3, 4, 5, 6 + DAY_US]
    assert once_a_day(rows, most=3) is rows
    assert once_a_day(rows.slice(0, 0)).num_rows == 0


def test_ten_thousand_equal_watches_move_no_window_and_are_one(tmp_path: Path) -> None:
    home = toy.toy_home(tmp_path)
    lake = Lake(home)
    equal = toy.events()[0] | {"event": "watch", "user_id": "bot", "video_id": "v04", "watch_seconds": 1e3}
    events = [equal | {"event_id": f"bot-{n}", "timestamp_us": toy.at(3, "12:00") + n} for n in range(10_000)]
    lake.append_events(pa.Table.from_pylist(events[-1:]), "bot")
    once = time_cuts(lake), watches(lake)
    lake.append_events(pa.Table.from_pylist(events), "bot")
    assert time_cuts(lake) == once[0]
    assert watches(lake).equals(once[1])


def test_other_watches_and_other_words_about_the_videos_have_another_digest(tmp_path: Path) -> None:
    lake = Lake(toy.toy_home(tmp_path))
    one = sequences(WATCHED).digest(lake)
    assert one != sequences(WATCHED, until_us=8).digest(lake)
    assert one == sequences(WATCHED).digest(lake)
    videos = lake.videos()
    lake.write_videos(videos)
    assert one == sequences(WATCHED).digest(lake)
    genres = videos["genres"].to_pylist()
    lake.write_videos(videos.set_column(videos.column_names.index("genres"), "genres", [[genres[3], *genres[1:]]]))
    assert one != sequences(WATCHED).digest(lake)


def test_a_lake_without_events_names_what_to_do(tmp_path: Path) -> None:
    home = toy.toy_home(tmp_path)
    Lake(home).write_events(pa.Table.from_pylist(toy.events()[:1]).cast(EVENTS))
    with pytest.raises(HomeError, match="simulate or ingest"):
        time_cuts(Lake(home))
