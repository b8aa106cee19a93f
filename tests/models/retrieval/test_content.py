"""Content says of two videos what their text, creator, genres and length say."""

import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from feature_repo.schema import GENRE_SLOTS
from models.retrieval import content
from models.retrieval.content import ContentEncoding

SEA = ["ship", "captain", "storm", "harbour", "sailor", "island"]
COURT = ["judge", "lawyer", "trial", "verdict", "witness", "jury"]


def catalog(n: int = 40) -> dict[str, np.ndarray]:
    """Even videos are about the sea, odd ones about a court; each shows some of its words."""
    rng = np.random.default_rng(5)
    words = [SEA if row % 2 == 0 else COURT for row in range(n)]
    genres = np.zeros((n, GENRE_SLOTS), dtype=np.float32)
    genres[np.arange(n), np.arange(n) % 2] = 1.0
    tags = np.empty(n, dtype=object)
    tags[:] = [list(rng.choice(of, 1)) for of in words]
    return {
        "title": np.array([" ".join(rng.choice(of, 2, replace=False)).title() for of in words], dtype=object),
        "description": np.array([" ".join(rng.choice(of, 3, replace=False)) for of in words], dtype=object),
        "tags": tags,
        "genres": genres,
        "creator_id": np.array([f"c{row % 4}" for row in range(n)], dtype=object),
        "video_language": np.array(["en"] * (n - 1) + ["xx"], dtype=object),
        "duration_seconds": np.array([0.0] + [600.0] * (n - 1)),
    }


def text(encoding: ContentEncoding, videos: dict[str, np.ndarray]) -> np.ndarray:
    return encoding.encode(videos).numbers_NF[:, : encoding.component_TK.shape[1]]


def test_a_new_video_is_nearest_to_those_that_tell_of_the_same() -> None:
    videos = catalog()
    encoding = ContentEncoding.fit(videos, text_dimensions=8)
    fresh = {name: column[:1].copy() for name, column in videos.items()}
    fresh["title"][0], fresh["description"][0], fresh["tags"][0] = "Never seen: the TRIAL", "a jury and its verdict", []
    similarity = text(encoding, videos) @ text(encoding, fresh)[0]
    assert similarity[1::2].mean() > 3 * abs(similarity[::2].mean())


def test_unknown_words_creators_lengths_and_absent_tags_are_zero_not_an_error() -> None:
    encoding = ContentEncoding.fit(catalog(), text_dimensions=8)
    one = {name: column[:1].copy() for name, column in catalog().items()}
    one["title"][0], one["description"][0], one["tags"][0] = "Zzz", "", None
    one["creator_id"][0], one["video_language"][0] = "somebody new", ""
    features = encoding.encode(one)
    assert not features.numbers_NF[0, :8].any()
    assert (features.creator_N[0], features.language_N[0], features.numbers_NF[0, -1]) == (0, 0, 0.0)


def test_a_value_seen_once_is_not_learned() -> None:
    encoding = ContentEncoding.fit(catalog())
    assert encoding.languages.values == ("en",)
    assert encoding.creators.values == ("c0", "c1", "c2", "c3")


def test_a_video_is_encoded_the_same_alone_and_in_a_loaded_encoding(tmp_path: Path) -> None:
    videos = catalog()
    encoding = ContentEncoding.fit(videos, text_dimensions=8)
    encoding.save(tmp_path)
    whole = encoding.encode(videos)
    alone = ContentEncoding.load(tmp_path).encode({name: column[7:8] for name, column in videos.items()})
    np.testing.assert_allclose(alone.numbers_NF[0], whole.numbers_NF[7], atol=1e-6)
    assert (alone.creator_N[0], alone.language_N[0]) == (whole.creator_N[7], whole.language_N[7])


def test_the_same_catalog_gives_the_same_encoding() -> None:
    one, two = (ContentEncoding.fit(catalog(), text_dimensions=8) for _ in range(2))
    np.testing.assert_array_equal(one.component_TK, two.component_TK)


def test_a_catalog_without_text_has_no_text_dimensions() -> None:
    videos = catalog(6)
    for name in ("title", "description"):
        videos[name] = np.array([""] * 6, dtype=object)
    videos["tags"][:] = [[]] * 6
    encoding = ContentEncoding.fit(videos)
    assert encoding.encode(videos).numbers_NF.shape == (6, GENRE_SLOTS + 1)


@pytest.mark.parametrize("at_once", [1, 7, 100])
def test_words_are_runs_of_two_letters_or_digits_in_any_script(at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Against the words that Python's expression finds, counted by hand."""
    monkeypatch.setattr(content, "TEXTS_AT_ONCE", at_once)
    videos = catalog()
    videos["title"][:4] = ["Été STRASSE straße", "o'clock 4k x 日本語映画", "ship-ship_1 ship!", ""]
    encoding = ContentEncoding.fit(videos, text_dimensions=8)
    terms = ("ship", "日本語映画", "straße", "4k", "clock", "été", "storm", "ship_1", "jury")
    encoding = replace(
        encoding,
        terms=terms,
        idf_T=np.arange(1, 10, dtype=np.float32),
        component_TK=np.eye(9, dtype=np.float32),
    )
    expected = np.zeros((len(videos["title"]), 9))
    for row in range(len(expected)):
        text_of = " ".join([videos["title"][row], videos["description"][row], *videos["tags"][row]]).lower()
        for word, count in Counter(re.findall(r"\w\w+", text_of)).items():
            if word in terms:
                expected[row, terms.index(word)] = (1 + np.log(count)) * (terms.index(word) + 1)
    expected /= np.maximum(np.linalg.norm(expected, axis=1, keepdims=True), 1e-9)
    assert (expected > 0).any(axis=0).all()
    np.testing.assert_allclose(text(encoding, videos), expected, rtol=1e-5)


def test_a_large_catalog_is_learned_from_a_sample_of_it_but_all_creators(monkeypatch: pytest.MonkeyPatch) -> None:
    videos = catalog()
    monkeypatch.setattr(content, "FITTED_ON", 10)
    sampled = ContentEncoding.fit(videos, text_dimensions=4)
    again = ContentEncoding.fit(videos, text_dimensions=4)
    np.testing.assert_array_equal(sampled.component_TK, again.component_TK)
    monkeypatch.setattr(content, "FITTED_ON", 40)
    whole = ContentEncoding.fit(videos, text_dimensions=4)
    assert sampled.idf_T.max() <= np.log(10 / 2) + 1e-6  # two of ten videos have the rarest word
    assert sampled.terms != whole.terms
    assert sampled.creators.values == whole.creators.values
