"""The releases of a home for `marquee releases`: those on disk, and removed ones from the history."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from feature_repo.core.home import Home
from models.release.history import Entry, read_history
from models.release.manifest import ArtifactError, Manifest
from models.release.store import CHAMPION, PREVIOUS, RELEASE_ID, pointers

THERE, REMOVED, DAMAGED = "there", "removed", "damaged"
FIGURES = {
    "ndcg_at_10": ("retrieval", "two_tower", "ndcg_at_10"),
    "recall_at_50": ("retrieval", "two_tower", "recall_at_50"),
    "auc": ("ranking", "ranker", "auc"),
    "gauc": ("ranking", "ranker", "gauc"),
}  # the few that tell releases apart in a list; all of them are in the release


def listing(home: Home) -> dict[str, Any]:
    """`releases`, the newest first, and the pointers.

    Each release has its state (there, removed, damaged), `pointer`, figures, and `history`, oldest first.
    """
    history: dict[str, list[Entry]] = {}
    for entry in read_history(home):
        history.setdefault(entry.release_id, []).append(entry)
    pointed = pointers(home)
    here = {path.name for path in home.releases.glob("r-*") if RELEASE_ID.fullmatch(path.name)}
    rows = [_row(home, name, name in here, history.get(name, []), pointed) for name in here | history.keys()]
    rows.sort(key=lambda row: row["history"][-1]["at"] if row["history"] else row["created"], reverse=True)
    return {"releases": rows, **pointed}


def figures_of(manifest: Manifest) -> dict[str, float]:
    """FIGURES, without those that the evaluation lacks."""
    found = {
        name: manifest.metrics.get(table, {}).get(row, {}).get(figure) for name, (table, row, figure) in FIGURES.items()
    }
    return {name: float(value) for name, value in found.items() if value is not None}


def _row(
    home: Home, release_id: str, here: bool, entries: list[Entry], pointed: dict[str, str | None]
) -> dict[str, Any]:
    state, created, problem = THERE if here else REMOVED, "", ""
    figures = next((dict(entry.figures) for entry in reversed(entries) if entry.figures), {})
    if here:
        try:
            manifest = Manifest.read(home.releases / release_id)
            created, figures = manifest.created, figures_of(manifest)
        except ArtifactError as error:
            state, problem = DAMAGED, str(error)
    return {
        "release_id": release_id,
        "pointer": next((name for name in (CHAMPION, PREVIOUS) if pointed[name] == release_id), ""),
        "state": state,
        "problem": problem,
        "created": created,
        "figures": {name: figures.get(name) for name in FIGURES},
        "history": [asdict(entry) for entry in entries],
    }
