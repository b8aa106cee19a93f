"""Our codec against Feast's own client, both ways, and against itself over everything a feature can hold."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from worlds.live import NOON_US, ROOT

from feature_repo.registry import USER_FEATURES, VIEWS
from feature_repo.schema import FLOAT, FLOATS, GENRE_SLOTS, INT, INTS, STRING, STRINGS, USER_VIEWS, VIDEO_VIEWS
from feature_repo.store import layout as online
from feature_repo.store.connect import Client

integers = st.integers(-(2**63), 2**63 - 1)
floats = st.floats(allow_nan=False)
texts = st.text()
VALUES = {
    STRING: texts,
    STRINGS: st.lists(texts),
    INT: integers,
    INTS: st.lists(integers),
    FLOAT: floats,
    FLOATS: st.lists(floats),
}


def row_of(view: str, seed: int) -> dict[str, Any]:
    """A row in which every value is its own: negative, empty and non-ASCII ones among them."""
    row: dict[str, Any] = {}
    for at, (name, dtype) in enumerate(VIEWS[view].items(), start=seed):
        row[name] = {
            STRING: f"{name} ø {at}" if at % 3 else "",
            STRINGS: [f"{name}-{n}" for n in range(at % 4)],
            INT: (-1) ** at * at * 1_000_000_007,
            INTS: [at, -at, NOON_US + at][: at % 4],
            FLOAT: at / 7,
            FLOATS: [at / 3, -0.5, 1e300][: at % 4],
        }[dtype]
    if "genre_affinity" in row:
        row["genre_affinity"] = [seed + slot / 8 for slot in range(GENRE_SLOTS)]
    return row


def test_our_rows_are_feasts_rows_and_feasts_are_ours(store: Client, url: str, tmp_path: Path) -> None:
    kinds = (("user_id", USER_VIEWS), ("video_id", VIDEO_VIEWS))
    ours = {(kind, view): row_of(view, 3) for kind, views in kinds for view in views}
    feasts = {(kind, view): row_of(view, 11) for kind, views in kinds for view in views}
    for (kind, view), row in ours.items():
        store.hset(online.entity_key(kind, "øur id"), mapping=online.encode_row(view, row, NOON_US + 123_456))
    password, host = url.removeprefix("redis://:").removesuffix("/0").split("@")
    job = {
        "directory": str(tmp_path),
        "host": host,
        "password": password,
        "write": [
            {"join_key": kind, "id": "feast's", "view": view, "row": row, "timestamp_us": NOON_US + 654_321}
            for (kind, view), row in feasts.items()
        ]
        # Feast keeps what is newer: an older and an equal row of a batch job do not undo a streamed one.
        + [
            {"join_key": "user_id", "id": "øur id", "view": "user_activity", "row": row_of("user_activity", 5),
             "timestamp_us": NOON_US + 123_456 - older}
            for older in (0, 1)
        ],
        "read": [
            {"join_key": kind, "id": one, "views": views} for kind, views in kinds for one in ("øur id", "nobody")
        ],
    }  # fmt: skip
    program = [sys.executable, "-W", "ignore", str(ROOT / "tests" / "worlds" / "feast_store.py")]
    done = subprocess.run(
        program, cwd=ROOT, env=_environment(), input=json.dumps(job), capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr[-2000:]
    answers = json.loads(done.stdout[done.stdout.index("[{") :])
    for (kind, views), known, unknown in zip(kinds, answers[0::2], answers[1::2], strict=True):
        expected = {name: value for view in views for name, value in ours[kind, view].items()}
        assert {name: value or expected[name] * 0 for name, value in known.items()} == expected
        assert all(value is None for value in unknown.values())
        values = store.hmget(online.entity_key(kind, "feast's"), online.row_fields(views))
        row, timestamps = online.decode_row(views, values)
        assert row == {name: value for view in views for name, value in feasts[kind, view].items()}
        assert timestamps == dict.fromkeys(views, NOON_US + 654_321)


@pytest.mark.parametrize("dtype", sorted(VALUES))
def test_every_value_comes_back_as_it_went(dtype: str) -> None:
    @given(VALUES[dtype])
    def check(value: Any) -> None:
        assert online.decode(dtype, online.encode(dtype, value)) == value

    check()


@given(st.integers(1, 2**52))
def test_a_timestamp_keeps_its_microseconds(timestamp_us: int) -> None:
    assert online.decode_timestamp(online.encode_timestamp(timestamp_us)) == timestamp_us


@given(texts, texts)
def test_two_entities_never_share_a_key(one: str, other: str) -> None:
    assert (online.entity_key("user_id", one) == online.entity_key("user_id", other)) == (one == other)
    assert online.entity_key("user_id", one) != online.entity_key("video_id", one)


def test_no_two_features_share_a_field() -> None:
    for views in (USER_VIEWS, VIDEO_VIEWS):
        fields = online.row_fields(views)
        assert len(set(fields)) == len(fields)


def test_null_and_absent_are_the_default() -> None:
    for data in (None, b""):
        row, timestamps = online.decode_row(USER_VIEWS, [data] * len(online.row_fields(USER_VIEWS)))
        assert set(row) == set(USER_FEATURES)
        assert row["country"] == ""
        assert row["seen_video_ids"] == []
        assert row["genre_affinity"] == [0.0] * GENRE_SLOTS
        assert set(timestamps.values()) == {0}


def test_announcing_raises_the_generation_and_names_everybody(store: Client) -> None:
    online.announce(store, video_ids=(f"v{n}" for n in range(12_000)), user_ids=["u1"])
    online.announce(store, video_ids=["v1"])
    assert store.scard(online.VIDEO_IDS) == 12_000
    assert store.smembers(online.USER_IDS) == {b"u1"}
    assert store.get(online.GENERATION) == b"2"


def test_a_batch_job_that_dies_lets_go_by_itself(store: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(online, "MATERIALIZING_SECONDS", 1)
    with online.materializing(store):
        time.sleep(1.3)  # held beyond its expiry
        assert store.exists(online.MATERIALIZING)
    assert not store.exists(online.MATERIALIZING)
    store.set(online.MATERIALIZING, 1, ex=online.MATERIALIZING_SECONDS)  # what a killed job leaves
    assert 0 < store.pttl(online.MATERIALIZING) <= 1_000


def _environment() -> dict[str, str]:
    import os

    return {**os.environ, "PYTHONPATH": str(ROOT), "FEAST_USAGE": "False"}
