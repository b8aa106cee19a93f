"""A request's candidates, encoded side by side, are what training would have made of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import lightgbm
import numpy as np
import pytest
import torch
from worlds.arithmetic import NOW_US, big_users
from worlds.untrained import VIDEOS, untrained_home, videos

from feature_repo.compute.columns import repeated
from feature_repo.compute.inputs import context_columns
from feature_repo.core.home import World
from feature_repo.core.pseudonym import pseudonym
from feature_repo.store.memory import MemoryReader
from feature_repo.store.snapshot import VideoSnapshot
from models.encoding.ranker import RankerEncoding, rank_columns
from models.encoding.rates import VIDEO_PARTS, Codes, ExposureRates
from models.encoding.vocabulary import Vocabulary
from models.ranking.leaves import Leaves
from models.ranking.network import Ranker, logits_of, quantile_knots
from models.ranking.ranker import ACTIONS, HeadBlend, RankerModel
from models.ranking.served_network import ranker_model
from models.ranking.sides import Asked, Sides
from models.ranking.trees import Trees, tree_inputs

Array = np.ndarray[Any, Any]
ACTION, SURFACES = ACTIONS.index("click"), ("home", "feed")
CONTEXT = {"device": ("mobile", "tv", ""), "surface": SURFACES}


class Trained:
    """A ranker with every part: rates, a network that attends to the past, trees; and its readers."""

    def __init__(self, world: World) -> None:
        self.world, self.reader = world, MemoryReader(world, big_users(videos=VIDEOS), videos())
        self.users = sorted(self.reader.viewers(1000))
        rng = np.random.default_rng(0)
        joined = [self.asked(user, rng).columns() for user in self.users[:40]]
        stacked = [repeated(columns) for columns in joined]
        columns = {name: np.concatenate([part[name] for part in stacked]) for name in stacked[0]}
        n = len(columns["video_id"])
        rates = self._rates(columns, rng)
        columns |= rates.columns(columns)
        ids = [str(video_id) for video_id in self.reader.snapshot().video_ids[:-10]]  # the others have no vector
        self.encoding = RankerEncoding.fit(columns, rates, ids)
        inputs = self.encoding.encode(columns)
        torch.manual_seed(0)
        vectors = torch.randn(len(ids) + 1, 8) * (torch.arange(len(ids) + 1) > 0)[:, None]
        sizes = {"width": 16, "embedding": 4, "video_VD": vectors}
        self.network = Ranker(quantile_knots(inputs.dense), self.encoding.cardinalities, **sizes).eval()  # type: ignore[arg-type]
        for weight in self.network.parameters():
            torch.nn.init.normal_(weight, std=0.2)
        y = (inputs.dense[:, 3] + inputs.dense[:, -1] + rng.normal(size=n) > 0).astype(float)
        numbers, categories = len(self.encoding.numbers), len(self.encoding.categories)
        of_category = list(range(numbers, numbers + categories))
        data = lightgbm.Dataset(tree_inputs(inputs), y, categorical_feature=of_category)
        self.booster = lightgbm.train({"verbosity": -1, "num_threads": 1, "num_leaves": 15}, data, 20)
        trees = Trees({"click": self.booster.model_to_string()}, {"click": -0.5})
        at_click = np.eye(len(ACTIONS))[ACTION]
        self.blend = HeadBlend(trees=tuple(at_click.tolist()))
        self.model: RankerModel = ranker_model(self.network, self.encoding, (0.0, 90.0), trees, self.blend)

    def asked(self, user_id: str, rng: np.random.Generator, catalog: VideoSnapshot | None = None) -> Asked:
        """Random candidates and context; the request comes up to two days late."""
        catalog = self.reader.snapshot() if catalog is None else catalog
        rows = rng.permutation(len(catalog))[: rng.integers(1, 80)]
        device, surface = (str(rng.choice(CONTEXT[name])) for name in ("device", "surface"))
        now_us = NOW_US + int(rng.integers(0, 2 * 86_400_000_000))
        context = context_columns([now_us], [device], [int(rng.integers(-700, 700))], [surface])
        user = {**self.reader.user(user_id).columns(), "user_id": np.array([user_id], dtype=object)}
        return Asked(user, context, catalog, rows, rng.normal(size=len(rows)).astype(np.float32), self.world)

    def as_in_training(self, asked: Asked) -> dict[str, Array]:
        """The columns with a row per exposure in every part, as training joins them."""
        n = len(asked.rows)
        user, context = (
            {name: np.repeat(value, n, axis=0) for name, value in part.items()} for part in (asked.user, asked.context)
        )
        video = {**asked.catalog.columns, "video_id": asked.catalog.video_ids}
        rows = {name: column[asked.rows] for name, column in video.items()}
        return repeated(rank_columns(user, rows, context, asked.two_tower_score, self.world))

    def probabilities(self, asked: Asked) -> Array:
        """(N, A): the trained network in torch, LightGBM itself, and the blend of both."""
        inputs = self.encoding.encode(self.as_in_training(asked))
        trees_NA = np.zeros((len(asked.rows), len(ACTIONS)))
        bias = self.network.position_bias.weight.detach().numpy()[0, ACTION]
        trees_NA[:, ACTION] = self.booster.predict(tree_inputs(inputs), raw_score=True) - 0.5 + bias
        return self.blend.probabilities(logits_of(self.network, inputs), trees_NA)

    def _rates(self, columns: dict[str, Array], rng: np.random.Generator) -> ExposureRates:
        ids = {
            name: Vocabulary(tuple(np.unique(columns[name].astype(str))), first=0)
            for name in ("user_id", "video_id", "creator_id")
        }
        ids["user_id"] = Vocabulary(tuple(map(pseudonym, ids["user_id"].values)), first=0)
        empty = ExposureRates({**ids, "surface": Vocabulary(SURFACES, first=0)}, self.world.genres, {})
        codes = Codes(empty.request_codes(columns) | empty.video_codes(columns))
        outcomes = rng.integers(0, 2, (len(columns["video_id"]), 2)).astype(float)
        return ExposureRates.fit(empty.vocabularies, empty.genres, codes, outcomes)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    return Trained(untrained_home(tmp_path_factory.mktemp("sides") / "home").world())


def test_the_inputs_of_random_viewers_equal_those_of_training_to_the_bit(trained: Trained) -> None:
    rng = np.random.default_rng(1)
    for user_id in [*trained.users[:30], "nobody-yet"]:
        asked = trained.asked(user_id, rng)
        served, of_training = trained.model.sides.inputs(asked), trained.encoding.encode(trained.as_in_training(asked))
        for name in ("dense", "categorical", "video"):
            np.testing.assert_array_equal(getattr(served, name), getattr(of_training, name), err_msg=name)
        for name in ("past", "facts"):
            np.testing.assert_array_equal(getattr(served, name)[0], getattr(of_training, name)[0], err_msg=name)
        np.testing.assert_array_equal(served.left, trained.model.trees.leaves.left(tree_inputs(of_training)))


def test_the_probabilities_of_random_viewers_are_those_of_the_training_path(trained: Trained) -> None:
    rng = np.random.default_rng(2)
    for user_id in [*trained.users[:30], "nobody-yet"]:
        asked = trained.asked(user_id, rng)
        served, expected = trained.model.forward(trained.model.sides.inputs(asked)), trained.probabilities(asked)
        assert expected.std(axis=0).min() > 0.0 or len(asked.rows) == 1
        np.testing.assert_allclose(served, expected, atol=1e-4)


def test_a_changed_counter_is_seen_by_the_next_request(trained: Trained) -> None:
    rng = np.random.default_rng(3)
    asked = trained.asked(trained.users[0], rng)
    trained.model.rank(asked)
    liked = asked.catalog.columns["video_like_count"].copy()
    liked[asked.rows[0]] += 5_000
    counted = replace(trained.reader.snapshot(), columns={**asked.catalog.columns, "video_like_count": liked})
    again = replace(asked, catalog=counted)
    fresh = Sides(trained.encoding, trained.model.trees.leaves).inputs(again)
    served = trained.model.sides.inputs(again)
    np.testing.assert_array_equal(served.dense, fresh.dense)
    np.testing.assert_array_equal(served.left, fresh.left)
    before = trained.model.sides.inputs(asked)  # a request that still reads the catalog of before
    assert (before.dense != fresh.dense).any(axis=1).tolist() == [True, *[False] * (len(asked.rows) - 1)]


def test_without_trees_and_without_candidates(trained: Trained) -> None:
    asked = replace(
        trained.asked(trained.users[0], np.random.default_rng(4)),
        rows=np.zeros(0, dtype=np.int64),
        two_tower_score=np.zeros(0),
    )
    inputs = Sides(trained.encoding, Leaves(())).inputs(asked)
    assert inputs.left is not None
    assert (inputs.dense.shape, inputs.left.shape) == ((0, len(trained.encoding.numbers)), (0, 0))
    assert {len(column) for column in trained.model.rank(asked).values()} == {0}


def test_the_parts_of_every_rates_key_are_known_on_one_side(trained: Trained) -> None:
    rates = trained.encoding.rates
    assert rates is not None
    sides = [rates.keys(side) for side in ("request", "video", "pair")]
    assert sides == [
        ("user", "user_surface"),
        ("video", "creator"),
        ("user_genre", "user_creator", "user_length", "video_surface"),
    ]
    assert tuple(rates.video_codes(trained.as_in_training(trained.asked("x", np.random.default_rng(5))))) == VIDEO_PARTS
