"""Networks as programs (torch.export): loading an artifact does not need the code that trained it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn


def exported(
    network: nn.Module, inputs: Sequence[Tensor], free: Sequence[dict[int, Any]]
) -> torch.export.ExportedProgram:
    """`free`: the dynamic dimensions of each input, in the form that torch.export expects."""
    program = torch.export.export(network, tuple(inputs), dynamic_shapes=tuple(free))
    program.example_inputs = None  # they would be saved as a pickle inside the archive
    return program


def called(program: torch.export.ExportedProgram) -> Callable[..., Tensor]:
    """A program as a function that skips the input checks of each call: those are done by symbolic algebra, and take as
    long as a small network."""
    forward: Callable[..., Tensor] = program.module().forward
    return forward
