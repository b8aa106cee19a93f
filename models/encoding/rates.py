"""How often exposures end well, by viewer, video, creator and their pairs: the frozen half of what a ranker knows.

Target encoding (Micci-Barreca 2001): of every key the sum of what its exposures gave beyond the mean of their surface,
over their number and a prior. Beyond the surface's mean, because a surface decides more than any video: a feed that
plays by itself and a list of covers differ sixfold in clicks.

N rows, K keys, L outcomes. The tables belong to a trained ranker and are as of its training; `marquee score` makes
them anew as of the moment it is told. A training row may not see its own outcome: see training/data/rate_tables.py.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from safetensors.numpy import load_file, save_file

from feature_repo.compute.columns import RankColumns, values
from feature_repo.compute.rates import NAMES, RATES, rate_names
from models.encoding.vocabulary import Vocabulary

Array = np.ndarray[Any, Any]

IDS = ("user_id", "video_id", "creator_id", "surface")
LENGTHS = (7.0, 12.0, 20.0, 40.0, 75.0, 120.0, 200.0, 600.0, 2400.0, 5400.0)  # seconds; edges of the codes "length"
MAX_KEYS = 1_000_000  # of each table: the most shown stay
_SPAN = 2**31  # more than there are codes of any kind
_NO_KEY = np.iinfo(np.int64).max


@dataclass(frozen=True)
class Codes:
    """(N,) int64 per name: places in the vocabularies, -1 = not known."""

    of: Mapping[str, Array]

    def key(self, name: str) -> Array:
        """(N,) one number for the key; -1 where a part of it is not known."""
        parts = [self.of[part] for part in RATES[name].parts]
        key = parts[0]
        for part in parts[1:]:
            key = np.where((key < 0) | (part < 0), -1, key * _SPAN + part)
        return key


@dataclass(frozen=True)
class Table:
    keys: Array  # (K,) int64, sorted
    counts: Array  # (K,) float32 exposures
    sums: Array  # (K, L) float32 outcomes beyond the mean of their surface

    @classmethod
    def fit(cls, key_N: Array, beyond_NL: Array) -> Table:
        known = key_N >= 0
        keys, inverse, counts = np.unique(key_N[known], return_inverse=True, return_counts=True)
        sums = np.stack([np.bincount(inverse, column, len(keys)) for column in beyond_NL[known].T], axis=1)
        if len(keys) > MAX_KEYS:
            most = np.sort(np.argsort(-counts, kind="stable")[:MAX_KEYS])
            keys, counts, sums = keys[most], counts[most], sums[most]
        return cls(keys, counts.astype(np.float32), sums.astype(np.float32))

    def rates(self, prior: float) -> Array:
        """(K + 1, L + 1) float32: mean outcomes, leaning on 0, and log of exposures; the last row: of any other key."""
        told = [self.sums / (self.counts + prior)[:, None], np.log1p(self.counts)[:, None]]
        return np.pad(np.concatenate(told, axis=1), ((0, 1), (0, 0)))


class _Answers(NamedTuple):
    """A table as it is asked: each key's rates beside it."""

    keys: Array  # (K + 1,) sorted; the last one is no key
    rates: Array

    def of(self, key_N: Array) -> Array:
        """(N, L + 1)."""
        at = np.searchsorted(self.keys, key_N)
        return self.rates[np.where(self.keys[at] == key_N, at, len(self.keys) - 1)]


@dataclass(frozen=True)
class ExposureRates:
    """The tables with the vocabularies that their keys are written in. `genres`: names in the order of their codes."""

    vocabularies: Mapping[str, Vocabulary]  # the first code is 0
    genres: tuple[str, ...]
    tables: Mapping[str, Table]

    def __post_init__(self) -> None:
        answers = {
            key: _Answers(np.append(self.tables[key].keys, _NO_KEY), self.tables[key].rates(RATES[key].prior))
            for key in self.tables
        }
        object.__setattr__(self, "_answers", answers)

    @classmethod
    def fit(
        cls, vocabularies: Mapping[str, Vocabulary], genres: tuple[str, ...], codes: Codes, outcomes_NL: Array
    ) -> ExposureRates:
        """Over exposures as `codes` of these vocabularies."""
        surface = codes.of["surface"] + 1
        count = np.maximum(np.bincount(surface, minlength=1), 1)
        beyond = np.stack([y - (np.bincount(surface, y) / count)[surface] for y in outcomes_NL.T], axis=1)
        return cls(vocabularies, genres, {name: Table.fit(codes.key(name), beyond) for name in RATES})

    def names(self) -> tuple[str, ...]:
        """Of the columns; a release that was made before a rate was registered has none of it."""
        return tuple(name for name in NAMES if name.split(":")[1] in self.tables)

    def codes(self, columns: RankColumns) -> Codes:
        """Of ranker columns."""
        found = {name: self.vocabularies[name].codes(columns[name]) for name in IDS}
        hot = np.stack([values(columns[f"genre:{name}"]) for name in self.genres], axis=1) if self.genres else None
        duration_seconds = values(columns["duration_seconds"])
        n = len(duration_seconds)
        found["genre"] = np.full(n, -1) if hot is None else np.where(hot.any(axis=1), hot.argmax(axis=1), -1)
        found["length"] = lengths(duration_seconds)
        return Codes(found)

    def columns(self, columns: RankColumns) -> dict[str, Array]:
        """`names` as (N,) float32 columns: mean outcome beyond the surface's, leaning on 0; log of exposures."""
        codes = self.codes(columns)
        answers: dict[str, _Answers] = self._answers  # type: ignore[attr-defined]
        found: dict[str, Array] = {}
        for key in self.tables:
            found |= zip(rate_names(key), answers[key].of(codes.key(key)).T, strict=True)
        return {name: found[name] for name in self.names()}

    def save(self, directory: Path) -> None:
        arrays: dict[str, Array] = {}
        for name, table in self.tables.items():
            arrays |= {f"{name}.keys": table.keys, f"{name}.counts": table.counts, f"{name}.sums": table.sums}
        save_file(
            {name: np.ascontiguousarray(array) for name, array in arrays.items()}, directory / "rates.safetensors"
        )
        vocabularies = {name: known.values for name, known in self.vocabularies.items()}
        words = {"genres": self.genres, "vocabularies": vocabularies}
        (directory / "rates.json").write_text(json.dumps(words) + "\n")

    @classmethod
    def load(cls, directory: Path) -> ExposureRates | None:
        """None where a ranker has none."""
        if not (directory / "rates.json").exists():
            return None
        words, arrays = json.loads((directory / "rates.json").read_text()), load_file(directory / "rates.safetensors")
        tables = {
            name: Table(*(arrays[f"{name}.{part}"] for part in ("keys", "counts", "sums")))
            for name in RATES
            if f"{name}.keys" in arrays
        }
        vocabularies = {name: Vocabulary(tuple(known), first=0) for name, known in words["vocabularies"].items()}
        return cls(vocabularies, tuple(words["genres"]), tables)


def lengths(duration_seconds: Array) -> Array:
    """(N,) codes of how long a video is; -1 where that is not known."""
    seconds = np.asarray(duration_seconds, dtype=np.float64)
    return np.where(seconds > 0, np.searchsorted(LENGTHS, seconds, side="right"), -1)
