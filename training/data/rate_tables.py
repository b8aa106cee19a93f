"""Exposures of the lake -> models.encoding.rates.ExposureRates, and for training rows the rates without their own
outcome."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from feature_repo.compute.columns import Columns
from feature_repo.compute.crosses import multi_hot
from feature_repo.core.home import Home
from feature_repo.core.pseudonym import pseudonym
from feature_repo.lake.cut import cut_of
from feature_repo.schema import GENRE_SLOTS, MOST_SHOWN_A_DAY
from models.encoding.rates import Codes, ExposureRates, lengths
from models.encoding.vocabulary import Vocabulary
from training.data.dataset import long_view
from training.data.splits import once_a_day

Array = np.ndarray[Any, Any]
FOLDS = 5  # stretches of time; a training row's rates exclude its own stretch


@dataclass(frozen=True)
class Exposures:
    """N exposures as codes. `outcomes_NL` are models.encoding.rates.OUTCOMES."""

    vocabularies: dict[str, Vocabulary]
    genres: tuple[str, ...]
    codes: Codes
    outcomes_NL: Array
    timestamps_us: Array

    @classmethod
    def read(cls, home: Home, until_us: int | None = None) -> Exposures:
        """All of the lake before `until_us`."""
        lake, genres = cut_of(home), home.world().genres[:GENRE_SLOTS]
        shown, videos = once_a_day(lake.impressions(None, until_us), MOST_SHOWN_A_DAY), lake.videos()
        values, codes = {}, {}
        for name in ("user_id", "video_id", "surface"):
            encoded = shown[name].combine_chunks().dictionary_encode()
            values[name] = tuple(encoded.dictionary.to_pylist())
            codes[name] = encoded.indices.to_numpy().astype(np.int64)
        row_of_video = pc.index_in(pa.array(values["video_id"], pa.string()), videos["video_id"])
        row = row_of_video.fill_null(-1).to_numpy()[codes["video_id"]]
        creators = videos["creator_id"].combine_chunks().dictionary_encode()
        values["user_id"] = tuple(map(pseudonym, values["user_id"]))
        values["creator_id"] = tuple(creators.dictionary.to_pylist())
        hot = multi_hot(videos["genres"].to_pylist(), genres)
        seconds = np.append(videos["duration_seconds"].to_numpy(), 0.0)[row]
        codes["creator_id"] = np.append(creators.indices.to_numpy().astype(np.int64), -1)[row]
        codes["genre"] = np.append(np.where(hot.any(axis=1), hot.argmax(axis=1), -1), -1)[row]
        codes["length"] = lengths(seconds)
        clicked = shown["clicked"].to_numpy(zero_copy_only=False).astype(np.float64)
        watched = long_view(shown["watch_seconds"].to_numpy(), seconds).astype(np.float64)
        outcomes = np.stack([clicked, watched], axis=1)
        vocabularies = {name: Vocabulary(known, first=0) for name, known in values.items()}
        return cls(vocabularies, genres, Codes(codes), outcomes, shown["timestamp_us"].to_numpy())

    def rates(self, kept: Array) -> ExposureRates:
        """Over the exposures where the mask (N,) is true."""
        codes = Codes({name: code[kept] for name, code in self.codes.of.items()})
        return ExposureRates.fit(self.vocabularies, self.genres, codes, self.outcomes_NL[kept])

    def before(self, until_us: int) -> ExposureRates:
        return self.rates(self.timestamps_us < until_us)

    def for_training(self, columns: Columns, timestamps_us: Array, until_us: int) -> dict[str, Array]:
        """The rates of training rows (in order of time), of exposures before `until_us` except those of the row's own
        stretch of time: as much data as for a served row, without the row's own outcome."""
        n = len(timestamps_us)
        parts: list[dict[str, Array]] = []
        edges = [timestamps_us[int(n * at / FOLDS)] for at in range(FOLDS)] + [until_us]
        for start_us, end_us in pairwise(edges):
            rows = (timestamps_us >= start_us) & (timestamps_us < end_us)
            known = self.timestamps_us < until_us
            same_stretch = (self.timestamps_us >= start_us) & (self.timestamps_us < end_us)
            parts.append(
                self.rates(known & ~same_stretch).columns({name: column[rows] for name, column in columns.items()})
            )
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
