"""The catalog of a simulated world: series, genres, and words of its own."""

from __future__ import annotations

import numpy as np
import pandas as pd

from feature_repo.ingest.simulator.catalog import make_catalog, visible_in
from feature_repo.ingest.simulator.config import COUNTRIES, SimulatorConfig
from feature_repo.lake.tables import DAY_US


def test_titles_are_the_videos_own(videos: pd.DataFrame) -> None:
    assert videos.title.is_unique
    assert videos.description.map(len).min() > 20
    assert videos.tags.map(lambda tags: len(tags) == len(set(tags)) >= 2).all()


def test_the_next_episode_is_of_the_same_series_creator_and_topic() -> None:
    config = SimulatorConfig(users=10, videos=200, days=5)
    catalog = make_catalog(config, np.random.default_rng(1), 100 * DAY_US, 105 * DAY_US)
    before = np.flatnonzero(catalog.following >= 0)
    after = catalog.following[before]
    assert len(before) > 20
    for column in (catalog.series, catalog.creator, catalog.topic):
        assert (column[before] == column[after]).all()
    assert (catalog.episode[after] == catalog.episode[before] + 1).all()
    assert np.allclose(catalog.genre_VG.sum(axis=1), 1.0)


def test_a_video_held_to_some_countries_is_visible_in_these_alone() -> None:
    config = SimulatorConfig(users=10, videos=200, days=5)
    catalog = make_catalog(config, np.random.default_rng(1), 100 * DAY_US, 105 * DAY_US)
    visible_CV = visible_in(catalog)
    for video, countries in enumerate(catalog.countries):
        seen = [country for country, shown in zip(COUNTRIES, visible_CV[:, video], strict=True) if shown]
        assert seen == [country for country in COUNTRIES if not countries or country in countries]
