"""Networks of releases that were made before networks were ONNX: only torch can read those."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from models.program import Program, ProgramError

Array = np.ndarray[Any, Any]
Convert = Callable[..., tuple[Program, Mapping[str, Array]]]
OLDER = ".pt2"  # what they have in place of ".onnx"


def older_program(file: Path) -> Convert | None:
    """What opens the network that an older revision wrote in place of `file`; None where `file` is what there is.

    Raises ProgramError where torch, which alone reads those networks, is not installed.
    """
    if not file.with_suffix(OLDER).exists():
        return None
    try:
        from models.export import converted
    except ImportError as error:
        raise ProgramError(
            f"{file.with_suffix(OLDER)} is of an older Marquee: install its `train` extra to read it, "
            "or make a release of this one (marquee release)"
        ) from error
    return partial(converted, file.with_suffix(OLDER))
