"""What a protocol fits, by which settings, and how it remembers them."""

from dataclasses import replace

import numpy as np
import pytest
from worlds.ring import write_ring

from feature_repo.core.home import Home
from feature_repo.core.progress import SILENT
from training.data.read_questions import questions_of
from training.judge.protocols.bench import Bench, content_vectors, pairs
from training.judge.protocols.retrieval_config import RetrievalProtocol

PROTOCOL = RetrievalProtocol(
    split="leave_last",
    name="p",
    reference="popularity",
    seeds=(3, 4),
    models={"plain": {"content": False}},
    baselines={"popularity": [{}], "item_knn": [{"k": 2}, {"k": 5}], "ials": [{"factors": 2}]},
)


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    home = Home(tmp_path_factory.mktemp("ring"))
    write_ring(home)
    return Bench(home, PROTOCOL, questions_of(home, PROTOCOL))


def test_what_has_no_chance_in_it_is_run_once(bench: Bench) -> None:
    assert [bench.certain(model) for model in ("popularity", "item_knn", "ials", "plain")] == [True, True, False, False]


def test_a_model_is_not_refitted_on_what_chooses_unless_the_protocol_says_so(bench: Bench) -> None:
    config = bench.config("plain", 7)
    assert (config.refit_epochs, config.content, config.seed, config.split) == (0, False, 7, "leave_last")
    refitted = Bench(bench.home, replace(PROTOCOL, two_tower={"refit_epochs": 2}), bench.split)
    assert refitted.config("plain", 7).refit_epochs == 2


def test_a_finished_run_is_found_again_and_other_settings_are_another_run(bench: Bench) -> None:
    first, again = bench.run("item_knn", None, SILENT), bench.run("item_knn", None, SILENT)
    assert (first.figures, first.cpu_seconds) == (again.figures, again.cpu_seconds)
    assert first.settings["chosen"] in ({"k": 2}, {"k": 5})
    other = Bench(bench.home, replace(PROTOCOL, baselines={**PROTOCOL.baselines, "item_knn": [{"k": 3}]}), bench.split)
    assert other.store("item_knn").get("item_knn", None) is None


def test_watches_are_pairs_and_every_video_of_the_catalog_has_content(bench: Bench) -> None:
    watched = bench.split.known
    assert pairs(watched)[0] == (watched.video_ids[0], watched.timestamps_us[0])
    vectors = content_vectors(bench.home, bench.split.catalog, bench.split.train_until_us)
    assert len(vectors) == len(bench.split.catalog)
    assert np.isfinite(vectors).all()
