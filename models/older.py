"""Networks of releases that predate ONNX, which only torch can read.

Converting one takes seconds, so a service would start late each time: the program is kept beside the releases, in
`releases/.converted`. The release itself stays as it was written.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from feature_repo.core.files import write_atomic
from models.program import Program, ProgramError

Array = np.ndarray[Any, Any]
Converted = tuple[Program, Mapping[str, Array]]
Convert = Callable[..., Converted]
OLDER = ".pt2"  # their suffix instead of ".onnx"
PROGRAM = "program"  # its bytes, beside the weights by name
EXPORTER = Path(__file__).with_name("export.py")


def older_program(file: Path) -> Convert | None:
    """The function that converts the older network in place of `file`; None if there is none.

    Raises ProgramError if torch, which such a network needs to be converted, is not installed.
    """
    older = file.with_suffix(OLDER)
    if not older.exists():
        return None
    kept = _place(older)
    if kept is not None and (found := _read(kept)) is not None:
        return lambda inputs, free: found
    try:
        from models.export import converted
    except ImportError as error:
        raise ProgramError(
            f"{older} was written by an older Marquee: install its `train` extra to read it, "
            "or make a new release (marquee release)"
        ) from error

    def convert(inputs: Mapping[str, Array], free: Mapping[str, Sequence[int]]) -> Converted:
        program, weights = converted(older, inputs, free)
        if kept is not None:
            with suppress(OSError):  # a read-only home, a full disk: it is converted again
                _write(kept, program, weights)
        return program, weights

    return convert


def _place(older: Path) -> Path | None:
    """Where the program of this network is kept: named by what it is made of, and by what. None outside of releases."""
    releases = next((folder for folder in older.absolute().parents if folder.name == "releases"), None)
    if releases is None:
        return None
    made_of = hashlib.sha256(older.read_bytes() + EXPORTER.read_bytes()).hexdigest()
    return releases / ".converted" / made_of


def _read(kept: Path) -> Converted | None:
    """None for what is not there, or not as it was written."""
    try:
        content = kept.read_bytes()
        if hashlib.sha256(content[32:]).digest() != content[:32]:
            return None
        with np.load(io.BytesIO(content[32:]), allow_pickle=False) as arrays:
            weights = {name: arrays[name] for name in arrays.files}
        return Program(weights.pop(PROGRAM).tobytes()), weights
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):
        return None


def _write(kept: Path, program: Program, weights: Mapping[str, Array]) -> None:
    arrays = io.BytesIO()
    named: dict[str, Any] = {**weights, PROGRAM: np.frombuffer(program.as_bytes(), dtype=np.uint8)}
    np.savez(arrays, **named)
    write_atomic(kept, hashlib.sha256(arrays.getvalue()).digest() + arrays.getvalue())
