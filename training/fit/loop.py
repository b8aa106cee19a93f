"""One training loop: epochs, a schedule, validation, early stopping, and checkpoints from which a run continues.

A resumed run gives what an uninterrupted one gives: every epoch is seeded by (seed, epoch), and a checkpoint is
written whole or not at all. Checkpoints are safetensors and JSON.
"""

from __future__ import annotations

import json
import math
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from feature_repo.core.files import atomic_directory
from feature_repo.core.progress import SILENT, Progress

Batch = TypeVar("Batch")
Row = dict[str, float]


@dataclass(frozen=True)
class LoopConfig:
    seed: int = 0
    max_epochs: int = 20
    patience: int = 3  # validations without improvement before training stops
    validate_every: int = 1
    learning_rate: float = 1e-3
    last_learning_rate: float = 0.1  # share of the learning rate left after max_epochs, by a cosine
    warmup_steps: int = 50
    weight_decay: float = 0.0
    max_gradient: float = 5.0
    average: float = 0.0  # decay of the moving average of the weights, which is validated and kept; 0 = no average
    selected_by: str = "ndcg_at_10"  # higher is better


@dataclass
class Checkpoint:
    """The state of a stopped run. A checkpoint of another config or other data (`fingerprint`) is ignored.

    `beside` writes whatever else loading the network needs, such as encodings, into the checkpoint's directory.
    """

    directory: Path
    fingerprint: str
    beside: Callable[[Path], None] = lambda directory: None

    def exists(self) -> bool:
        return self._progress().get("fingerprint") == self.fingerprint

    def save(self, network: nn.Module, optimizer: torch.optim.Optimizer, state: LoopState) -> None:
        tensors = {f"network.{name}": value for name, value in network.state_dict().items()}
        tensors |= {f"best.{name}": value for name, value in state.best_weights.items()}
        tensors |= {f"average.{name}": value for name, value in state.average.items()}
        for key, slots in optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{key}.{name}": value for name, value in slots.items()}
        with atomic_directory(self.directory) as directory:
            here = {name: value.cpu().contiguous().clone() for name, value in tensors.items()}
            save_file(here, directory / "state.safetensors")
            progress = {"fingerprint": self.fingerprint, "curve": state.curve, "best": state.best, "step": state.step}
            (directory / "progress.json").write_text(json.dumps(progress))
            self.beside(directory)

    def load(self, network: nn.Module, optimizer: torch.optim.Optimizer) -> LoopState | None:
        progress = self._progress()
        if progress.get("fingerprint") != self.fingerprint:
            return None
        try:
            tensors = load_file(self.directory / "state.safetensors")
        except (OSError, SafetensorError):
            return None
        weights = _under("network.", tensors)
        if _shapes(weights) != _shapes(network.state_dict()):
            return None  # from a revision with another network: it cannot be continued
        network.load_state_dict(weights)
        slots: dict[int, dict[str, Tensor]] = {}
        for name, value in _under("optimizer.", tensors).items():
            key, _, slot = name.partition(".")
            slots.setdefault(int(key), {})[slot] = value
        optimizer.load_state_dict({**optimizer.state_dict(), "state": slots})
        best, device = _under("best.", tensors), next(network.parameters()).device
        average = {name: value.to(device) for name, value in _under("average.", tensors).items()}
        return LoopState(progress["curve"], progress["best"], progress["step"], best, average)

    def _progress(self) -> dict[str, Any]:
        """Empty without a valid checkpoint: the run then starts from the beginning."""
        try:
            progress: dict[str, Any] = json.loads((self.directory / "progress.json").read_bytes())
            return progress if progress.keys() >= {"fingerprint", "curve", "best", "step"} else {}
        except (OSError, ValueError, AttributeError):
            return {}

    def discard(self) -> None:
        shutil.rmtree(self.directory, ignore_errors=True)


@dataclass
class LoopState:
    curve: list[Row] = field(default_factory=list)
    best: int = -1  # epoch of the best validation, from 0
    step: int = 0
    best_weights: dict[str, Tensor] = field(default_factory=dict)
    average: dict[str, Tensor] = field(default_factory=dict)


