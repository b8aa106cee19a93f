"""The one module that uses Evidently: runs a report, saves its page, returns its numbers.

Nothing leaves the machine: the pages embed their scripts, and DO_NOT_TRACK is set before a report runs.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from feature_repo.core.settings import preset

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # importing Evidently warns of what numpy and litestar deprecate; not ours to fix
    from evidently import DataDefinition, Dataset, Recsys, Report
    from evidently.core.report import ReferenceMetricNotFound
    from evidently.legacy.metrics.data_drift import embeddings_drift
    from evidently.metrics import (
        NDCG,
        Diversity,
        EmbeddingsDrift,
        HitRate,
        Novelty,
        Personalization,
        PopularityBiasMetric,
        ValueDrift,
    )
    from evidently.metrics.embeddings import ModelDriftMethod
    from evidently.tests import lt

__all__ = [
    "NDCG",
    "DataDefinition",
    "Diversity",
    "EmbeddingsDrift",
    "HitRate",
    "ModelDriftMethod",
    "Novelty",
    "Personalization",
    "PopularityBiasMetric",
    "Recsys",
    "ValueDrift",
    "lt",
    "snapshot",
]

embeddings_drift.SAMPLE_CONSTANT = 250  # rows of its t-SNE picture: the default of 2,500 takes 20 s and shows no more


def snapshot(
    metrics: Sequence[Any],
    definition: Any,
    current: pd.DataFrame,
    reference: pd.DataFrame | None = None,
    train: pd.DataFrame | None = None,
    path: Path | None = None,
) -> list[Mapping[str, Any]]:
    """Evidently's `{"config": …, "value": …}` for each metric of `current`; writes the page to `path`.

    A metric that is also computed on `reference` has that value as "reference".
    """
    preset(DO_NOT_TRACK="1")

    def dataset(frame: pd.DataFrame | None) -> Any:
        return None if frame is None else Dataset.from_pandas(frame, data_definition=definition)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # divisions by the spread of a constant column, and pandas' deprecations
        additional = {} if train is None else {"current_train_data": dataset(train)}
        run = Report(list(metrics), include_tests=True).run(
            dataset(current), dataset(reference), additional_data=additional
        )
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            run.save_html(str(path))
        return [{**metric, **_of_reference(run, metric["id"])} for metric in run.dict()["metrics"]]


def _of_reference(run: Any, metric_id: str) -> dict[str, Any]:
    try:
        return {"reference": run.context.get_reference_metric_result(metric_id).to_dict()["value"]}
    except ReferenceMetricNotFound:
        return {}
