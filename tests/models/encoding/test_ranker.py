"""One assembly and one encoding of rank columns, whether the rows are a request's candidates or logged exposures."""

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feature_repo.compute.columns import RankColumns, repeated
from feature_repo.compute.inputs import context_columns
from feature_repo.compute.past import PAST, PAST_COLUMNS
from feature_repo.core.home import World
from feature_repo.store.memory import MemoryReader
from models.encoding.ranker import CLIP, POSITION_SLOTS, EncodingError, RankerEncoding, rank_columns

NOW_US = 1_700_000_000_000_000
MINUTE_US = 60_000_000
WORLD = World("encoding", "simulator", "str", genres=("Drama", "Comedy", "News"))
VIDEOS: dict[str, dict[str, Any]] = {
    f"v{i:02d}": {
        "genres": [WORLD.genres[i % 3], WORLD.genres[i % 2]],
        "creator_id": f"c{i % 3}",
        "video_language": "en" if i % 2 else "de",
        "duration_seconds": 300.0 * (i + 1),
        "maturity": 13,
        "video_watch_count": 10 * i,
        "video_like_count": i,
        "video_watch_count_7d": 3.0 * i,
        "published_timestamp_us": NOW_US - i * 86_400_000_000,
    }
    for i in range(40)
}
VIEWER: dict[str, Any] = {
    "country": "US",
    "user_language": "en",
    "age_group": "25-34",
    "signup_timestamp_us": NOW_US - 100 * 86_400_000_000,
    "genre_affinity": [3.0, 1.0, 0.0] + [0.0] * 29,
    "creator_ids": ["c1"],
    "creator_weights": [2.0],
    "user_watch_count": 12,
    "user_watch_seconds": 7200.0,
    "session_started_us": NOW_US - 20 * MINUTE_US,
    "session_watch_count": 3,
    "user_activity_timestamp_us": NOW_US - 5 * MINUTE_US,
    "history_video_ids": ["v03", "v99", "v07"],
    "history_timestamps_us": [NOW_US - 2 * 86_400_000_000, NOW_US - 60 * MINUTE_US, NOW_US - 7 * MINUTE_US],
    "history_watch_fractions": [1.0, 0.2, 0.75],
}
READER = MemoryReader(
    WORLD, {"u": VIEWER, "idle": VIEWER | {"user_activity_timestamp_us": NOW_US - 90 * MINUTE_US}}, VIDEOS
)
CONTEXT = context_columns([NOW_US], ["mobile"], [60], ["home"])
SCORES = np.linspace(-1.0, 1.0, len(VIDEOS), dtype=np.float32)


def viewer(user_id: str = "u") -> dict[str, Any]:
    return {**READER.user(user_id).columns(), "user_id": np.array([user_id], dtype=object)}


def videos(at: Any) -> dict[str, Any]:
    return {**READER.snapshot().rows(at), "video_id": READER.snapshot().video_ids[at]}


def served(user_id: str = "u", rows: Any = slice(None)) -> RankColumns:
    at = np.arange(len(VIDEOS))[rows]
    return rank_columns(viewer(user_id), videos(at), CONTEXT, SCORES[at], WORLD)


def candidates(user_id: str = "u", rows: Any = slice(None)) -> dict[str, Any]:
    return repeated(served(user_id, rows))


def fitted() -> RankerEncoding:
    return RankerEncoding.fit(candidates(), videos=sorted(VIDEOS))


def test_a_request_with_one_viewer_row_gives_the_columns_of_n_training_rows() -> None:
    n = len(VIDEOS)
    of_rows = {name: np.repeat(column, n, axis=0) for name, column in viewer().items()}
    context = {name: np.repeat(column, n) for name, column in CONTEXT.items()}
    training = repeated(rank_columns(of_rows, videos(np.arange(n)), context, SCORES, WORLD))
    assert list(served()) == list(training)
    for name, column in candidates().items():
        assert column.shape == ((n, PAST) if name in PAST_COLUMNS else (n,))
        assert column.dtype == training[name].dtype
        np.testing.assert_array_equal(column, training[name], err_msg=name)
    of_request, of_training = fitted().encode(served()), fitted().encode(training)
    for name in ("dense", "categorical", "video"):
        np.testing.assert_array_equal(getattr(of_request, name), getattr(of_training, name))
    assert (len(of_request.past), len(of_training.past)) == (1, n)  # a request's candidates share one past
    for name in ("past", "facts"):
        shared = np.repeat(getattr(of_request, name), n, axis=0)
        np.testing.assert_array_equal(shared, getattr(of_training, name))


