"""What the ranker's trees cost a page: the ways to evaluate them that were looked at, on the trees of a release.

    python tests/benchmarks/trees.py --home DIR [--rows 500]     (a home with a champion)

Processor milliseconds of one thread, the median and the tenth percentile of alternating rounds, and the largest
difference from LightGBM's own sums. The rows are random, so that they take different paths.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import onnxruntime
from onnx import TensorProto, helper

from feature_repo.core.home import Home
from models.ranking.boosted import Tree
from models.ranking.ranker import RankerModel
from models.release.store import champion

Array = np.ndarray[Any, Any]
Ways = dict[str, Callable[[], Array]]
ROUNDS = 200


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--rows", type=int, default=500)
    options = parser.parse_args()
    folder = champion(Home.open(options.home)) / "ranker"
    model = RankerModel.load(folder)
    encoding, rng = model.encoding, np.random.default_rng(0)
    numbers = rng.normal(size=(options.rows, len(encoding.numbers)))
    codes = [rng.integers(0, size, options.rows) for size in encoding.cardinalities[:-1]]
    rows = np.column_stack([numbers, *codes]).astype(np.float32)
    found = ways(model, rows)
    expected = found["LightGBM"]()
    spent: dict[str, list[float]] = {name: [] for name in found}
    for _ in range(ROUNDS):
        for name, way in found.items():
            started = time.thread_time()
            way()
            spent[name].append(time.thread_time() - started)
    print(f"{model.trees.rounds}, {options.rows} rows of {rows.shape[1]} inputs")
    for name, seconds in spent.items():
        low, median = (1e3 * np.percentile(seconds, [10, 50])).tolist()
        print(f"{name:46} p10 {low:6.3f}  p50 {median:6.3f} ms  differs by {abs(found[name]() - expected).max():.1e}")


def ways(model: RankerModel, rows: Array) -> Ways:
    """LightGBM first; the others give the same sums."""
    boosters = [lightgbm.Booster(model_str=text) for text in model.trees.texts.values()]
    leaves, sides = model.trees.leaves, model.sides
    rows[:, sides.request.inputs] = rows[:1, sides.request.inputs]  # as the candidates of one request
    session, wide = _ensemble([*model.trees.by_action.values()]), np.ascontiguousarray(rows)
    of_videos = leaves.left(rows, sides.video.inputs)
    found: Ways = {
        "LightGBM": lambda: np.stack([one.predict(rows, raw_score=True, num_threads=1) for one in boosters], axis=1),
        "ONNX Runtime, TreeEnsembleRegressor": lambda: session.run(None, {"rows": wide})[0],
        "leaves, all features in the request": lambda: leaves.sums(leaves.left(rows)),
    }

    def served() -> Array:
        left = of_videos & leaves.left(rows[:1], sides.request.inputs)
        return leaves.sums(left & leaves.left(rows, sides.pair.inputs))

    found["leaves, those of videos looked up before"] = served
    return found


def _ensemble(trees: list[tuple[Tree, ...]]) -> Any:
    """The trees of all actions as one operator of ONNX; a set of codes becomes a chain of comparisons."""
    nodes: list[tuple[int, int, int, float, str, int, int]] = []
    leaves: list[tuple[int, int, int, float]] = []
    flat = [(action, tree) for action, of_action in enumerate(trees) for tree in of_action]
    for at, (action, tree) in enumerate(flat):
        splits, free = len(tree.splits), len(tree.splits) + len(tree.values)
        for number, split in enumerate(tree.splits):
            left, right = (splits - 1 - node if node < 0 else node for node in (split.left, split.right))
            if split.codes is None:
                near = np.float32(split.threshold)
                least = near if float(near) <= split.threshold else np.nextafter(near, np.float32(-np.inf))
                nodes.append((at, number, split.feature, float(least), "BRANCH_LEQ", left, right))
                continue
            chain = [number, *range(free, free + len(split.codes) - 1)]
            free += len(split.codes) - 1
            for place, (node, code) in enumerate(zip(chain, split.codes, strict=True)):
                otherwise = chain[place + 1] if place + 1 < len(chain) else right
                nodes.append((at, node, split.feature, float(code), "BRANCH_EQ", left, otherwise))
        for leaf, value in enumerate(tree.values):
            nodes.append((at, splits + leaf, 0, 0.0, "LEAF", 0, 0))
            leaves.append((at, splits + leaf, action, value))
    names = ("treeids", "nodeids", "featureids", "values", "modes", "truenodeids", "falsenodeids")
    given = {f"nodes_{name}": list(column) for name, column in zip(names, zip(*nodes, strict=True), strict=True)}
    targets = zip(("treeids", "nodeids", "ids", "weights"), zip(*leaves, strict=True), strict=True)
    given |= {f"target_{name}": list(column) for name, column in targets}
    domain = "ai.onnx.ml"
    node = helper.make_node("TreeEnsembleRegressor", ["rows"], ["sums"], domain=domain, n_targets=len(trees), **given)
    rows, sums = (helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in ("rows", "sums"))
    versions = [helper.make_opsetid("", 18), helper.make_opsetid(domain, 3)]
    made = helper.make_model(helper.make_graph([node], "trees", [rows], [sums]), opset_imports=versions, ir_version=9)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(made.SerializeToString(), options, providers=["CPUExecutionProvider"])


if __name__ == "__main__":
    main()
