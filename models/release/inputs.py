"""The columns that the promoted ranker reads, found without loading the model."""

from __future__ import annotations

import json

from feature_repo.compute.past import PAST_COLUMNS
from feature_repo.core.home import Home
from feature_repo.registry import ModelInputs
from models.release.store import CHAMPION, pointed_at


def champion_inputs(home: Home) -> ModelInputs | None:
    """None before the first promotion."""
    release = pointed_at(home, CHAMPION)
    if release is None:
        return None
    fields = json.loads((release / "ranker" / "encoding.json").read_text())
    past = PAST_COLUMNS if fields["videos"] else ()
    return ModelInputs(release.name, (*fields["numbers"], *fields["categories"], *past))