def test_the_numbers_of_one_candidate_are_those_worked_out_by_hand() -> None:
    row = {name: column[5] for name, column in candidates().items()}
    assert row["video_like_rate"] == pytest.approx((5 + 1) / (50 + 20))
    assert row["video_dislike_rate"] == pytest.approx(1 / 70)
    assert row["account_age_days"] == pytest.approx(100.0)
    assert (row["session_watch_count"], row["session_minutes"]) == (3.0, 20.0)
    assert [row[f"genre:{name}"] for name in WORLD.genres] == [0.0, 1.0, 1.0]  # 5 % 3 = News, 5 % 2 = Comedy
    assert row["two_tower_score"] == SCORES[5]
    assert tuple(row[name] for name in ("creator_id", "video_language", "country", "device")) == (
        "c2",
        "en",
        "US",
        "mobile",
    )
    assert (row["surface"], row["user_id"], row["video_id"]) == ("home", "u", "v05")
    assert row["video_age_days"] == pytest.approx(5.0)


def test_the_past_is_the_newest_watches_with_their_ages_and_fractions() -> None:
    row = {name: column[0] for name, column in candidates().items() if name in PAST_COLUMNS}
    assert row["past_video_ids"].tolist() == [""] * (PAST - 3) + ["v03", "v99", "v07"]
    np.testing.assert_allclose(row["past_ages"][-3:], [2.0, 1 / 24, 7 / 1440], rtol=1e-5)
    assert row["past_ages"][:-3].max() == 0.0
    np.testing.assert_allclose(row["past_fractions"][-3:], [1.0, 0.2, 0.75])
    encoded = fitted().encode(served())
    assert encoded.past[0, -3:].tolist() == [4, 0, 8]  # v99 is not known
    np.testing.assert_allclose(encoded.facts[0, -1], [3.0 / 20, 0.75], rtol=1e-5)  # 7 minutes: 3 doublings of one
    assert encoded.video.tolist() == list(range(1, 41))


def test_of_a_long_history_the_newest_watches_are_kept() -> None:
    many = [f"w{at}" for at in range(50)]
    times_us = [NOW_US - (50 - at) * MINUTE_US for at in range(50)]
    history = {"history_video_ids": many, "history_timestamps_us": times_us, "history_watch_fractions": [0.5] * 50}
    reader = MemoryReader(WORLD, {"u": VIEWER | history}, VIDEOS)
    user = {**reader.user("u").columns(), "user_id": np.array(["u"], dtype=object)}
    columns = repeated(rank_columns(user, videos(np.arange(2)), CONTEXT, SCORES[:2], WORLD))
    assert columns["past_video_ids"][1].tolist() == many[-PAST:]
    assert columns["past_ages"][1, -1] == pytest.approx(1 / 1440)


def test_a_session_that_has_ended_counts_for_nothing() -> None:
    row = candidates("idle")
    assert row["session_watch_count"].max() == 0.0
    assert row["session_minutes"].max() == 0.0


def test_position_is_the_only_difference_between_training_and_serving() -> None:
    encoding, columns = fitted(), candidates()
    of_serving, of_training = encoding.encode(columns), encoding.encode(columns, position=np.arange(len(VIDEOS)))
    for name in ("dense", "video", "past", "facts"):
        np.testing.assert_array_equal(getattr(of_serving, name), getattr(of_training, name))
    as_served, trained = of_serving.categorical, of_training.categorical
    np.testing.assert_array_equal(as_served[:, :-1], trained[:, :-1])
    assert set(as_served[:, -1]) == {0}
    assert trained[:, -1].tolist() == list(range(1, len(VIDEOS) + 1))


