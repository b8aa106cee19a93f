"""Lists of the sources on a ring of videos, behind a two-tower model that nobody trained."""

import numpy as np
import pytest
from worlds.ring import CONFIG, write_ring

from feature_repo.core.home import Home
from models.candidates.fusion import DEPTH
from models.candidates.sources.registry import MEASURED
from training.fit.source_lists import Trained, lists
from training.fit.source_models import FactorsConfig
from training.fit.source_questions import SampleConfig, SourceQuestion, catalog_of, source_questions
from training.fit.tower_trainer import Trainer
from training.fit.two_tower_data import training_data

Asked = tuple[SourceQuestion, Trained]


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Asked:
    home = Home(tmp_path_factory.mktemp("ring"))
    write_ring(home)
    catalog = catalog_of(home)
    train, chooses, _ = source_questions(home, catalog, SampleConfig("leave_last", max_viewers=8))
    retrieval = Trainer(home, CONFIG, training_data(home, CONFIG)).export()
    return chooses, Trained.on(home, catalog, retrieval, train, FactorsConfig(factors=4))


@pytest.mark.parametrize("spec", MEASURED, ids=lambda spec: spec.name)
def test_no_source_brings_a_video_twice_or_one_that_was_watched(asked: Asked, spec: object) -> None:
    question, trained = asked
    order_BK = lists(spec, question, trained)  # type: ignore[arg-type]
    assert order_BK.shape == (8, DEPTH)
    for history, order_K in zip(question.asked.histories, order_BK, strict=True):
        found = order_K[order_K >= 0]
        assert len(set(found.tolist())) == len(found)
        assert not set(question.catalog.video_ids[found].tolist()) & set(history)
        assert (order_K[len(found) :] == -1).all()  # what is not found stands at the end


def test_popular_videos_come_in_the_order_of_their_watches(asked: Asked) -> None:
    question, trained = asked
    popular = next(spec for spec in MEASURED if spec.name == "popular")
    counts = question.counters.columns["video_watch_count_30d"]
    order_K = lists(popular, question, trained)[0]
    assert (np.diff(counts[order_K[order_K >= 0]]) <= 0).all()
