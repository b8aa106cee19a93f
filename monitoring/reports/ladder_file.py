"""ladder.json of a release: what `marquee ladder` measured, beside the files that its manifest lists."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from feature_repo.core.files import read_json
from feature_repo.core.home import Home


def ladder_of(home: Home, release_id: str) -> Path:
    return home.releases / release_id / "ladder.json"


def read_ladder(file: Path) -> Mapping[str, Any] | None:
    """None if the rungs of this release were not measured. Raises FileError for a file of something else."""
    if not file.exists():
        return None

    def of(content: Any) -> Mapping[str, Any]:
        rungs = [{**row, "rung": str(row["rung"])} for row in content["rungs"]]
        return {**content, "viewers": int(content["viewers"]), "as_of": str(content["as_of"]), "rungs": rungs}

    return read_json(file, of, "the figures of the rungs", "run `marquee ladder` again")
