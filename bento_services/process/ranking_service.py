"""The ranker as a separate BentoML service: encoded rows in, probabilities out, one forward pass per call.

In one process the home service calls the model itself; when split (`MARQUEE_SPLIT=1`) it uses the remote model of
remote.py, which calls this service.
"""

from __future__ import annotations

import bentoml
import numpy as np

from bento_services.process.release_cache import ReleaseCache
from bento_services.settings import Settings
from models.encoding.ranker import RankerInputs
from models.ranking.ranker import RankerModel

# BentoML's client between services renews its connection after a number of calls and breaks those under way (its
# issue 5540): never let it.
RUNNER_CONNECTION = {"max_requests": 10**9, "max_age": 1e9}
QUIET = {"access": {"enabled": False}}


@bentoml.service(
    name="marquee_ranking",
    workers=1,
    threads=2,
    runner_connection=RUNNER_CONNECTION,
    metrics={"enabled": False},
    logging=QUIET,
)
class RankingService:
    def __init__(self) -> None:
        self._rankers = ReleaseCache(Settings.from_environment(), lambda path: RankerModel.load(path / "ranker"))

    @bentoml.api  # type: ignore[untyped-decorator]
    def probabilities(
        self,
        release_id: str,
        dense: np.ndarray,
        categorical: np.ndarray,
        video: np.ndarray,
        past: np.ndarray,
        facts: np.ndarray,
    ) -> np.ndarray:
        """`models.encoding.ranker.RankerInputs`, as the release's encoding makes them -> (N, A) float32 in (0, 1)."""
        numbers, facts = dense.astype(np.float32), facts.astype(np.float32)
        categorical, video, past = (codes.astype(np.int64) for codes in (categorical, video, past))
        inputs = RankerInputs(numbers, categorical, video, past, facts)
        return self._rankers.get(release_id).forward(inputs)
