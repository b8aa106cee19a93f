"""Which videos a caller names to be put in order. HTTP and gRPC both read them here."""

from __future__ import annotations

from typing import Any

from bento_services.admission.problem import malformed, unprocessable
from bento_services.feed.surfaces.rank import MOST
from bento_services.verbs.onboarding import names
from models.catalog import Subject


def ranked_subject(sent: Any) -> Subject:
    """Raises Problem."""
    if not isinstance(sent, dict):
        raise malformed("expected an object with video_ids")
    video_ids = names(sent, "video_ids", MOST)
    if not video_ids:
        raise unprocessable("video_ids: expected at least one id", field="video_ids")
    return Subject(video_ids=tuple(video_ids))
