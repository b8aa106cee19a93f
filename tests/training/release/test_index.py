"""The index of a release holds every video of the lake, and is measured against an exact search."""

from __future__ import annotations

import numpy as np
import pytest
from worlds.ring import CONFIG, write_ring

from feature_repo.core.home import Home
from feature_repo.lake.tables import Lake
from models.retrieval.artifact import RetrievalModel
from training.data.video_vectors import video_vectors
from training.fit.tower_trainer import Trainer
from training.fit.two_tower_data import training_data
from training.release import index as module
from training.release.index import built_index


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Home, RetrievalModel]:
    home = Home(tmp_path_factory.mktemp("ring"))
    write_ring(home)
    return home, Trainer(home, CONFIG, training_data(home, CONFIG)).export()


def test_the_index_finds_a_video_by_its_own_vector(made: tuple[Home, RetrievalModel]) -> None:
    home, retrieval = made
    ids, vectors = video_vectors(home, retrieval)
    index, facts = built_index(home, retrieval, CONFIG.split, Lake(home).videos())
    assert (len(index), facts.videos, facts.kind, facts.lists) == (len(ids), len(ids), "flat", 0)
    longest = int(np.linalg.norm(vectors, axis=1).argmax())
    found, _ = index.search(vectors[longest : longest + 1] * 100.0, 1)
    assert found[0, 0] == ids[longest]


def test_an_exact_index_has_a_recall_of_one_and_a_coarse_one_less(
    made: tuple[Home, RetrievalModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    home, retrieval = made
    videos = Lake(home).videos()
    monkeypatch.setattr(module, "NEIGHBOURS", 5)
    _, exact = built_index(home, retrieval, CONFIG.split, videos)
    assert exact.queries > 0
    assert (exact.recall, exact.filtered_recall) == (1.0, 1.0)
    (home.root / "marquee.toml").write_text('[retrieval]\nindex = "ivf_sq8"\nprobes = 1\nrecall = 0\n')
    try:
        index, coarse = built_index(home, retrieval, CONFIG.split, videos)
    finally:
        (home.root / "marquee.toml").unlink()
    assert (index.kind, coarse.kind) == ("ivf_sq8", "ivf_sq8")
    assert coarse.lists == index.lists > 1
    assert coarse.recall is not None
    assert coarse.recall < 1.0
    assert (index.probes, coarse.probes) == (1, 1)


def test_an_index_looks_into_more_lists_until_it_finds_enough(
    made: tuple[Home, RetrievalModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    home, retrieval = made
    monkeypatch.setattr(module, "NEIGHBOURS", 5)
    (home.root / "marquee.toml").write_text('[retrieval]\nindex = "ivf_sq8"\nprobes = 1\nrecall = 0.9\n')
    try:
        index, facts = built_index(home, retrieval, CONFIG.split, Lake(home).videos())
    finally:
        (home.root / "marquee.toml").unlink()
    assert facts.recall is not None
    assert facts.filtered_recall is not None
    assert min(facts.recall, facts.filtered_recall) >= 0.9
    assert 1 < facts.probes == index.probes <= index.lists


def test_a_release_has_as_many_shards_as_the_settings_say(made: tuple[Home, RetrievalModel]) -> None:
    home, retrieval = made
    videos = Lake(home).videos()
    whole, _ = built_index(home, retrieval, CONFIG.split, videos)
    (home.root / "marquee.toml").write_text("[retrieval]\nshards = 2\n")
    try:
        index, facts = built_index(home, retrieval, CONFIG.split, videos)
    finally:
        (home.root / "marquee.toml").unlink()
    assert (len(index.shards), len(index), facts.recall) == (2, len(whole), 1.0)
