"""Who is watching, where and when, as codes: by the viewer's own clock, rare values unknown, stable over a restart."""

import datetime
from pathlib import Path

import numpy as np
import pytest

from feature_repo.compute.inputs import context_columns
from models.encoding.viewer_context import VIEWER_CONTEXT, ViewerContextEncoding, viewer_context_columns
from models.encoding.vocabulary import MIN_COUNT

SATURDAY_US = int(datetime.datetime(2025, 6, 7, 18, tzinfo=datetime.UTC).timestamp()) * 1_000_000
PROFILE = {"country": "JP", "user_language": "ja", "age_group": "25-34"}


def columns(offset_minutes: int) -> dict[str, np.ndarray]:
    user = {name: np.array([value], dtype=object) for name, value in PROFILE.items()}
    return viewer_context_columns(user, context_columns([SATURDAY_US], ["tv"], [offset_minutes], ["home"]))


@pytest.mark.parametrize(
    ("offset_minutes", "part"),
    [(0, "weekend 4"), (9 * 60, "weekend 0"), (30 * 60, "workday 0"), (-3 * 60, "weekend 3")],
)
def test_the_part_of_the_day_is_by_the_viewers_own_clock(offset_minutes: int, part: str) -> None:
    found = columns(offset_minutes)
    assert tuple(found) == VIEWER_CONTEXT
    assert found["day_part"].tolist() == [part]


def test_a_value_seen_too_rarely_is_unknown_and_a_saved_encoding_gives_the_same_codes(tmp_path: Path) -> None:
    often = {name: np.repeat(column, MIN_COUNT) for name, column in columns(0).items()}
    rare = {name: np.array(["elsewhere"], dtype=object) for name in VIEWER_CONTEXT}
    both = {name: np.concatenate([often[name], rare[name]]) for name in VIEWER_CONTEXT}
    encoding = ViewerContextEncoding.fit(both)
    assert encoding.cardinalities == (2,) * len(VIEWER_CONTEXT)
    assert encoding.encode(columns(0)).tolist() == [[1] * len(VIEWER_CONTEXT)]
    assert encoding.encode(rare).tolist() == [[0] * len(VIEWER_CONTEXT)]
    encoding.save(tmp_path)
    assert ViewerContextEncoding.load(tmp_path) == encoding
    assert (tmp_path / "askers.json").exists()  # the name that releases have
