"""A ranking protocol small enough to be run in a test, as the file that says it."""

from __future__ import annotations

from pathlib import Path

SAID = {
    "name": '"small"',
    "kind": '"ranking"',
    "reference": '"lightgbm"',
    "features": '"live"',
    "seeds": "[0]",
    "train_from": '"2022-04-25T00:00:00+08:00"',
    "validate_from": '"2022-04-28T00:00:00+08:00"',
    "test_from": '"2022-04-29T00:00:00+08:00"',
    "test_until": '"2022-05-01T00:00:00+08:00"',
    "two_tower": "{ epochs = 1, refit_epochs = 0 }",
    "ranker": "{ max_epochs = 2, tree_rounds = 10 }",
    "lightgbm": "[{ num_leaves = 7 }]",
}


def write(directory: Path, **changes: str) -> str:
    """A protocol file with some values changed, as TOML; those that are "" are left out."""
    lines = [f"{name} = {value}" for name, value in {**SAID, **changes}.items() if value]
    (directory / "small.toml").write_text("\n".join(lines) + "\n")
    return str(directory / "small.toml")
