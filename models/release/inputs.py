"""The columns that the champion's ranker reads, without loading the model."""

from __future__ import annotations

from typing import Any

from feature_repo.compute.past import PAST_COLUMNS
from feature_repo.core.files import read_json
from feature_repo.core.home import Home
from feature_repo.registry import ModelInputs
from models.release.manifest import ArtifactError, Manifest
from models.release.store import CHAMPION, pointed_at


def champion_inputs(home: Home) -> ModelInputs | None:
    """None before the first promotion, and of a first release, which has no ranker."""
    release = pointed_at(home, CHAMPION)
    if release is None or not Manifest.read(release).is_trained:
        return None

    def of(fields: Any) -> ModelInputs:
        past = PAST_COLUMNS if fields["videos"] else ()
        return ModelInputs(release.name, (*fields["numbers"], *fields["categories"], *past))

    fix = "run `marquee promote`, or write the id of another release into releases/champion"
    file = release / "ranker" / "encoding.json"
    if not file.exists():
        raise ArtifactError(f"{file}: expected the champion's columns, found nothing; {fix}")
    return read_json(file, of, "the champion's columns", fix, ArtifactError)
