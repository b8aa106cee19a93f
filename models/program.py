"""Networks as programs (torch.export): what an artifact holds does not need the code that it was trained by."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn


def exported(
    network: nn.Module, inputs: Sequence[Tensor], free: Sequence[dict[int, Any]]
) -> torch.export.ExportedProgram:
    """`free`: of each input the dimensions that may change, as torch.export takes them."""
    program = torch.export.export(network, tuple(inputs), dynamic_shapes=tuple(free))
    program.example_inputs = None  # they would be saved as a pickle inside the archive
    return program


def called(program: torch.export.ExportedProgram) -> Callable[..., Tensor]:
    """A program to be called often: without the check of its inputs that one from a file makes at each call, by
    symbolic algebra, which takes as long as a small network."""
    forward: Callable[..., Tensor] = program.module().forward
    return forward
