"""The registry: each feature once, complete, in the place that computes it; and what is derived from it."""

from __future__ import annotations

import importlib
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from worlds.untrained import videos as videos_by_id

from feature_repo.compute.columns import repeated
from feature_repo.compute.feature import TIERS, Feature, RegistrationError
from feature_repo.compute.inputs import context_columns
from feature_repo.core.home import World
from feature_repo.registry import (
    FEATURES,
    SERVICES,
    VIEWS,
    UnknownFeature,
    collected,
    columns_of,
    default_of,
    feature,
)
from feature_repo.schema import DEFAULTS, PAGE_SERVICE, RANK_SERVICE
from feature_repo.store.memory import MemoryReader
from models.encoding.ranker import IDS, RankerEncoding, rank_columns

WORLD = World("registry", "simulator", "str", genres=("Drama", "Comedy", "News"))
STORED = [one for one in FEATURES.values() if one.view]


@pytest.mark.parametrize("name", FEATURES)
def test_a_feature_says_everything_about_itself(name: str) -> None:
    one = FEATURES[name]
    assert all((one.description, one.unit, one.owner, one.entity))
    assert one.tier == TIERS[one.kind]
    assert one.services
    assert one.dtype in DEFAULTS
    for where in filter(None, (one.computed_by, one.at_request)):
        module, _, function = where.partition(":")
        found = importlib.import_module(module)
        assert not function or hasattr(found, function), where


def test_a_view_holds_the_features_of_its_entity_and_kind() -> None:
    assert sorted(name for names in VIEWS.values() for name in names) == sorted(one.name for one in STORED)
    for one in STORED:
        assert VIEWS[one.view][one.name] == one.dtype
        assert one.view.startswith(f"{one.entity}_")


def test_the_page_reads_all_that_is_stored_and_the_ranker_what_is_registered_for_it() -> None:
    assert {view: list(names) for view, names in SERVICES[PAGE_SERVICE].items()} == {
        view: list(names) for view, names in VIEWS.items()
    }
    left_out = {one.name for one in STORED} - {name for names in SERVICES[RANK_SERVICE].values() for name in names}
    assert left_out == {
        *("followed_creator_ids", "picked_video_ids", "shown_video_ids", "shown_counts"),
        *("seen_video_ids", "title", "description", "creator_name", "series_id", "episode", "category", "tags"),
        *("cast", "countries", "expires_timestamp_us", "taken_down_us", "thumbnail", "perceptual_hash"),
        "licence_cost",
    }


def test_all_that_the_ranker_sees_is_registered() -> None:
    reader = MemoryReader(WORLD, {"u001": {}}, videos_by_id())
    user = {**reader.user("u001").columns(), "user_id": np.array(["u001"], dtype=object)}
    snapshot = reader.snapshot()
    videos = {**snapshot.columns, "video_id": snapshot.video_ids}
    context = context_columns([1], ["tv"], [0], ["home"])
    seen = rank_columns(user, videos, context, np.zeros(len(snapshot), dtype=np.float32), reader.world)
    read = {one.name: one for one in FEATURES.values() if one.ranker and one.kind != "rate"}
    registered = [name for one in read.values() for name in columns_of(one, reader.world.genres)]
    assert sorted(registered) == sorted(set(seen) - set(IDS))
    encoding = RankerEncoding.fit(repeated(seen))
    for name in encoding.numbers:
        assert feature(name).ranker == "number"
    for name in encoding.categories:
        assert feature(name).ranker == "category"


def test_the_ranker_reads_through_its_service_alone() -> None:
    for one in STORED:
        if one.ranker:
            assert one.name in SERVICES[RANK_SERVICE][one.view]


def test_a_name_is_taken_once() -> None:
    one = FEATURES["title"]
    with pytest.raises(RegistrationError, match=r"'title' is registered twice"):
        collected((one, replace(one, description="another")))


@pytest.mark.parametrize("missing", ["name", "description", "unit", "owner", "computed_by"])
def test_an_incomplete_registration_says_what_is_missing(missing: str) -> None:
    with pytest.raises(RegistrationError, match=f"without {missing}"):
        replace(FEATURES["title"], **{missing: " "})  # type: ignore[arg-type]


def test_a_default_of_another_type_is_refused() -> None:
    with pytest.raises(RegistrationError, match="int64, which its default 'none' is not"):
        replace(FEATURES["maturity"], default="none")
    with pytest.raises(RegistrationError, match="kind 'sum'"):
        replace(FEATURES["maturity"], kind="sum")  # type: ignore[arg-type]


def test_a_default_that_is_a_list_is_the_callers_own() -> None:
    mine = default_of("genre_affinity")
    mine[0] = 1.0
    assert default_of("genre_affinity")[0] == 0.0
    assert default_of("history_video_ids") == []


def test_a_column_of_a_world_is_the_feature_that_stands_for_it() -> None:
    assert feature("genre:Drama") is feature("genre:*")
    assert columns_of(feature("genre:*"), ("Drama", "News")) == ("genre:Drama", "genre:News")
    assert columns_of(feature("title"), ("Drama",)) == ("title",)


@pytest.mark.parametrize(
    ("name", "near"),
    [("video_like_rat", "video_like_rate"), ("hour", "hour_sin"), ("rate:usr:click", "rate:user:click")],
)
def test_an_unknown_name_is_answered_with_those_near_it(name: str, near: str) -> None:
    with pytest.raises(UnknownFeature, match=f"unknown feature '{name}': did you mean .*{near}"):
        feature(name)


@given(st.text(max_size=8))
def test_whatever_is_asked_is_a_feature_or_an_answer(name: str) -> None:
    try:
        assert isinstance(feature(name), Feature)
    except UnknownFeature as error:
        message = str(error)
        assert "did you mean" in message or "marquee features list" in message
