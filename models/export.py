"""Exports torch networks as programs (models/program.py): after training, and to open releases of older revisions."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from models.program import Program

Array = np.ndarray[Any, Any]


def exported(network: nn.Module, inputs: Mapping[str, Array], free: Mapping[str, Sequence[int]]) -> Program:
    """The network in evaluation mode as a program that takes inputs of these names, in this order.

    `free`: the dimensions of each input that vary from call to call. The example `inputs` must have at least 2 there:
    torch treats a dimension of 1 as a constant.
    """
    shapes = tuple(dict.fromkeys(free[name], torch.export.Dim.AUTO) for name in inputs)
    tensors = tuple(torch.from_numpy(value) for value in inputs.values())
    with _quiet(), sdpa_kernel(SDPBackend.MATH):  # the layout of the fused kernels' output is not that of ONNX
        program = torch.export.export(network, tensors, dynamic_shapes=shapes)
        made = torch.onnx.export(
            program, dynamo=True, external_data=False, verbose=False, input_names=list(inputs), output_names=["output"]
        )
    assert made is not None
    model = made.model_proto
    for part in (model, model.graph, *model.graph.node, *model.graph.value_info, *model.graph.initializer):
        del part.metadata_props[:]  # source locations of operations; without them, equal networks are equal files
    return Program(model.SerializeToString(deterministic=True))


def converted(
    path: Path, inputs: Mapping[str, Array], free: Mapping[str, Sequence[int]]
) -> tuple[Program, Mapping[str, Array]]:
    """A network that an older revision exported (torch.export, ".pt2") as a program, and its weights by name."""
    older = torch.export.load(path)
    weights = {name: value.detach().numpy() for name, value in older.state_dict.items()}
    return exported(older.module(), inputs, free), weights


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence the exporter about torchvision, which is not installed, and about its own deprecations."""
    exporter = logging.getLogger("torch.onnx")
    before = exporter.level
    exporter.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        exporter.setLevel(before)
