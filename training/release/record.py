"""Records releases in MLflow, after the fact and never blocking it.

A release that could not be recorded serves nevertheless; the next promotion or rollback records the pointers again.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from feature_repo.core.home import Home
from models.release.manifest import ArtifactError, Manifest
from models.release.store import CHAMPION, PREVIOUS, pointers
from training.record.tracking import CHALLENGER, Tracking, try_tracking
from training.release.gates import flat


def in_mlflow(home: Home, candidate: Path | None = None) -> dict[str, Any]:
    """Register the releases that the pointers name, and the candidate; set the aliases.

    `mlflow_version` is the candidate's, else the champion's; `mlflow_problem` says why it was not recorded, else "".
    """
    pointed = pointers(home)
    name = candidate.name if candidate is not None else pointed[CHAMPION]

    def tell(tracking: Tracking) -> str | None:
        in_order = filter(None, dict.fromkeys((pointed[PREVIOUS], pointed[CHAMPION], name)))
        versions = {one: _register(home, tracking, one) for one in in_order}
        challenger = name if name not in pointed.values() else None
        tracking.point({CHAMPION: pointed[CHAMPION], PREVIOUS: pointed[PREVIOUS], CHALLENGER: challenger})
        return versions.get(name or "")

    version, problem = try_tracking(home, tell)
    return {"mlflow_version": version, "mlflow_problem": problem}


def _register(home: Home, tracking: Tracking, release_id: str) -> str | None:
    path = home.releases / release_id
    try:
        manifest = Manifest.read(path)
    except ArtifactError:
        return None
    return tracking.register_release(release_id, path, flat(manifest.metrics), manifest.mlflow)