def test_an_unknown_position_is_the_position_of_serving_and_deep_ones_share_the_last_slot() -> None:
    encoding, columns = fitted(), candidates(rows=slice(0, 3))
    categorical = encoding.encode(columns, position=np.array([-1, POSITION_SLOTS, 10**6])).categorical
    assert categorical[:, -1].tolist() == [0, POSITION_SLOTS - 1, POSITION_SLOTS - 1]
    assert encoding.cardinalities[-1] == POSITION_SLOTS


def test_rare_and_unseen_categories_are_unknown() -> None:
    encoding = fitted()
    assert encoding.categories["video_language"].values == ("de", "en")
    assert encoding.categories["creator_id"].values == ()  # 13 or 14 rows each: fewer than a vocabulary asks for
    columns = candidates(rows=slice(0, 2)) | {"video_language": np.array(["fr", "en"], dtype=object)}
    categorical = encoding.encode(columns).categorical
    assert categorical[:, list(encoding.categories).index("video_language")].tolist() == [0, 2]


def test_outliers_are_clipped_and_what_is_not_a_number_is_the_mean() -> None:
    encoding, columns = fitted(), candidates(rows=slice(0, 3))
    columns["trend_7d"] = np.array([np.nan, 1e30, -1e30], dtype=np.float32)
    dense = encoding.encode(columns).dense
    assert dense[:, encoding.numbers.index("trend_7d")].tolist() == [0.0, CLIP, -CLIP]


def test_a_missing_column_is_named_with_the_command_to_run() -> None:
    columns = candidates()
    del columns["trend_7d"], columns["device"]
    with pytest.raises(
        EncodingError, match=r"trained on \d+ features, 2 of them .* trend_7d, device .*marquee features"
    ):
        fitted().encode(columns)


def test_an_encoding_read_back_from_json_encodes_the_same() -> None:
    encoding, columns = fitted(), candidates()
    again = RankerEncoding.from_json(json.loads(json.dumps(encoding.to_json())))
    assert again == encoding
    for one, other in zip(encoding.encode(columns), again.encode(columns), strict=True):
        np.testing.assert_array_equal(one, other)


def test_an_encoding_of_an_older_ranker_is_refused_with_the_command_to_run() -> None:
    fields = fitted().to_json()
    del fields["videos"]
    with pytest.raises(EncodingError, match=r"no videos: .*marquee release"):
        RankerEncoding.from_json(fields)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, len(VIDEOS) - 1), min_size=1, max_size=60))
def test_a_row_is_encoded_the_same_whatever_stands_beside_it(rows: list[int]) -> None:
    encoding = fitted()
    alone = encoding.encode(candidates())
    beside = encoding.encode(candidates(rows=rows))
    for whole, part in zip(alone.take(np.array(rows)), beside, strict=True):
        np.testing.assert_array_equal(whole, part)


def test_rows_taken_bring_their_pasts() -> None:
    n = 4
    several = {name: np.repeat(column, n, axis=0) for name, column in viewer().items()}
    histories = [[], ["v01"], ["v01", "v02"], ["v03"]]
    several["history_video_ids"] = np.array([*histories, None], dtype=object)[:-1]
    several["history_timestamps_us"] = np.array([[NOW_US] * len(h) for h in histories] + [None], dtype=object)[:-1]
    several["history_watch_fractions"] = np.array([[1.0] * len(h) for h in histories] + [None], dtype=object)[:-1]
    context = {name: np.repeat(column, n) for name, column in CONTEXT.items()}
    encoded = fitted().encode(rank_columns(several, videos(np.arange(n)), context, SCORES[:n], WORLD))
    taken = encoded.take(np.array([3, 1]))
    assert (taken.past[:, -1].tolist(), taken.video.tolist()) == ([4, 2], [4, 2])
