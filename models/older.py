"""Networks of releases that predate ONNX, which only torch can read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from models.program import Program, ProgramError

Array = np.ndarray[Any, Any]
Convert = Callable[..., tuple[Program, Mapping[str, Array]]]
OLDER = ".pt2"  # their suffix instead of ".onnx"


def older_program(file: Path) -> Convert | None:
    """The function that converts the older network in place of `file`; None if there is none.

    Raises ProgramError if torch, which such a network needs, is not installed.
    """
    if not file.with_suffix(OLDER).exists():
        return None
    try:
        from models.export import converted
    except ImportError as error:
        raise ProgramError(
            f"{file.with_suffix(OLDER)} was written by an older Marquee: install its `train` extra to read it, "
            "or make a new release (marquee release)"
        ) from error
    return partial(converted, file.with_suffix(OLDER))
