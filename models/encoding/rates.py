"""Outcome rates of past exposures by viewer, video, creator and their pairs: the memorization part of the ranker.

Target encoding (Micci-Barreca 2001). For every key: the sum over its exposures of (outcome - mean outcome of their
surface), divided by (number of exposures + prior). The surface's mean is subtracted because the surface matters more
than any video: an autoplaying feed and a list of covers differ sixfold in clicks.

N rows, K keys, L outcomes. The tables belong to a trained ranker and are as of its training; `marquee score` rebuilds
them as of the moment it is given. A training row must not see its own outcome: see training/data/rate_tables.py.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from safetensors.numpy import load_file, save_file

from feature_repo.compute.columns import RankColumns, Shared, values
from feature_repo.compute.rates import NAMES, RATES, rate_names
from feature_repo.core.pseudonym import pseudonym
from feature_repo.registry import Side, side_of
from models.encoding.vocabulary import Vocabulary

Array = np.ndarray[Any, Any]

REQUEST_IDS, VIDEO_IDS = ("user_id", "surface"), ("video_id", "creator_id")
VIDEO_PARTS = (*VIDEO_IDS, "genre", "length")  # of keys; those of the viewer and the request are REQUEST_IDS
LENGTHS = (7.0, 12.0, 20.0, 40.0, 75.0, 120.0, 200.0, 600.0, 2400.0, 5400.0)  # seconds; edges of the codes "length"
MAX_KEYS = 1_000_000  # per table; beyond, only the keys with the most exposures are kept
_SPAN = 2**31  # more than any vocabulary has codes
_NO_KEY = np.iinfo(np.int64).max


@dataclass(frozen=True)
class Codes:
    """(N,) int64 per name: codes in the vocabularies, -1 = unknown."""

    of: Mapping[str, Array]

    def key(self, name: str) -> Array:
        """(N,) one number per key; -1 where a part of it is unknown."""
        parts = [self.of[part] for part in RATES[name].parts]
        key = parts[0]
        for part in parts[1:]:
            key = np.where((key < 0) | (part < 0), -1, key * _SPAN + part)
        return key


@dataclass(frozen=True)
class Table:
    keys: Array  # (K,) int64, sorted
    counts: Array  # (K,) float32 exposures
    sums: Array  # (K, L) float32 sums of (outcome - mean outcome of the surface)

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
        """(K + 1, L + 1) float32: mean outcomes, shrunk towards 0, and log(1 + exposures); the last row, for any other
        key, is zeros."""
        columns = [self.sums / (self.counts + prior)[:, None], np.log1p(self.counts)[:, None]]
        return np.pad(np.concatenate(columns, axis=1), ((0, 1), (0, 0)))


class _Lookup(NamedTuple):
    """A table prepared for lookups: each key with its rates."""

    keys: Array  # (K + 1,) sorted; the last one is a sentinel
    rates: Array  # (K + 1, L + 1)

    def of(self, key_N: Array) -> Array:
        """(N, L + 1)."""
        known_N = key_N >= 0
        if not known_N.any():
            return np.zeros((len(key_N), self.rates.shape[1]), dtype=self.rates.dtype)
        # All keys of one viewer are neighbours: the search stays within them, and so within the processor's cache.
        start, end = self.keys.searchsorted([key_N.min(where=known_N, initial=_NO_KEY), key_N.max() + 1])
        at = self.keys[start:end].searchsorted(key_N) + start
        return self.rates[np.where(self.keys[at] == key_N, at, len(self.keys) - 1)]


@dataclass(frozen=True)
class ExposureRates:
    """The tables, and the vocabularies that encode their keys. `genres`: names in the order of their codes."""

    vocabularies: Mapping[str, Vocabulary]  # the first code is 0; of viewers, their pseudonyms
    genres: tuple[str, ...]
    tables: Mapping[str, Table]
    names_viewers: bool = False  # of a ranker trained by a Marquee that kept ids of viewers as they are

    def __post_init__(self) -> None:
        lookups = {
            key: _Lookup(np.append(self.tables[key].keys, _NO_KEY), self.tables[key].rates(RATES[key].prior))
            for key in self.tables
        }
        object.__setattr__(self, "_lookups", lookups)

    @classmethod
    def fit(
        cls, vocabularies: Mapping[str, Vocabulary], genres: tuple[str, ...], codes: Codes, outcomes_NL: Array
    ) -> ExposureRates:
        """From exposures: their codes in these vocabularies, and their outcomes."""
        surface = codes.of["surface"] + 1
        count = np.maximum(np.bincount(surface, minlength=1), 1)
        beyond = np.stack([y - (np.bincount(surface, y) / count)[surface] for y in outcomes_NL.T], axis=1)
        return cls(vocabularies, genres, {name: Table.fit(codes.key(name), beyond) for name in RATES})

    def names(self) -> tuple[str, ...]:
        """The names of the columns; a ranker trained before a rate was registered lacks that one."""
        return tuple(name for name in NAMES if name.split(":")[1] in self.tables)

    def keys(self, side: Side) -> tuple[str, ...]:
        """The tables whose keys are of this side: of a viewer and the request, of a video alone, or of both."""
        return tuple(key for key in self.tables if side_of(rate_names(key)[0]) == side)

    def request_codes(self, columns: RankColumns) -> dict[str, Array]:
        """The codes of REQUEST_IDS."""
        return {name: self.vocabularies[name].codes(self._as_kept(name, columns[name])) for name in REQUEST_IDS}

    def _as_kept(self, name: str, column: Any) -> Any:
        """A column as its vocabulary spells it: no release holds the id of a viewer."""
        if name != "user_id" or self.names_viewers:
            return column
        if isinstance(column, Shared):
            return Shared(np.array([pseudonym(str(column.value[0]))], dtype=object), len(column))
        kept = {user_id: pseudonym(str(user_id)) for user_id in set(column)}
        return [kept[user_id] for user_id in column]

    def video_codes(self, columns: RankColumns) -> dict[str, Array]:
        """The codes of VIDEO_PARTS, which follow from the video."""
        codes = {name: self.vocabularies[name].codes(columns[name]) for name in VIDEO_IDS}
        hot = np.stack([values(columns[f"genre:{name}"]) for name in self.genres], axis=1) if self.genres else None
        duration_seconds = values(columns["duration_seconds"])
        n = len(duration_seconds)
        codes["genre"] = np.full(n, -1) if hot is None else np.where(hot.any(axis=1), hot.argmax(axis=1), -1)
        codes["length"] = lengths(duration_seconds)
        return codes

    def columns(self, columns: RankColumns) -> dict[str, Array]:
        """`names` as (N,) float32: mean outcomes relative to the surface, shrunk towards 0; log(1 + exposures)."""
        rates = self.lookup(Codes({**self.request_codes(columns), **self.video_codes(columns)}), tuple(self.tables))
        return {name: rates[name] for name in self.names()}

    def lookup(self, codes: Codes, keys: Sequence[str]) -> dict[str, Array]:
        """The columns of these tables; `codes` holds every part of their keys."""
        lookups: dict[str, _Lookup] = self._lookups  # type: ignore[attr-defined]
        rates: dict[str, Array] = {}
        for key in keys:
            rates |= zip(rate_names(key), lookups[key].of(codes.key(key)).T, strict=True)
        return rates

    def save(self, directory: Path) -> None:
        arrays: dict[str, Array] = {}
        for name, table in self.tables.items():
            arrays |= {f"{name}.keys": table.keys, f"{name}.counts": table.counts, f"{name}.sums": table.sums}
        save_file(
            {name: np.ascontiguousarray(array) for name, array in arrays.items()}, directory / "rates.safetensors"
        )
        vocabularies = {name: vocabulary.values for name, vocabulary in self.vocabularies.items()}
        names = {"genres": self.genres, "vocabularies": vocabularies, "names_viewers": self.names_viewers}
        (directory / "rates.json").write_text(json.dumps(names) + "\n")

    @classmethod
    def load(cls, directory: Path) -> ExposureRates | None:
        """None for a ranker that was trained without rates."""
        if not (directory / "rates.json").exists():
            return None
        names, arrays = json.loads((directory / "rates.json").read_text()), load_file(directory / "rates.safetensors")
        tables = {
            name: Table(*(arrays[f"{name}.{part}"] for part in ("keys", "counts", "sums")))
            for name in RATES
            if f"{name}.keys" in arrays
        }
        vocabularies = {name: Vocabulary(tuple(values), first=0) for name, values in names["vocabularies"].items()}
        return cls(vocabularies, tuple(names["genres"]), tables, names.get("names_viewers", True))


def lengths(duration_seconds: Array) -> Array:
    """(N,) codes of video lengths; -1 where the length is unknown."""
    seconds = np.asarray(duration_seconds, dtype=np.float64)
    return np.where(seconds > 0, np.searchsorted(LENGTHS, seconds, side="right"), -1)
