"""Rates of exposures: beyond the surface's mean, leaning on it, and 0 of whom nothing is known."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from feature_repo.compute.rates import NAMES
from feature_repo.core.pseudonym import pseudonym
from models.encoding.rates import Codes, ExposureRates, lengths
from models.encoding.vocabulary import Vocabulary

VOCABULARIES = {
    "user_id": Vocabulary((pseudonym("ann"), pseudonym("bob")), first=0),
    "video_id": Vocabulary(("v1", "v2", "v3"), first=0),
    "creator_id": Vocabulary(("c1", "c2"), first=0),
    "surface": Vocabulary(("feed", "list"), first=0),
}
GENRES = ("Drama", "News")
#            user video creator genre surface length  click long_view
EXPOSURES = [
    (0, 0, 0, 0, 0, 1, 1, 1),
    (0, 1, 1, 1, 0, 1, 1, 0),
    (1, 0, 0, 0, 0, 1, 0, 0),
    (1, 1, 1, 1, 0, 2, 0, 0),  # the feed: half of all are clicked, a quarter watched long
    (0, 0, 0, 0, 1, 1, 0, 0),
    (1, 0, 0, 0, 1, 1, 0, 0),  # the list: none
]


def fitted() -> ExposureRates:
    rows = np.array(EXPOSURES)
    names = ("user_id", "video_id", "creator_id", "genre", "surface", "length")
    codes = Codes({name: rows[:, at].astype(np.int64) for at, name in enumerate(names)})
    return ExposureRates.fit(VOCABULARIES, GENRES, codes, rows[:, 6:].astype(np.float64))


def columns(**given: Any) -> dict[str, Any]:
    asked = {"user_id": "ann", "video_id": "v1", "creator_id": "c1", "surface": "feed"} | given
    return {
        **{name: np.array([value], dtype=object) for name, value in asked.items()},
        "genre:Drama": np.array([1.0], dtype=np.float32),
        "genre:News": np.array([0.0], dtype=np.float32),
        "duration_seconds": np.array([10.0], dtype=np.float32),
    }


def test_a_rate_is_what_exposures_gave_beyond_their_surface_over_their_number_and_a_prior() -> None:
    found = {name: float(value[0]) for name, value in fitted().columns(columns()).items()}
    assert tuple(found) == NAMES
    # ann: +1/2, +1/2 in the feed and 0 in the list; prior 5. v1: +1/2, -1/2, 0, 0; prior 10.
    assert found["rate:user:click"] == pytest.approx(1.0 / (3 + 5))
    assert found["rate:user:long_view"] == pytest.approx((3 / 4 - 1 / 4) / (3 + 5))
    assert found["rate:video:click"] == pytest.approx(0.0)
    assert found["rate:user_surface:click"] == pytest.approx(1.0 / (2 + 3))
    assert found["rate:user_length:shown"] == pytest.approx(np.log1p(3))  # 10 seconds have code 1


def test_of_whom_nothing_is_known_the_rates_are_zero() -> None:
    found = fitted().columns(columns(user_id="eve", video_id="v9", creator_id="c9", surface="attic"))
    assert {name: float(value[0]) for name, value in found.items()} == dict.fromkeys(NAMES, 0.0)
    shown_but_never = fitted().columns(columns(video_id="v3"))
    assert shown_but_never["rate:video:shown"].tolist() == [0.0]


def test_one_value_that_all_rows_see_is_looked_up_as_it_is_in_each_row() -> None:
    each = {name: np.repeat(value, 3) for name, value in columns().items()}
    shared = {**each, "user_id": np.broadcast_to(np.array(["ann"], dtype=object), (3,))}
    for name, value in fitted().columns(each).items():
        np.testing.assert_array_equal(fitted().columns(shared)[name], value, err_msg=name)


def test_rates_of_an_older_revision_name_viewers_by_their_ids(tmp_path: Path) -> None:
    fitted().save(tmp_path)
    saved = json.loads((tmp_path / "rates.json").read_text())
    assert saved["vocabularies"]["user_id"] == [pseudonym("ann"), pseudonym("bob")]
    saved["vocabularies"]["user_id"] = ["ann", "bob"]
    del saved["names_viewers"]
    (tmp_path / "rates.json").write_text(json.dumps(saved))
    older = ExposureRates.load(tmp_path)
    assert older is not None
    for name, value in fitted().columns(columns()).items():
        np.testing.assert_array_equal(older.columns(columns())[name], value, err_msg=name)


def test_rates_read_back_are_the_same(tmp_path: Path) -> None:
    assert ExposureRates.load(tmp_path) is None
    fitted().save(tmp_path)
    again = ExposureRates.load(tmp_path)
    assert again is not None
    for name, value in fitted().columns(columns()).items():
        np.testing.assert_array_equal(again.columns(columns())[name], value, err_msg=name)


def test_a_length_that_is_not_known_has_no_code() -> None:
    assert lengths(np.array([0.0, 5.0, 7.0, 10_000.0])).tolist() == [-1, 0, 1, 10]
