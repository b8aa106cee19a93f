"""Networks as ONNX programs: a trained network runs without torch, and without the code that trained it.

models/export.py makes them. ONNX Runtime is 2 to 5 times as fast as torch on one core, and takes 60 MB installed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from feature_repo.core.settings import preset

Array = np.ndarray[Any, Any]


class ProgramError(ValueError):
    """A file that is not a program, or inputs that a program does not accept."""


class Program:
    """One output, any number of inputs. Threads may call it concurrently; each call runs on its caller's thread."""

    def __init__(self, model: bytes | Path) -> None:
        """`model`: ONNX as bytes, or a file. Raises ProgramError."""
        preset(ORT_DISABLE_TELEMETRY="1")
        # Not before: importing it starts a thread, which a process that is forked afterwards would miss and wait for.
        import onnxruntime
        from onnxruntime.capi import onnxruntime_pybind11_state as errors

        self._failures = (
            errors.Fail,
            errors.InvalidArgument,
            errors.InvalidGraph,
            errors.InvalidProtobuf,
            errors.NotImplemented,
            errors.RuntimeException,
        )
        self._model = model
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1  # a request is work for one core
        options.log_severity_level = 3
        try:
            self._session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        except self._failures as error:
            raise ProgramError(f"{model if isinstance(model, Path) else 'expected ONNX'}: {error}") from error
        self.inputs = tuple(each.name for each in self._session.get_inputs())

    def __call__(self, *inputs: Array) -> Array:
        """Raises ProgramError where the inputs have other types or shapes than the network was exported with."""
        try:
            output: Array = self._session.run(None, dict(zip(self.inputs, inputs, strict=True)))[0]
        except self._failures as error:
            raise ProgramError(str(error)) from error
        return output

    def as_bytes(self) -> bytes:
        return self._model.read_bytes() if isinstance(self._model, Path) else self._model

    def save(self, path: Path) -> None:
        path.write_bytes(self.as_bytes())
