"""What of a trained model does not need a program: the norm and the age of vectors that come from content alone."""

import numpy as np
import pytest

from models.retrieval.artifact import ContentAlone

CONTENT_ND = np.array([[3.0, 4.0], [0.3, 0.4], [0.0, 0.0]])
PUBLISHED_US = np.array([100, 200, 300])


def test_as_it_is_content_keeps_its_length() -> None:
    np.testing.assert_allclose(ContentAlone().of(CONTENT_ND, PUBLISHED_US), CONTENT_ND, rtol=1e-6)


def test_no_vector_is_longer_than_the_loudest_and_its_direction_stays() -> None:
    capped = ContentAlone(loudest=1.0).of(CONTENT_ND, PUBLISHED_US)
    assert np.linalg.norm(capped, axis=1) == pytest.approx([1.0, 0.5, 0.0])
    assert capped[0] == pytest.approx([0.6, 0.8])


def test_what_nobody_watched_since_long_is_scaled_and_what_is_new_is_not() -> None:
    scaled = ContentAlone(scale=0.4, before_us=200).of(CONTENT_ND, PUBLISHED_US)
    assert scaled[0] == pytest.approx([1.2, 1.6])
    assert scaled[1] == pytest.approx([0.3, 0.4])
    assert scaled.dtype == np.float32
