"""The common form of quality results: runs by model and seed, their table, and their files.

A difference from the reference model has a paired bootstrap interval: both models get the same drawn viewers, so that
the difficulty of a viewer cancels. Seeds of a model are averaged per viewer first: the interval is over viewers, the
standard deviation in the table over seeds.

U units (viewers, lists or rows) in the same order in every run of a protocol.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from feature_repo.core.errors import MarqueeError
from feature_repo.core.files import plain, reading, write_atomic
from feature_repo.core.home import Home
from feature_repo.core.revision import git_revision
from feature_repo.core.terminal import note

Array = np.ndarray[Any, Any]
RESAMPLED_TOGETHER = 4_000_000  # drawn units in memory during the bootstrap


@dataclass(frozen=True)
class Run:
    """One model under one seed."""

    model: str
    seed: int | None  # None: deterministic
    figures: Mapping[str, float | None]
    per_unit: Mapping[str, Array] = field(default_factory=dict)  # figure -> (U,); NaN where undefined for a unit
    settings: Mapping[str, Any] = field(default_factory=dict)  # chosen hyperparameters, figures of the grid
    cpu_seconds: float = 0.0
    revision: str = ""  # of the code; a resumed table may hold runs of several revisions


@dataclass(frozen=True)
class Results:
    """All runs of one protocol. `reference` is the model that the others are compared with."""

    protocol: str
    question: str
    command: str
    data_hash: str
    revision: str
    reference: str
    runs: tuple[Run, ...]

    def table(self) -> list[dict[str, Any]]:
        """A row per model: `seeds`, the `revisions` that its runs are of, each figure's mean, FIGURE_sd over seeds
        (None: one seed), and where its units are known FIGURE_se over them and FIGURE_difference to the reference, 95 %
        from FIGURE_low to FIGURE_high.
        """
        return self._rows

    @cached_property
    def _rows(self) -> list[dict[str, Any]]:
        """Cached: the bootstraps of a frontier's ninety models take minutes, and three files need them."""
        rows = []
        models = list(dict.fromkeys(run.model for run in self.runs))
        for model in models:
            runs = [run for run in self.runs if run.model == model]
            row: dict[str, Any] = {"model": model, "seeds": len(runs)}
            for figure in self.figures():
                row |= _mean_and_spread(figure, [run.figures.get(figure) for run in runs])
                row |= self._difference(figure, model)
                if (units := self._units(figure, model)) is not None and np.isfinite(units).sum() > 1:
                    row[f"{figure}_se"] = float(np.nanstd(units, ddof=1) / np.sqrt(np.isfinite(units).sum()))
            row["cpu_seconds"] = float(np.mean([run.cpu_seconds for run in runs]))
            row["revisions"] = sorted({run.revision or self.revision for run in runs})
            rows.append(row)
        return rows

    def figures(self) -> list[str]:
        return list(dict.fromkeys(figure for run in self.runs for figure in run.figures))

    def to_json(self) -> dict[str, Any]:
        """Without the values per unit, which the run store keeps."""
        runs = [
            {
                "model": run.model,
                "seed": run.seed,
                "figures": {figure: _number(value) for figure, value in run.figures.items()},
                "settings": dict(run.settings),
                "cpu_seconds": run.cpu_seconds,
                "revision": run.revision or self.revision,
            }
            for run in self.runs
        ]
        fields = ("protocol", "question", "command", "data_hash", "revision", "reference")
        return {**{name: getattr(self, name) for name in fields}, "table": self.table(), "runs": runs}

    def to_markdown(self) -> str:
        rows = self.shown()
        lines = [
            f"# {self.protocol}",
            "",
            self.question,
            "",
            f"`{self.command}` · data {self.data_hash[:16]} · revision {self.revision or 'unknown'}",
            "",
            f"Mean ± standard deviation over seeds; [95 % interval of the difference to {self.reference}: paired"
            " bootstrap].",
        ]
        if rows:
            lines += ["", "| " + " | ".join(rows[0]) + " |", "| " + " | ".join(["---"] * len(rows[0])) + " |"]
            lines += ["| " + " | ".join(row.values()) + " |" for row in rows]
        return "\n".join(lines) + "\n"

    def shown(self) -> list[dict[str, str]]:
        """The table for people: a row per model, or per figure when there are more figures than models."""
        figures = self.figures()
        rows = [
            {"model": row["model"], "seeds": str(row["seeds"])}
            | {figure: _cell(row, figure) for figure in figures}
            | {"CPU s": f"{row['cpu_seconds']:.0f}", "revision": " ".join(row["revisions"])}
            for row in self.table()
        ]
        if len(figures) <= len(rows):
            return rows
        names = [name for name in rows[0] if name != "model"] if rows else []
        return [{"figure": name, **{row["model"]: row[name] for row in rows}} for name in names]

    def _difference(self, figure: str, model: str) -> dict[str, float]:
        if model == self.reference:
            return {}
        ours, theirs = self._units(figure, model), self._units(figure, self.reference)
        if ours is None or theirs is None:
            return {}
        if ours.shape != theirs.shape:
            raise MarqueeError(
                f"{self.protocol}, {figure}: {model} has {len(ours)} units, {self.reference} {len(theirs)};"
                " expected the same ones in both (runs of different data?)"
            )
        difference, low, high = paired_bootstrap(ours, theirs)
        return {f"{figure}_difference": difference, f"{figure}_low": low, f"{figure}_high": high}

    def _units(self, figure: str, model: str) -> Array | None:
        values = [run.per_unit[figure] for run in self.runs if run.model == model and figure in run.per_unit]
        if not values:
            return None
        if len({value.shape for value in values}) > 1:
            raise MarqueeError(f"{self.protocol}, {figure}: the seeds of {model} were asked about different units")
        mean: Array = np.mean(np.asarray(values, dtype=np.float64), axis=0)
        return mean


