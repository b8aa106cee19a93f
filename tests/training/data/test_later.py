"""What the split "later" asks, on a table of watches small enough to split by hand."""

from types import SimpleNamespace

import numpy as np
import pyarrow as pa

from training.data.later import _before, _core, _draw, _quantile, later_questions
from training.data.questions import Question, QuestionConfig
from training.data.splits import Holdout

# viewer, video, time; the table comes shuffled in time order
ROWS = [
    ("a", "v1", 10), ("a", "v2", 20), ("a", "v3", 60), ("a", "v2", 70), ("a", "v9", 80),
    ("b", "v1", 11), ("b", "v2", 30),
    ("c", "v4", 61), ("c", "v1", 71), ("c", "v9", 90),
    ("d", "v3", 62),
]  # fmt: skip


def watched() -> pa.Table:
    rows = sorted(ROWS, key=lambda row: row[2])
    return pa.table(
        {name: [row[at] for row in rows] for at, name in enumerate(("user_id", "video_id", "timestamp_us"))}
    )


def asked(ask: str, most: int = 100) -> Question:
    lake = SimpleNamespace(videos=lambda: {"video_id": pa.array([])}, profiles_digest=str)
    config = QuestionConfig(split="later", ask=(ask,), max_questions=most, quantile=0.35)  # the cut is at 46
    return later_questions(lake, watched(), config).questions[0]  # type: ignore[arg-type]


def rows(holdout: Holdout) -> list[tuple[str, str, str, int]]:
    parts = zip(holdout.user_ids, holdout.histories, holdout.targets, holdout.now_us.tolist(), strict=True)
    return [(user, " ".join(history), *targets, now) for user, history, targets, now in parts]


def test_every_later_watch_is_asked_for_from_all_watches_before_it() -> None:
    assert rows(asked("successive").asked) == [
        ("a", "v1 v2", "v3", 60),
        ("a", "v1 v3 v2", "v9", 80),  # v2 was watched again: not asked for, and now the newest
        ("c", "v4", "v1", 71),  # nothing before the cut: asked from the second watch on
        ("c", "v4 v1", "v9", 90),
    ]  # d has one watch alone, b none after the cut


def test_last_asks_for_each_viewers_last_one() -> None:
    assert rows(asked("last").asked) == [("a", "v1 v3 v2", "v9", 80), ("c", "v4 v1", "v9", 90)]


def test_new_videos_are_told_apart_and_count_for_as_many_as_they_were_drawn_from() -> None:
    every = asked("new_videos")
    assert every.cold_B is not None
    assert [row[2] for row in rows(every.asked)] == ["v1", "v3", "v9", "v9"]
    assert every.cold_B.tolist() == [False, True, True, True]
    drawn = asked("new_videos", most=1)
    assert drawn.cold_B is not None
    assert drawn.cold_B.tolist() == [False, True]
    assert drawn.weight_B.tolist() == [1.0, 3.0]


def test_the_first_watches_of_new_viewers_are_told_apart_the_very_first_included() -> None:
    every = asked("new_viewers")
    assert every.cold_B is not None
    told = [
        (user, history, bool(new)) for (user, history, *_), new in zip(rows(every.asked), every.cold_B, strict=True)
    ]
    assert told == [
        ("a", "v1 v2", False),
        ("a", "v1 v3 v2", False),
        ("c", "", True),
        ("c", "v4", True),
        ("c", "v4 v1", True),
        ("d", "", True),
    ]


def test_the_core_drops_until_everybody_has_enough() -> None:
    # d goes, so v3 is left with one viewer and goes; v4 goes; then everybody has two and every video two.
    kept = _core(watched(), 2)
    assert sorted(set(kept["user_id"].to_pylist())) == ["a", "b", "c"]
    assert sorted(set(kept["video_id"].to_pylist())) == ["v1", "v2", "v9"]
    assert _core(watched(), 0).equals(watched())


def test_the_cut_keeps_what_happened_at_the_quantile_before_it() -> None:
    table = pa.table({"timestamp_us": [1, 2, 3, 4, 5]})
    assert _quantile(table, 0.5) == 4
    assert _before(table, 4)["timestamp_us"].to_pylist() == [1, 2, 3]


def test_drawing_again_draws_the_same() -> None:
    places = [(viewer, 0) for viewer in range(50)]
    first, second = (_draw(places, 10, np.random.default_rng(3)) for _ in range(2))
    assert first == second
    assert len(set(first)) == 10
