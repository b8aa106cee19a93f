"""The protocols of retrieval that we have."""

import pytest

from feature_repo.core.errors import HomeError
from training.judge.protocols.reading import CONFIGS, read_protocol
from training.judge.protocols.retrieval_config import RetrievalProtocol


def test_every_protocol_of_retrieval_can_be_read() -> None:
    for file in CONFIGS.glob("*.toml"):
        if read_protocol(file.stem)["kind"] == "retrieval":
            assert RetrievalProtocol.load(file.stem).name == file.stem
            assert len(RetrievalProtocol.load(file.stem).seeds) >= 3


def test_a_release_is_judged_by_the_split_that_it_was_trained_under_and_over_the_whole_catalog() -> None:
    assert RetrievalProtocol.for_split("leave_last").name == "a1"
    assert RetrievalProtocol.for_split("time").name == "time"
    assert {RetrievalProtocol.for_split(split).min_count for split in ("time", "leave_last")} == {1}


def test_a_reference_that_nobody_is_names_those_that_there_are() -> None:
    said = {"name": "p", "kind": "retrieval", "baselines": {"popularity": [{}]}, "reference": "nobody"}
    with pytest.raises(HomeError, match=r"protocol p: expected .* a reference among popularity; found 'nobody'"):
        RetrievalProtocol.of(said)