class RunStore:
    """Finished runs in HOME/quality/PROTOCOL/runs/FINGERPRINT, so that a stopped command can continue.

    The fingerprint covers everything that a run depends on (data, question, settings), so runs never mix.
    """

    def __init__(self, home: Home, protocol: str, fingerprint: str) -> None:
        self.directory = quality_directory(home, protocol) / "runs" / fingerprint

    def get(self, model: str, seed: int | None) -> Run | None:
        file = self._file(model, seed)
        if not file.exists():
            return None
        with reading(file, "a finished run", f"remove {self.directory}, and it is measured again"):
            content = json.loads(file.read_text())
            with np.load(file.with_suffix(".npz"), allow_pickle=False) as arrays:
                return Run(**{**content, "per_unit": {name: arrays[name] for name in arrays.files}})

    def put(self, run: Run) -> None:
        """Writes the arrays first: a run exists once its JSON does."""
        import io

        file, buffer = self._file(run.model, run.seed), io.BytesIO()
        np.savez_compressed(buffer, **{name: np.asarray(value) for name, value in run.per_unit.items()})  # type: ignore[arg-type]
        write_atomic(file.with_suffix(".npz"), buffer.getvalue())
        content = {name: value for name, value in asdict(run).items() if name != "per_unit"}
        content["revision"] = run.revision or git_revision()
        write_atomic(file, json.dumps(content, indent=1, default=plain) + "\n")

    def _file(self, model: str, seed: int | None) -> Path:
        return self.directory / f"{model}-{'any' if seed is None else seed}.json"


def quality_directory(home: Home, protocol: str) -> Path:
    return home.root / "quality" / protocol


def record(home: Home, results: Results) -> dict[str, Any]:
    """Write HOME/quality/PROTOCOL/results.json and .md and log both to MLflow: `paths`, `mlflow_run`, and
    `mlflow_problem`, "" or why MLflow was not told, which is said on stderr, too: not everybody shows this."""
    from training.record.tracking import try_tracking

    directory = quality_directory(home, results.protocol)
    paths = {name: directory / f"results.{name}" for name in ("json", "md")}
    content = results.to_json()
    write_atomic(paths["json"], json.dumps(content, indent=1, default=plain) + "\n")
    write_atomic(paths["md"], results.to_markdown())
    metrics = {
        f"{row['model']}.{name}": float(value)
        for row in content["table"]
        for name, value in row.items()
        if isinstance(value, int | float) and np.isfinite(value)
    }
    tags = {name: content[name] for name in ("protocol", "question", "data_hash", "revision", "command", "reference")}
    files = list(paths.values())
    run, problem = try_tracking(home, lambda mlflow: mlflow.log_quality(results.protocol, metrics, tags, files))
    if problem:
        note(f"marquee: warning: {problem}; the results are in {directory} all the same")
    return {
        "paths": {name: str(path) for name, path in paths.items()},
        "mlflow_run": run,
        "mlflow_problem": problem,
    }


def paired_bootstrap(ours_U: Array, theirs_U: Array, draws: int = 2000, seed: int = 0) -> tuple[float, float, float]:
    """Mean of ours - theirs with its 95 % percentile interval over resampled units (Efron & Tibshirani 1993, §13).

    Units where either is NaN are left out; all three are NaN when none is left.
    """
    difference_U = np.asarray(ours_U, dtype=np.float64) - np.asarray(theirs_U, dtype=np.float64)
    difference_U = difference_U[np.isfinite(difference_U)]
    units = len(difference_U)
    if units == 0:
        return (float("nan"),) * 3
    rng = np.random.default_rng(seed)
    together = max(1, min(draws, RESAMPLED_TOGETHER // units))
    means = [
        difference_U[rng.integers(0, units, (min(together, draws - start), units))].mean(axis=1)
        for start in range(0, draws, together)
    ]
    low, high = np.quantile(np.concatenate(means), [0.025, 0.975])
    return float(difference_U.mean()), float(low), float(high)


def fingerprint(parts: Iterable[Any]) -> str:
    """A hash of what a run depends on; dataclasses and mappings count by content."""
    text = json.dumps(list(parts), sort_keys=True, default=plain)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _mean_and_spread(figure: str, found: list[float | None]) -> dict[str, float | None]:
    values = [value for value in found if value is not None and np.isfinite(value)]
    spread = float(np.std(values, ddof=1)) if len(values) > 1 else None
    return {figure: float(np.mean(values)) if values else None, f"{figure}_sd": spread}


def _cell(row: Mapping[str, Any], figure: str) -> str:
    value, spread = row.get(figure), row.get(f"{figure}_sd")
    if value is None:
        return ""
    text = f"{value:.4f}" + (f" ± {spread:.4f}" if spread is not None else "")
    low, high = row.get(f"{figure}_low"), row.get(f"{figure}_high")
    return text if low is None else f"{text} [{low:+.4f}, {high:+.4f}]"


def _number(value: float | None) -> float | None:
    return None if value is None or not np.isfinite(value) else float(value)
