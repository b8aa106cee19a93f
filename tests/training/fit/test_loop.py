"""A stopped run goes on as if it had not been stopped, and what is kept is the best, not the last."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from training.fit.loop import Checkpoint, Fit, LoopConfig

CONFIG = LoopConfig(max_epochs=6, patience=10, learning_rate=0.05, warmup_steps=2)


class Interrupted(Exception):
    pass


def fit(
    checkpoint: Checkpoint | None, config: LoopConfig = CONFIG, stop_in: int = 99, figures: list[float] | None = None
) -> Fit[Tensor]:
    """A regression with dropout, so that the random state matters."""
    torch.manual_seed(7)
    network = nn.Sequential(nn.Linear(3, 8), nn.Dropout(0.3), nn.Linear(8, 1))
    data = torch.arange(60.0).reshape(20, 3).sin()

    def batches(epoch: int) -> list[Tensor]:
        if epoch == stop_in:
            raise Interrupted
        return list(data[torch.randperm(20)].split(5))

    def validate() -> dict[str, float]:
        if figures is not None:
            return {"ndcg_at_10": figures.pop(0)}
        return {"ndcg_at_10": -float((network(data).sum(1) - data.sum(1)).pow(2).mean().detach())}

    return Fit(network, batches, lambda x: (network(x).sum(1) - x.sum(1)).pow(2).mean(), validate, config, checkpoint)


def test_a_run_stopped_in_an_epoch_ends_with_the_weights_of_one_that_was_not(tmp_path: Path) -> None:
    whole = fit(None)
    expected = whole.run()
    with pytest.raises(Interrupted):
        fit(Checkpoint(tmp_path / "c", "f"), stop_in=3).run()
    resumed = fit(Checkpoint(tmp_path / "c", "f"))
    state = resumed.run()
    assert [row["loss"] for row in state.curve] == [row["loss"] for row in expected.curve]
    for ours, theirs in zip(resumed.network.parameters(), whole.network.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=0)


def test_another_config_or_other_data_starts_anew(tmp_path: Path) -> None:
    with pytest.raises(Interrupted):
        fit(Checkpoint(tmp_path / "c", "one"), stop_in=3).run()
    seen: list[int] = []
    other = fit(Checkpoint(tmp_path / "c", "two"))
    inner = other.batches
    other.batches = lambda epoch: (seen.append(epoch), inner(epoch))[1]  # type: ignore[func-returns-value]
    other.run()
    assert seen == [0, 1, 2, 3, 4, 5]


def test_a_network_that_was_built_otherwise_starts_anew_and_keeps_its_weights(tmp_path: Path) -> None:
    with pytest.raises(Interrupted):
        fit(Checkpoint(tmp_path / "c", "f"), stop_in=3).run()
    wider = nn.Linear(3, 9)
    before = wider.weight.detach().clone()
    assert Checkpoint(tmp_path / "c", "f").load(wider, torch.optim.AdamW(wider.parameters())) is None
    torch.testing.assert_close(wider.weight, before)


def test_it_stops_when_patience_ends_and_keeps_the_best() -> None:
    config = LoopConfig(max_epochs=6, patience=2)
    run = fit(None, config, figures=[0.1, 0.3, 0.2, 0.3, 0.9, 0.9])
    state = run.run()
    assert (len(state.curve), state.best) == (4, 1)
    kept = {name: value.clone() for name, value in run.network.state_dict().items()}
    best = fit(None, config, figures=[0.1, 0.3], stop_in=2)
    with pytest.raises(Interrupted):
        best.run()
    for name, value in best.network.state_dict().items():
        torch.testing.assert_close(kept[name], value, rtol=0, atol=0)


def test_the_learning_rate_warms_up_and_falls_to_its_last_share() -> None:
    run = fit(None, LoopConfig(learning_rate=1.0, warmup_steps=10, last_learning_rate=0.1))
    rates = [run._learning_rate(step, 1000) for step in range(1001)]
    assert rates[0] == pytest.approx(0.1)
    assert max(rates) == pytest.approx(1.0, abs=0.01)
    assert rates[-1] == pytest.approx(0.1)
    assert rates[20:] == sorted(rates[20:], reverse=True)


def test_what_is_kept_is_the_average_of_the_weights(tmp_path: Path) -> None:
    """The average worked out by hand over every step; training itself goes on from the weights, not from it."""
    config = replace(CONFIG, average=0.9, max_epochs=2)
    plain, averaged = fit(None, replace(CONFIG, max_epochs=2)), fit(None, config)
    seen: list[Tensor] = []
    step = plain.optimizer.step

    def remembered() -> None:
        step()
        seen.append(plain.network.get_parameter("0.weight").detach().clone())

    plain.optimizer.step = remembered  # type: ignore[method-assign, assignment]
    plain.run()
    with pytest.raises(Interrupted):
        fit(Checkpoint(tmp_path / "c", "f"), config, stop_in=1).run()
    resumed = fit(Checkpoint(tmp_path / "c", "f"), config)
    expected = seen[0]
    for at, weight in enumerate(seen[1:], start=2):
        kept = min(0.9, (at + 1) / (at + 10))
        expected = kept * expected + (1 - kept) * weight
    for run in (averaged, resumed):
        run.validate = None  # the last epoch is kept
        run.run()
        torch.testing.assert_close(run.network.get_parameter("0.weight").detach(), expected)
