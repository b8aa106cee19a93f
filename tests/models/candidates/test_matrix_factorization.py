"""A folded-in viewer solves the equations of the paper, and no others."""

from pathlib import Path

import numpy as np
import pytest

from models.candidates.matrix_factorization import MatrixFactorization
from training.fit.source_models import FactorsConfig, fit_factors

# Two worlds that never meet, as a checkerboard: even viewers watch a c e, odd ones b d f.
CHECKERBOARD = [list("ace") if viewer % 2 == 0 else list("bdf") for viewer in range(20)]


@pytest.fixture(scope="module")
def board() -> MatrixFactorization:
    return fit_factors(CHECKERBOARD, FactorsConfig(factors=2, regularization=0.1))


def test_by_hand_one_factor_and_one_watch() -> None:
    model = MatrixFactorization.of(
        ["a", "b"], np.array([[1.0], [2.0]]), confidence=3.0, regularization=1.0, half_life=0.0
    )
    # Y'Y = 5, regularization 1, the watched b once more with confidence 3: x = (1 + 3) 2 / (5 + 1 + 3 * 4)
    assert model.user_vectors([["b"]]) == pytest.approx(np.array([[8 / 18]]))


def test_an_older_watch_counts_half_as_much() -> None:
    model = MatrixFactorization.of(
        ["a", "b"], np.array([[1.0], [2.0]]), confidence=4.0, regularization=1.0, half_life=1.0
    )
    # a was watched before b: confidence 2 and 4
    assert model.user_vectors([["a", "b"]]) == pytest.approx(np.array([[(3 * 1 + 5 * 2) / (6 + 2 * 1 + 4 * 4)]]))


def test_what_the_library_says_of_a_viewer_the_fold_in_says_too() -> None:
    from implicit.cpu.als import AlternatingLeastSquares
    from scipy import sparse

    rng = np.random.default_rng(0)
    factors = rng.normal(size=(30, 4)).astype(np.float32)
    watched = np.sort(rng.choice(30, 6, replace=False))
    library = AlternatingLeastSquares(factors=4, regularization=0.5, alpha=1.0, num_threads=1)
    library.item_factors = factors
    row = sparse.csr_matrix((np.full(6, 1.0 + 7.0, dtype=np.float32), (np.zeros(6, int), watched)), shape=(1, 30))
    model = MatrixFactorization.of([f"v{n:02}" for n in range(30)], factors, 7.0, 0.5, 0.0)
    own = model.user_vectors([[f"v{n:02}" for n in watched]])
    np.testing.assert_allclose(own[0], np.ravel(library.recalculate_user(0, row)), rtol=1e-3)


def test_a_viewer_gets_what_his_half_of_the_board_watches(board: MatrixFactorization) -> None:
    ids, _ = board.index.search(board.user_vectors([["a", "c"], ["b", "unknown"]]), 3)
    assert {frozenset(row) for row in ids.tolist()} == {frozenset("ace"), frozenset("bdf")}


def test_of_a_viewer_without_known_watches_it_knows_nothing(board: MatrixFactorization) -> None:
    assert not board.user_vectors([[], ["unknown"]]).any()


def test_a_viewers_vector_does_not_depend_on_who_else_is_asked_about(board: MatrixFactorization) -> None:
    together = board.user_vectors([["a"], ["b", "d"], []])
    np.testing.assert_array_equal(together[1], board.user_vectors([["b", "d"]])[0])


def test_a_loaded_model_is_the_same(board: MatrixFactorization, tmp_path: Path) -> None:
    board.save(tmp_path / "factors")
    loaded = MatrixFactorization.load(tmp_path / "factors")
    np.testing.assert_array_equal(loaded.user_vectors(CHECKERBOARD[:2]), board.user_vectors(CHECKERBOARD[:2]))
    assert loaded.video_ids == board.video_ids
    assert len(loaded.index) == 6


def test_factors_need_a_watch() -> None:
    with pytest.raises(ValueError, match="expected at least one watch"):
        fit_factors([[], []])
