"""Whether two releases are equal up to rounding.

One seed and one lake give the same bytes on one machine, and so the same release. On another machine, or with another
number of threads, sums are rounded differently: such a release is not new, and must not displace the previous one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from models.release.manifest import ArtifactError, Manifest, verify_files
from models.release.parts import EVALUATION_FILE
from models.retrieval.index import SHARD_FILES
from models.retrieval.index_facts import FACTS_FILE
from training.record.training_facts import TRAINING_FILE

RELATIVE = 1e-6  # of a number; of the largest one of an array
# Facts about training and evaluation, which serving does not read; and the index, whose vectors are compared anyway.
NOT_COMPARED = (EVALUATION_FILE, TRAINING_FILE, SHARD_FILES, FACTS_FILE)
_BETWEEN = re.compile(r"[\s=:]+")


def equal_to_rounding(draft: Path, manifest: Manifest, release: Path) -> bool:
    """Whether `draft`, described by `manifest`, and `release` differ only by rounding in what serving reads.

    A different policy, world, time window, column or video counts as a difference; so does a damaged release.
    """
    try:
        other = verify_files(release)
    except (ArtifactError, OSError):
        return False
    without: dict[str, Any] = {"created": "", "files": {}, "metrics": {}, "mlflow": {}, "release_id": ""}
    if replace(manifest, **without) != replace(other, **without) or manifest.files.keys() != other.files.keys():
        return False
    changed = [name for name, digest in manifest.files.items() if other.files[name] != digest]
    return all(_same_file(draft / name, release / name) for name in changed)


def _same_file(ours: Path, theirs: Path) -> bool:
    if any(ours.match(name) for name in NOT_COMPARED):
        return True
    read = _READERS.get(ours.suffix)
    return read is not None and _same(read(ours), read(theirs))


def _same(ours: Any, theirs: Any) -> bool:
    if isinstance(ours, float) and isinstance(theirs, (int, float)):
        return bool(np.isclose(ours, theirs, rtol=RELATIVE, atol=0.0, equal_nan=True))
    if type(ours) is not type(theirs):
        return False
    if isinstance(ours, dict):
        return ours.keys() == theirs.keys() and all(_same(value, theirs[name]) for name, value in ours.items())
    if isinstance(ours, list):
        return len(ours) == len(theirs) and all(map(_same, ours, theirs))
    if isinstance(ours, np.ndarray):
        return _same_array(ours, theirs)
    return bool(ours == theirs)


def _same_array(ours: np.ndarray[Any, Any], theirs: np.ndarray[Any, Any]) -> bool:
    if (ours.dtype, ours.shape) != (theirs.dtype, theirs.shape):
        return False
    if ours.dtype.kind != "f" or not ours.size:
        return np.array_equal(ours, theirs)
    most = RELATIVE * float(np.nanmax(np.abs(ours)))
    return bool(np.allclose(ours, theirs, rtol=0.0, atol=most, equal_nan=True))


def _tensors(file: Path) -> Mapping[str, Any]:
    from safetensors.numpy import load_file

    found: dict[str, Any] = load_file(file)
    return found


def _network(file: Path) -> Any:
    """Its weights as arrays, and what is left of the graph without them."""
    import onnx
    from onnx import numpy_helper

    model = onnx.load(file)
    weights = {one.name: numpy_helper.to_array(one) for one in model.graph.initializer}
    del model.graph.initializer[:]
    return {"weights": weights, "graph": model.SerializeToString(deterministic=True)}


def _trees(file: Path) -> list[Any]:
    """LightGBM's text, number by number; the line of sizes counts its digits."""
    lines = [line for line in file.read_text().splitlines() if not line.startswith("tree_sizes=")]
    return [_number(word) for line in lines for word in _BETWEEN.split(line)]


def _number(word: str) -> float | str:
    try:
        return float(word)
    except ValueError:
        return word


_READERS: Mapping[str, Callable[[Path], Any]] = {
    ".json": lambda file: json.loads(file.read_text()),
    ".safetensors": _tensors,
    ".onnx": _network,
    ".txt": _trees,
}