class Fit(Generic[Batch]):
    """A network, its data and its question, ready to run."""

    def __init__(
        self,
        network: nn.Module,
        batches: Callable[[int], Sequence[Batch]],
        loss: Callable[[Batch], Tensor],
        validate: Callable[[], Row] | None,
        config: LoopConfig,
        checkpoint: Checkpoint | None = None,
    ) -> None:
        """`batches(epoch)`: the batches in order; `loss(batch)`: a scalar; `validate()`: figures by name.

        Without `validate` the last epoch is kept.
        """
        self.network, self.batches, self.loss, self.validate = network, batches, loss, validate
        self.config, self.checkpoint = config, checkpoint
        parameters = [parameter for parameter in network.parameters() if parameter.requires_grad]
        self.optimizer = torch.optim.AdamW(
            parameters, config.learning_rate, betas=(0.9, 0.98), weight_decay=config.weight_decay
        )

    def run(self, label: str = "training", progress: Progress = SILENT) -> LoopState:
        """Train until the schedule or the patience runs out; the network ends with its best weights."""
        config = self.config
        state = (self.checkpoint and self.checkpoint.load(self.network, self.optimizer)) or LoopState()
        with progress.task(label, total=config.max_epochs) as advance:
            advance(len(state.curve))
            while len(state.curve) < config.max_epochs and not self._exhausted(state):
                self._epoch(state)
                if self.checkpoint:
                    self.checkpoint.save(self.network, self.optimizer, state)
                advance(1)
            advance(config.max_epochs - len(state.curve))
        self.network.load_state_dict(state.best_weights)
        self.network.eval()
        return state

    def _exhausted(self, state: LoopState) -> bool:
        validated = [epoch for epoch, row in enumerate(state.curve) if self.config.selected_by in row]
        return len([epoch for epoch in validated if epoch > state.best]) >= self.config.patience

    def _epoch(self, state: LoopState) -> None:
        epoch, config = len(state.curve), self.config
        started, cpu_started = time.perf_counter(), time.process_time()
        torch.manual_seed(config.seed * 100_003 + epoch)
        batches = self.batches(epoch)
        self.network.train()
        total = 0.0
        for batch in batches:
            for group in self.optimizer.param_groups:
                group["lr"] = self._learning_rate(state.step, len(batches) * config.max_epochs)
            loss = self.loss(batch)
            self.optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(self.network.parameters(), config.max_gradient)
            self.optimizer.step()
            state.step += 1
            self._average(state)
            total += float(loss.detach())
        row = {"loss": total / max(len(batches), 1)}
        if (epoch + 1) % config.validate_every == 0 or epoch + 1 == config.max_epochs:
            with self._averaged(state):
                row |= self.validate() if self.validate else {}
                if (
                    self.validate is None
                    or state.best < 0
                    or row[config.selected_by] > state.curve[state.best][config.selected_by]
                ):
                    state.best = epoch
                    state.best_weights = {name: value.clone() for name, value in self.network.state_dict().items()}
        row |= {"seconds": time.perf_counter() - started, "cpu_seconds": time.process_time() - cpu_started}
        state.curve.append(row)

    @torch.no_grad()
    def _average(self, state: LoopState) -> None:
        """One step of the exponential moving average, with a smaller decay in the first steps."""
        if not self.config.average:
            return
        kept = min(self.config.average, (state.step + 1) / (state.step + 10))
        for name, value in self.network.state_dict().items():
            state.average.setdefault(name, value.clone()).lerp_(value, 1.0 - kept)

    @contextmanager
    def _averaged(self, state: LoopState) -> Iterator[None]:
        """The network with its averaged weights, while it is validated and saved."""
        self.network.eval()
        live = {name: value.clone() for name, value in self.network.state_dict().items()} if state.average else {}
        if state.average:
            self.network.load_state_dict(state.average)
        yield
        if state.average:
            self.network.load_state_dict(live)

    def _learning_rate(self, step: int, steps: int) -> float:
        config = self.config
        warm = min(1.0, (step + 1) / max(config.warmup_steps, 1))
        cosine = 0.5 * (1.0 + math.cos(math.pi * min(step / max(steps, 1), 1.0)))
        return config.learning_rate * warm * (config.last_learning_rate + (1.0 - config.last_learning_rate) * cosine)


def fastest_device() -> torch.device:
    """The GPU if there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def _under(prefix: str, tensors: dict[str, Any]) -> dict[str, Any]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}


def _shapes(weights: Mapping[str, Tensor]) -> dict[str, torch.Size]:
    return {name: value.shape for name, value in weights.items()}
