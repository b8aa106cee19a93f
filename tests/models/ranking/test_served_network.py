"""The network as serving runs it answers as the trained one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from models.encoding.ranker import MAX_AGE
from models.ranking.network import Ranker
from models.ranking.served_network import ServedRanker, frozen, served

NUMBERS, CATEGORIES, SIZES = (True, False, False, True), (False, True, True), (5, 4, 3, 7)


@pytest.fixture
def network() -> Ranker:
    torch.manual_seed(0)
    knots_FK = torch.randn(len(NUMBERS), 5).sort(dim=1).values
    knots_FK[2] = torch.tensor([0.0, 0.0, 0.0, 0.0, 1.0])  # a flag: no pieces
    made = Ranker(knots_FK, SIZES, width=12, embedding=3, video_VD=torch.randn(9, 6)).eval()
    for weight in made.parameters():
        torch.nn.init.normal_(weight, std=0.3)
    return made


def inputs(requests: int, candidates: int) -> tuple[Tensor, ...]:
    """What candidates of one request share is equal for all of them."""
    dense = torch.randn(requests, candidates, len(NUMBERS))
    dense[:, :, torch.tensor(NUMBERS)] = dense[:, :1, torch.tensor(NUMBERS)]
    codes = torch.stack([torch.randint(0, size, (requests, candidates)) for size in SIZES], dim=2)
    shared = torch.tensor((*CATEGORIES, False))
    codes[:, :, shared] = codes[:, :1, shared]
    video, past = torch.randint(0, 9, (requests, candidates)), torch.randint(0, 9, (requests, 6))
    return dense, codes, video, past, torch.rand(requests, 6, 2) * (20 / MAX_AGE)


@pytest.mark.parametrize(("requests", "candidates"), [(1, 7), (5, 1), (3, 4), (1, 1)])
def test_it_answers_as_the_trained_network(network: Ranker, requests: int, candidates: int) -> None:
    given = inputs(requests, candidates)
    with torch.inference_mode():
        expected, found = network(*given), ServedRanker(network, NUMBERS, CATEGORIES)(*given)
    assert found.shape == (requests, candidates, expected.shape[2])
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_without_anything_shared_it_answers_so_too(network: Ranker) -> None:
    given = inputs(2, 3)
    with torch.inference_mode():
        found = ServedRanker(network, [False] * len(NUMBERS), [False] * len(CATEGORIES))(*given)
        np.testing.assert_allclose(found, network(*given), atol=1e-5)


def test_what_is_shared_is_read_from_the_first_candidate_alone(network: Ranker) -> None:
    given = inputs(1, 4)
    model = ServedRanker(network, NUMBERS, CATEGORIES)
    with torch.inference_mode():
        before = model(*given)
        given[1][:, 1:, 1] = (given[1][:, 1:, 1] + 1) % SIZES[1]
        np.testing.assert_array_equal(model(*given), before)


def test_a_variant_is_served_as_it_was_trained(network: Ranker) -> None:
    class Variant(Ranker):
        pass

    variant: Any = network
    variant.__class__ = Variant
    assert type(served(variant, None)) is Variant  # type: ignore[arg-type]
    given = inputs(2, 3)
    with torch.inference_mode():
        np.testing.assert_allclose(frozen(network)(*given), network(*given), atol=1e-6)
