"""A release as it could have been made at a past moment: none of its models has seen what came afterwards.

The models of a release are fitted to everything before it serves, so that a page of it knows the answers to any
question about the past. Here the judged models stand in for the refitted ones, and what is cheap is fitted again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pyarrow as pa

from feature_repo.core.home import Home
from feature_repo.core.progress import SILENT, Progress
from feature_repo.lake.cut import cut_of
from models.candidates.item_cf import ItemNeighbours
from models.candidates.matrix_factorization import MatrixFactorization
from models.candidates.popularity import AreaPopularity, Popularity
from models.release.artifact import Release
from models.retrieval.index import VideoIndex
from training.data.splits import sequences, watches
from training.data.video_vectors import content_columns, vectors_of_table
from training.fit.source_models import FactorsConfig, content_neighbours, countries_of, fit_factors
from training.judge.score import as_of_release, ranker_as_of
from training.release.compose import static_videos


def release_as_of(
    release: Release, then: Home, videos: pa.Table, as_of_us: int, progress: Progress = SILENT
) -> tuple[Release, list[str]]:
    """The release of that moment, and a warning for each model that was trained on later data nevertheless.

    `then` is training.data.frozen.frozen_home of the moment, `videos` are the lake's that were published by then.
    Policy, exposure prices and the fusion, chosen on the window before the test, are the release's own; what it lacks
    stays absent.
    """
    past, learned_later = as_of_release(release, as_of_us)
    lake, world = cut_of(then), then.world()
    watched = watches(lake)
    histories, country_of = sequences(watched).histories(), countries_of(lake)
    user_ids, video_ids, times = (watched[name].to_pylist() for name in ("user_id", "video_id", "timestamp_us"))
    countries = [country_of.get(user_id, "") for user_id in user_ids]
    with progress.task("neighbours, factors and popularity of that moment", total=3) as advance:
        popularity = Popularity.fit(zip(video_ids, times, strict=True), as_of_us)
        area = AreaPopularity.fit(zip(countries, video_ids, times, strict=True), as_of_us)
        advance(1)
        factors = _fitted_again(release.factors, histories) if release.factors is not None else None
        advance(1)
        neighbours = ItemNeighbours.fit(histories)
        ids = videos["video_id"].to_pylist()
        alike = None
        if release.content is not None:
            alike = content_neighbours(ids, content_columns(videos, world), video_ids)
        advance(1)
    return replace(
        past,
        ranker=ranker_as_of(then, past.ranker, as_of_us),
        index=VideoIndex.build(*vectors_of_table(videos, world, past.retrieval)),
        item_cf=neighbours,
        content=alike,
        factors=factors,
        popularity=popularity,
        area=area if release.area is not None else None,
        static_videos=tuple(static_videos(then, popularity)),
    ), learned_later


def _fitted_again(chosen: MatrixFactorization, histories: Sequence[Sequence[str]]) -> MatrixFactorization:
    """With the settings that were chosen, which the model carries."""
    config = FactorsConfig(chosen.factors_VK.shape[1], chosen.regularization, chosen.confidence, chosen.half_life)
    return fit_factors(histories, config)
