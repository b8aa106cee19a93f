"""What stands beside the two-tower model: chosen on the validation question, then fitted to everything."""

import numpy as np
import pytest
from worlds.ring import CONFIG, VIEWERS, WATCHES, write_ring

from feature_repo.core.home import Home
from models.candidates.fusion import Fusion
from models.candidates.item_cf import ItemNeighbours
from models.candidates.matrix_factorization import MatrixFactorization
from models.candidates.popularity import Popularity
from models.candidates.sources.registry import MEASURED
from models.retrieval.artifact import RetrievalModel
from training.fit.source_models import FactorsConfig
from training.fit.source_questions import SampleConfig, catalog_of, source_questions
from training.fit.sources import choose, mean_recall, train_sources
from training.fit.tower_trainer import Trainer
from training.fit.two_tower_data import training_data

SAMPLE = SampleConfig("leave_last", max_viewers=12)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    home = Home(tmp_path_factory.mktemp("ring"))
    write_ring(home)
    return home


@pytest.fixture(scope="module")
def untrained(home: Home) -> RetrievalModel:
    return Trainer(home, CONFIG, training_data(home, CONFIG)).export()


def test_the_factors_that_find_most_are_chosen(home: Home, untrained: RetrievalModel) -> None:
    catalog = catalog_of(home)
    train, chooses, _ = source_questions(home, catalog, SAMPLE)
    grid = [FactorsConfig(factors=2), FactorsConfig(factors=8)]
    choice = choose(home, catalog, untrained, train, chooses, grid)
    assert [row["factors"] for row in choice.grid] == [2, 8]
    best = max(choice.grid, key=lambda row: row["recall_at_500"])
    assert choice.trained.factors_config.factors == best["factors"]
    assert list(choice.lists) == [spec.name for spec in MEASURED]


def test_everything_is_written_from_all_watches(home: Home, untrained: RetrievalModel) -> None:
    train_sources(home, untrained, SAMPLE)
    assert sum(Popularity.load(home.models / "popularity").counts.values()) == VIEWERS * WATCHES
    assert len(ItemNeighbours.load(home.models / "item_cf").video_ids) == 24
    assert len(MatrixFactorization.load(home.models / "matrix_factorization").video_ids) == 24
    assert len(ItemNeighbours.load(home.models / "content_neighbours").video_ids) == 25
    assert Fusion.load(home.models / "blend").from_watches


def test_mean_recall_is_the_mean_share_found() -> None:
    assert mean_recall(np.array([[1, 2, -1], [3, 4, 5]]), [[1, 9], [5]]) == pytest.approx(0.75)
    assert mean_recall(np.array([[1, 2, -1], [3, 4, 5]]), [[1, 9], [5]], k=1) == pytest.approx(0.25)
