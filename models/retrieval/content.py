"""Content features of a video: text, genres, creator, language, length -> numbers.

N videos, T terms, K text dimensions, F = K + GENRE_SLOTS + 1 numbers. Text is TF-IDF reduced by a truncated SVD (LSA):
learned from the catalog alone, nothing to download.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file, save_file
from scipy import sparse
from scipy.sparse.linalg import svds

from feature_repo.compute.columns import Columns
from feature_repo.schema import GENRE_SLOTS
from models.encoding.vocabulary import Vocabulary

Array = np.ndarray[Any, Any]
WORD = re.compile(r"\w\w+")
FITTED_ON = 100_000  # videos of a larger catalog
TEXTS_AT_ONCE = 100_000
MAX_TERMS = 8192
CREATOR_SLOTS = 32
MAX_SHARE = 0.4  # terms in a larger share of the catalog are dropped as uninformative


@dataclass(frozen=True)
class ContentFeatures:
    """Videos as the content tower reads them; `creator_N` and `language_N` are 0 for values unseen in training."""

    numbers_NF: Array  # float32
    creator_N: Array  # int64
    language_N: Array  # int64


@dataclass(frozen=True)
class ContentEncoding:
    """Vocabularies and the text projection, learned by `fit` from a catalog."""

    terms: tuple[str, ...]
    idf_T: Array  # float32
    component_TK: Array  # float32; scaled so that text numbers have unit variance over the catalog
    creators: Vocabulary
    languages: Vocabulary
    log_seconds: tuple[float, float]  # mean and standard deviation of log(1 + duration_seconds)

    @classmethod
    def fit(cls, videos: Columns, text_dimensions: int = 64, seed: int = 0) -> ContentEncoding:
        documents = [_words(videos, row) for row in _sample(len(videos["title"]), seed)]
        counts = Counter(term for words in documents for term in set(words))
        most = MAX_SHARE * len(documents)
        common = sorted((-count, term) for term, count in counts.items() if 2 <= count <= max(most, 2))
        terms = tuple(term for _, term in common[:MAX_TERMS])
        idf_T = np.array([np.log(len(documents) / counts[term]) for term in terms], dtype=np.float32)
        weights_NT = _tf_idf([" ".join(words) for words in documents], terms, idf_T)
        seconds = np.log1p(_known(videos["duration_seconds"]))
        return cls(
            terms=terms,
            idf_T=idf_T,
            component_TK=_components(weights_NT, text_dimensions, seed),
            creators=_repeated(videos["creator_id"]),
            languages=_repeated(videos["video_language"]),
            log_seconds=(float(seconds.mean()), float(max(seconds.std(), 1e-3))) if len(seconds) else (0.0, 1.0),
        )

    @property
    def numbers(self) -> int:
        return int(self.component_TK.shape[1]) + GENRE_SLOTS + 1

    def encode(self, videos: Columns) -> ContentFeatures:
        """Columns title, description, creator_id, video_language, tags (lists), genres (hot), duration_seconds."""
        text_NK = np.concatenate(
            [
                np.asarray(_tf_idf(texts, self.terms, self.idf_T) @ self.component_TK)
                for texts in _texts(videos, TEXTS_AT_ONCE)
            ]
        )
        mean, deviation = self.log_seconds
        seconds_N = np.asarray(videos["duration_seconds"], dtype=np.float64)
        length_N = np.where(seconds_N > 0, (np.log1p(np.maximum(seconds_N, 0.0)) - mean) / deviation, 0.0)
        numbers_NF = np.concatenate([text_NK, videos["genres"], np.clip(length_N, -4, 4)[:, None]], axis=1)
        return ContentFeatures(
            numbers_NF=np.ascontiguousarray(numbers_NF, dtype=np.float32),
            creator_N=self.creators.codes(videos["creator_id"]),
            language_N=self.languages.codes(videos["video_language"]),
        )

    def similarity_vectors(self, videos: Columns) -> Array:
        """(N, K + GENRE_SLOTS + CREATOR_SLOTS) float32 of unit length, whose cosine is the similarity of two videos'
        words, genres and creators: a third each where all are known. Nothing here depends on who watched what."""
        text_NK = self.encode(videos).numbers_NF[:, : self.component_TK.shape[1]]
        creator_NC = np.zeros((len(text_NK), CREATOR_SLOTS), dtype=np.float32)
        for at, creator in enumerate(videos["creator_id"]):
            if creator:  # a random direction for each creator: two different ones are nearly orthogonal
                seed = int.from_bytes(blake2b(str(creator).encode(), digest_size=8).digest(), "big")
                creator_NC[at] = np.random.default_rng(seed).normal(size=CREATOR_SLOTS)
        parts = (text_NK, np.asarray(videos["genres"], dtype=np.float32), creator_NC)
        return _unit(np.concatenate([_unit(part) for part in parts], axis=1))

    def save(self, directory: Path) -> None:
        save_file({"idf": self.idf_T, "component": self.component_TK}, directory / "content.safetensors")
        names = {
            "terms": self.terms,
            "creators": self.creators.values,
            "languages": self.languages.values,
            "log_seconds": self.log_seconds,
        }
        (directory / "content.json").write_text(json.dumps(names) + "\n")

    @classmethod
    def load(cls, directory: Path) -> ContentEncoding:
        tensors = load_file(directory / "content.safetensors")
        names = json.loads((directory / "content.json").read_text())
        return cls(
            terms=tuple(names["terms"]),
            idf_T=tensors["idf"],
            component_TK=tensors["component"],
            creators=Vocabulary(tuple(names["creators"])),
            languages=Vocabulary(tuple(names["languages"])),
            log_seconds=(names["log_seconds"][0], names["log_seconds"][1]),
        )


def _unit(rows_NF: Array) -> Array:
    norm_N1 = np.linalg.norm(rows_NF, axis=1, keepdims=True)
    unit_NF: Array = (rows_NF / np.maximum(norm_N1, 1e-9)).astype(np.float32)
    return unit_NF


def _sample(videos: int, seed: int) -> Array:
    """Rows of the videos that the words are learned from: all of them in a catalog that is not large."""
    if videos <= FITTED_ON:
        return np.arange(videos)
    return np.sort(np.random.default_rng(seed).choice(videos, FITTED_ON, replace=False))


def _text(videos: Columns, row: int) -> str:
    tags = videos["tags"][row]
    return " ".join([videos["title"][row] or "", videos["description"][row] or "", *(tags if tags is not None else ())])


def _words(videos: Columns, row: int) -> list[str]:
    return WORD.findall(_text(videos, row).lower())


def _texts(videos: Columns, at_once: int) -> Iterator[list[str]]:
    """The texts of all videos, some at a time; an empty list of none."""
    count = len(videos["title"])
    for start in range(0, max(count, 1), at_once):
        yield [_text(videos, row).lower() for row in range(start, min(start + at_once, count))]


def _tf_idf(texts: Sequence[str], terms: Sequence[str], idf_T: Array) -> sparse.csr_matrix:
    """(N, T) rows of unit length; a text without known terms is zero."""
    place = {term: at for at, term in enumerate(terms)}
    words = [WORD.findall(text) for text in texts]
    document = np.repeat(np.arange(len(texts)), [len(of_one) for of_one in words])
    term = np.fromiter((place.get(word, -1) for of_one in words for word in of_one), np.int64, len(document))
    known = term >= 0
    pairs = document[known] * max(len(terms), 1) + term[known]
    pair, first, count = np.unique(pairs, return_index=True, return_counts=True)
    order = np.argsort(first)  # in the order in which a text has its terms
    columns = pair[order] % max(len(terms), 1)
    values = (1.0 + np.log(count[order])).astype(np.float32)
    starts = np.searchsorted(pair, np.arange(len(texts) + 1) * max(len(terms), 1))
    weights_NT = sparse.csr_matrix((values * idf_T[columns], columns, starts), shape=(len(texts), len(terms)))
    norm_N = np.sqrt(np.asarray(weights_NT.multiply(weights_NT).sum(axis=1)).ravel())
    return sparse.diags(1.0 / np.maximum(norm_N, 1e-9)).astype(np.float32) @ weights_NT


def _components(weights_NT: sparse.csr_matrix, dimensions: int, seed: int) -> Array:
    k = min(dimensions, min(weights_NT.shape) - 1)
    if k < 1:
        return np.zeros((weights_NT.shape[1], 0), dtype=np.float32)
    start = np.random.default_rng(seed).normal(size=min(weights_NT.shape))
    _, strength_K, right_KT = svds(weights_NT.astype(np.float64), k=k, v0=start)
    kept = strength_K > 1e-6
    component_TK = right_KT[kept].T * (np.sqrt(weights_NT.shape[0]) / strength_K[kept])
    # Without damping, the last dimensions, mostly noise, would weigh as much as the first.
    damped = component_TK * np.sqrt(strength_K[kept] / strength_K.max())
    return np.ascontiguousarray(damped, dtype=np.float32)


def _known(seconds: Array) -> Array:
    values = np.asarray(seconds, dtype=np.float64)
    return values[values > 0]


def _repeated(column: Iterable[str]) -> Vocabulary:
    counts = Counter(value for value in column if value)
    return Vocabulary(tuple(sorted(value for value, count in counts.items() if count >= 2)))
