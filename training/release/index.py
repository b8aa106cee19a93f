"""The index of a release: built over every video of the lake, and measured against an exact search."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import pyarrow as pa

from feature_repo.core.home import Home
from feature_repo.core.settings import read
from feature_repo.lake.cut import cut_of
from models.retrieval.artifact import RetrievalModel
from models.retrieval.index import VideoIndex
from models.retrieval.index_config import RETRIEVAL
from models.retrieval.index_facts import NEIGHBOURS, Exact, IndexFacts
from training.data.splits import SplitRule, split_of
from training.data.video_vectors import vectors_of_table
from training.data.viewer_context import ViewerContexts, user_vectors

Array = np.ndarray[Any, Any]

QUERIES = 100
KEPT = 0.1  # of the videos, by the filter that a second measurement searches under


def built_index(home: Home, retrieval: RetrievalModel, rule: str, videos: pa.Table) -> tuple[VideoIndex, IndexFacts]:
    """By the home's settings. It is measured on viewers of the test window, as of then, and looks into as many lists as
    it takes: how many that is depends on how the vectors lie."""
    ids, vectors = vectors_of_table(videos, home.world(), retrieval)
    config = read(RETRIEVAL, home.root)
    index = VideoIndex.build(ids, vectors, config)
    asked = split_of(cut_of(home), cast(SplitRule, rule)).test.draw(QUERIES)
    recall = filtered = None
    if len(asked):
        queries = user_vectors(retrieval, ViewerContexts.of(home, retrieval.config.asker), asked)
        kept = np.random.default_rng(0).random(len(ids)) < KEPT
        kept[0] = True
        every, some = (Exact.of(vectors, queries, NEIGHBOURS, allowed) for allowed in (None, kept))
        recall, filtered = every.recall(index), some.recall(index)
        while min(recall, filtered) < config.recall and 0 < index.probes < index.lists:
            index = index.with_probes(2 * index.probes)
            recall, filtered = every.recall(index), some.recall(index)
    return index, IndexFacts(index.kind, len(ids), index.lists, NEIGHBOURS, len(asked), recall, filtered, index.probes)
