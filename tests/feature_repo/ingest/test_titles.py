"""Words of the simulated catalog: titles are unique, and tell topic, series and episode."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from feature_repo.ingest.titles import GENRES, TOPICS, describe_catalog


def described(topic: list[int], series: list[int], episode: list[int], creator: list[int]) -> dict[str, Sequence[Any]]:
    genre, rng = np.zeros(len(topic), dtype=np.int64), np.random.default_rng(0)
    return describe_catalog(np.array(topic), genre, np.array(creator), np.array(series), np.array(episode), rng)


def test_a_title_is_never_given_twice() -> None:
    words = described([3] * 500, [-1] * 500, [0] * 500, [0] * 500)
    assert len(set(words["title"])) == 500


def test_the_topic_is_a_tag_of_its_video() -> None:
    words = described(list(range(TOPICS)), [-1] * TOPICS, [0] * TOPICS, [0] * TOPICS)
    assert words["tags"][0][0] == "harbor"  # the first thing of the first genre
    assert GENRES[0] == "Drama"
    assert words["description"][0][0].isupper()


def test_episodes_share_the_title_of_their_series() -> None:
    first, second = described([0, 0], [7, 7], [1, 2], [0, 0])["title"]
    series = first.partition(", Episode 1: ")[0]
    assert second.startswith(f"{series}, Episode 2: ")


def test_channels_beyond_all_names_are_numbered() -> None:
    names = described([0, 0, 0], [-1] * 3, [0] * 3, [0, 60, 120])["creator_name"]
    assert names == ["Lantern Studio", "Lantern Studio 2", "Lantern Studio 3"]
