"""Planted bots in a small lake: each kind is tagged, and changes nothing that is learned from others."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from worlds import toy

from feature_repo.compute.floods import REASONS, FloodConfig
from feature_repo.core.hashes import directory_id
from feature_repo.core.home import Home
from feature_repo.ingest.simulator.config import SimulatorConfig
from feature_repo.ingest.simulator.world import simulate
from feature_repo.jobs.build_features import build_features
from feature_repo.lake.cut import cut_of, take_cut
from feature_repo.lake.floods import tag, videos_of
from feature_repo.lake.outcomes import LIVE
from feature_repo.lake.tables import EVENTS, IMPRESSIONS, Lake
from feature_repo.lake.taken import Taken
from training.data.splits import watches

SECOND_US, DAY = 1_000_000, 2
BOT = "bot"
Row = dict[str, Any]


def act(number: int, clock: str, after_us: int, kind: str, video: str, seconds: float = 0.0) -> Row:
    return toy.events()[0] | {
        "event_id": f"flood-{number}",
        "user_id": BOT,
        "video_id": video,
        "event": kind,
        "timestamp_us": toy.at(DAY, clock) + after_us,
        "watch_seconds": seconds,
        "duration_seconds": 0.0,
        "request_id": "",
        "about": "",
        "sequence": number,
    }


def others(number: int) -> str:
    return f"v{number % 11 + 1:02}"


def moments(count: int, share: float = 1.0) -> Iterator[int]:
    """When a person might act: 61 to 180 seconds after the time before, or this share of them."""
    return accumulate(round((61 + number * 37 % 120) * share * SECOND_US) for number in range(count))


def fast_minute(count: int) -> list[Row]:
    return [act(n, "12:00", n * 50_000, "watch", others(n), 60.0) for n in range(count)]


def fast_hour(count: int) -> list[Row]:
    return [act(n, "12:00", n * SECOND_US + n % 7 * 100_000, "watch", others(n), 10.0) for n in range(count)]


def sleepless(count: int) -> list[Row]:
    """Five minutes each time."""
    return [act(n, "00:00", after, "watch", others(n), 300.0) for n, after in enumerate(moments(count))]


def same_video(count: int) -> list[Row]:
    kinds = ("watch", "like", "share")
    return [act(n, "00:00", after, kinds[n % 3], "v09", 80.0) for n, after in enumerate(moments(count, 0.5))]


def regular(count: int) -> list[Row]:
    """A video every 90 seconds, give or take 10 ms."""
    return [act(n, "01:00", n * 90 * SECOND_US + n % 3 * 10_000, "watch", others(n), 60.0) for n in range(count)]


def unseen(count: int) -> list[Row]:
    return [act(n, "00:00", after, "like", others(n)) for n, after in enumerate(moments(count, 0.5))]


# Reason -> who is told by it, and how much of it is not too much yet.
BOTS = {
    "fast_minute": (fast_minute, 300),
    "fast_hour": (fast_hour, 3_000),
    "sleepless": (sleepless, 48 * 12),
    "same_video": (same_video, 300),
    "regular": (regular, 200),
    "unseen": (unseen, 200),
}
every_kind = pytest.mark.parametrize("reason", BOTS)


def bot(reason: str, more: int = 1) -> list[Row]:
    made, limit = BOTS[reason]
    return made(limit + more)


def shown_to_the_bot() -> list[Row]:
    row = toy.impressions()[0] | {"user_id": BOT, "video_id": "v12", "request_id": "", "clicked": False}
    return [
        row | {"impression_id": f"flood-{n}", "timestamp_us": toy.at(DAY, "20:00") + n * SECOND_US} for n in range(50)
    ]


def plant(home: Home, rows: list[Row], file: str = f"{LIVE}flood") -> None:
    Lake(home).append_events(pa.Table.from_pylist(rows, schema=EVENTS), file)


def windows(home: Home) -> dict[str, Row]:
    """The newest windows of every video that has any but zeros, on the last day."""
    build_features(home)
    rows = pq.read_table(home.features / "video_windows.parquet").to_pylist()
    newest = {row["video_id"]: {k: v for k, v in row.items() if k.startswith("video_")} for row in rows}
    return {video: row for video, row in newest.items() if any(v for v in row.values() if isinstance(v, float))}


def activity(home: Home) -> dict[str, Row]:
    """What the fold counts of every video, but for its clock and what decays by it."""
    rows = pq.read_table(home.features / "video_activity.parquet").to_pylist()
    counted = ("_count", "_seconds", "_sum", "video_id")
    return {row["video_id"]: {k: v for k, v in row.items() if k.endswith(counted)} for row in rows}


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return toy.toy_home(tmp_path)


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> tuple[Home, dict[str, Row], dict[str, Row]]:
    home = toy.toy_home(tmp_path_factory.mktemp("clean"))
    return home, windows(home), activity(home)


def test_there_is_a_bot_of_each_kind() -> None:
    assert tuple(BOTS) == REASONS


@every_kind
def test_a_viewer_is_tagged_above_a_limit_and_not_at_it(home: Home, reason: str) -> None:
    plant(home, bot(reason, more=0))
    assert take_cut(home).tagged == {}
    plant(home, bot(reason))
    taken = take_cut(home)
    assert taken.tagged == {reason: 1}
    assert Taken.of(home.cut) == taken
    (row,) = cut_of(home).tagged().to_pylist()
    assert row["user_id"] == BOT
    assert row["events"] == len(bot(reason))
    assert (row["days"], row["since_us"]) == (1, toy.at(DAY, "00:00"))
    assert row["found"] >= row["most"] > 0
    first = directory_id(cut_of(home).root)
    take_cut(home)
    assert directory_id(cut_of(home).root) == first


@every_kind
def test_a_bot_changes_neither_popularity_nor_what_models_learn_from(
    home: Home, clean: tuple[Home, dict[str, Row], dict[str, Row]], reason: str
) -> None:
    plant(home, bot(reason))
    Lake(home).append_impressions(pa.Table.from_pylist(shown_to_the_bot(), schema=IMPRESSIONS), f"{LIVE}flood")
    take_cut(home)
    before, popular, counted = clean
    assert windows(home) == popular
    assert activity(home) == counted
    assert cut_of(home).events().equals(cut_of(before).events())
    assert cut_of(home).impressions().equals(cut_of(before).impressions())
    assert watches(cut_of(home)).equals(watches(cut_of(before)))
    own = pq.read_table(home.features / "user_activity.parquet").to_pylist()
    assert any(row["user_id"] == BOT for row in own)  # their own pages go on
    (home.root / "marquee.toml").write_text(BELIEVING)
    take_cut(home)
    assert windows(home) != popular  # what one bot would have changed
    assert activity(home) != counted


BELIEVING = """[floods]
most_a_minute = 100000
most_an_hour = 100000
most_watch_hours_a_day = 100000.0
most_of_one_video_a_day = 100000
regular_a_day = 100000
most_unseen_a_day = 100000
"""


def test_a_bot_whom_an_earlier_run_believed_leaves_zeros_in_its_place(home: Home) -> None:
    plant(home, [row | {"video_id": "v99"} for row in same_video(301)])
    take_cut(home)
    build_features(home)
    rows = pq.read_table(home.features / "video_windows.parquet").to_pylist()
    of_it = [row for row in rows if row["video_id"] == "v99"]
    assert of_it
    assert all(row["video_watch_count_7d"] == row["video_like_rate_7d"] == 0.0 for row in of_it)


def test_what_was_ingested_is_believed_unless_it_is_to_be_judged(home: Home) -> None:
    plant(home, bot("regular"), "part-9")
    assert take_cut(home).tagged == {}
    (home.root / "marquee.toml").write_text("[floods]\nimported = true\n")
    assert take_cut(home).tagged == {"regular": 1}


def test_a_whole_history_of_one_moment_is_believed_as_movielens_has_it(home: Home) -> None:
    plant(home, [act(n, "12:00", 0, "watch", others(n), 100.0) for n in range(2_000)], "part-9")
    plant(home, [act(9_999, "13:00", 0, "watch", "v01", 100.0)])  # and the viewer came live since
    assert take_cut(home).tagged == {}


def test_pauses_that_a_player_tells_by_the_clock_are_a_persons(home: Home) -> None:
    rows = [act(n, "01:00", n * 10 * SECOND_US, "pause", "v01", 1.0) for n in range(1_000)]
    plant(home, rows)
    assert take_cut(home).tagged == {}


def test_likes_of_what_was_shown_are_no_blind_ones(home: Home) -> None:
    plant(home, unseen(201))
    row = toy.impressions()[0] | {"user_id": BOT}
    shown = [row | {"impression_id": f"s{n}", "video_id": others(n)} for n in range(11)]
    Lake(home).append_impressions(pa.Table.from_pylist(shown, schema=IMPRESSIONS), "part-9")
    assert take_cut(home).tagged == {}


def test_no_viewer_of_the_honest_simulator_is_tagged(tmp_path: Path) -> None:
    home = Home(tmp_path / "simulated")
    simulate(home, SimulatorConfig(users=300, videos=300, days=14, seed=3, pages_per_day=2.0))
    lake = cut_of(home)
    assert len(lake.events()) > 10_000
    assert tag(lake, FloodConfig(imported=True)) == {}
    tighter = FloodConfig(imported=True, most_an_hour=3)
    assert tag(lake, tighter)["fast_hour"] > 100  # they were judged


def test_the_videos_of_viewers_are_those_of_their_events(home: Home) -> None:
    assert videos_of(Lake(home), {"light"}) == {"v04"}
    assert videos_of(Lake(home), set()) == frozenset()
