"""Attention of a candidate over the past: known watches alone count, and the frozen tables say the same."""

from copy import deepcopy

import pytest
import torch

from feature_repo.compute.past import PAST
from models.ranking.target_attention import FrozenTables, Past, TargetAttention

WIDTH, HEADS = 8, 2


@pytest.fixture
def attention() -> TargetAttention:
    torch.manual_seed(1)
    vectors = torch.randn(6, 5) * (torch.arange(6) > 0)[:, None]
    made = TargetAttention(vectors, heads=HEADS, width=WIDTH).eval()
    torch.nn.init.normal_(made.age.weight)
    return made


def past(codes: list[list[int]], video: list[list[int]]) -> Past:
    past_RP = torch.zeros(len(codes), PAST, dtype=torch.int64)
    facts = torch.zeros(len(codes), PAST, 2)
    for row, watched in enumerate(codes):
        if watched:
            past_RP[row, -len(watched) :] = torch.tensor(watched)
            facts[row, -len(watched) :, 0] = torch.linspace(0.9, 0.2, len(watched))
            facts[row, -len(watched) :, 1] = 0.5
    return Past(torch.tensor(video), past_RP, facts)


@torch.no_grad()
def test_a_candidate_finds_the_softmax_of_what_resembles_it(attention: TargetAttention) -> None:
    found = attention(past([[2, 4]], [[3]]))[0, 0]
    query, key, value = (table.detach() for table in attention.tables())
    facts = torch.tensor([[0.9, 0.5], [0.2, 0.5]])
    keys, values = key[[2, 4]] + attention.key_facts(facts), value[[2, 4]] + attention.value_facts(facts)
    expected = []
    for head in range(HEADS):
        part = slice(head * WIDTH // HEADS, (head + 1) * WIDTH // HEADS)
        logits = keys[:, part] @ query[3, part] / (WIDTH // HEADS) ** 0.5
        share = (logits + attention.age.weight[[18, 4], head]).softmax(dim=0)
        expected.append(share @ values[:, part])
    watched = torch.cat(expected)
    torch.testing.assert_close(found[:WIDTH], watched)
    torch.testing.assert_close(found[WIDTH : 2 * WIDTH], watched * query[3])
    torch.testing.assert_close(found[2 * WIDTH : 3 * WIDTH], query[3])
    assert found[-1] == pytest.approx(2 / PAST)


def test_unknown_watches_and_an_empty_past_say_nothing(attention: TargetAttention) -> None:
    known, with_unknown, empty = attention(past([[2, 4], [0, 2, 4], []], [[3], [3], [3]]))[:, 0]
    alone = attention(past([[2, 4]], [[3]]))[0, 0]
    torch.testing.assert_close(known, alone)
    assert with_unknown[-1] == known[-1]  # how many are known
    assert empty[: 2 * WIDTH].abs().max() == 0.0
    assert torch.isfinite(empty).all()


def test_candidates_of_one_viewer_share_a_past(attention: TargetAttention) -> None:
    shared = attention(past([[2, 4]], [[1, 3, 5]]))[0]
    repeated = attention(past([[2, 4]] * 3, [[1], [3], [5]]))[:, 0]
    torch.testing.assert_close(shared, repeated)
    assert (shared[0] - shared[1]).abs().max() > 1e-3


def test_frozen_tables_say_what_the_trained_ones_say(attention: TargetAttention) -> None:
    inputs = past([[2, 4], [1]], [[3, 1], [5, 2]])
    frozen = deepcopy(attention)
    frozen.tables = FrozenTables(attention.tables)  # type: ignore[arg-type]
    torch.testing.assert_close(frozen(inputs), attention(inputs))
    assert not any("video_VD" in name for name, _ in frozen.named_buffers())
