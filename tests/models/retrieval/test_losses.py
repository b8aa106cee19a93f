"""The catalog's cross-entropy, computed in pieces or estimated from a sample, is that of torch."""

import pytest
import torch
from torch.nn.functional import cross_entropy

from models.retrieval import losses
from models.retrieval.losses import full_cross_entropy, sampled_cross_entropy

VIDEOS, DIM = 40, 8


@pytest.fixture
def problem() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    torch.manual_seed(1)
    state, video = torch.randn(100, DIM, requires_grad=True), torch.randn(VIDEOS, DIM, requires_grad=True)
    return state, video, torch.randint(VIDEOS, (100,))


def test_loss_and_gradients_over_many_pieces_are_those_of_torch(
    problem: tuple[torch.Tensor, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(losses, "CHUNK_BYTES", 64 * VIDEOS * 4)  # 64 rows a piece, the last one filled up
    state, video, target = problem
    expected = cross_entropy(state @ video.T, target)
    wanted = torch.autograd.grad(expected * 3, (state, video))
    loss = full_cross_entropy(state, video, target, torch.float32)
    found = torch.autograd.grad(loss * 3, (state, video))
    torch.testing.assert_close(loss, expected)
    for ours, theirs in zip(found, wanted, strict=True):
        torch.testing.assert_close(ours, theirs)


def test_half_precision_is_close(problem: tuple[torch.Tensor, ...]) -> None:
    state, video, target = problem
    expected = cross_entropy(state @ video.T, target)
    wanted = torch.autograd.grad(expected, video)[0]
    loss = full_cross_entropy(state, video, target)
    found = torch.autograd.grad(loss, video)[0]
    assert loss.item() == pytest.approx(expected.item(), rel=0.01)
    assert torch.cosine_similarity(found.flatten(), wanted.flatten(), dim=0) > 0.999


def test_a_popular_sample_estimates_the_full_softmax(problem: tuple[torch.Tensor, ...]) -> None:
    state, video, target = problem
    q = torch.arange(1.0, VIDEOS + 1)
    q /= q.sum()
    sample = torch.multinomial(q, 50_000, replacement=True)
    loss = sampled_cross_entropy(state, video[target], video[sample], target, sample, q.log())
    assert loss.item() == pytest.approx(cross_entropy(state @ video.T, target).item(), rel=0.02)


def test_weights_count_as_rows_that_stand_more_often(
    problem: tuple[torch.Tensor, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(losses, "CHUNK_BYTES", 64 * VIDEOS * 4)
    state, video, target = problem
    weight = torch.where(torch.arange(100) % 3 == 0, 3.0, 1.0)
    often = torch.repeat_interleave(torch.arange(100), weight.long())
    expected = cross_entropy(state[often] @ video.T, target[often])
    wanted = torch.autograd.grad(expected, (state, video))
    loss = full_cross_entropy(state, video, target, torch.float32, weight)
    found = torch.autograd.grad(loss, (state, video))
    torch.testing.assert_close(loss, expected)
    for ours, theirs in zip(found, wanted, strict=True):
        torch.testing.assert_close(ours, theirs)
    q = torch.full((VIDEOS,), 1.0 / VIDEOS)
    sample = torch.multinomial(q, 50_000, replacement=True)
    sampled = sampled_cross_entropy(state, video[target], video[sample], target, sample, q.log(), weight)
    assert sampled.item() == pytest.approx(expected.item(), rel=0.02)
