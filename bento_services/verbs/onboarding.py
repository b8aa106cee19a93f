"""What a newcomer picks to begin with: titles and genres, which are events. HTTP and gRPC both end here."""

from __future__ import annotations

from typing import Any

from bento_services.admission.callers import Caller
from bento_services.admission.limits import identifier
from bento_services.admission.problem import Problem, malformed, unprocessable
from bento_services.engine import Engine
from bento_services.events.intake import Receipt
from bento_services.feed import answers
from bento_services.feed.answers import Onboarding
from bento_services.feed.page import Page
from bento_services.feed.subject import known_categories
from bento_services.feed.surfaces.onboarding import ONBOARDING
from feature_repo.schema import PICKED_LENGTH


def onboarding(engine: Engine, page: Page) -> Onboarding:
    """The titles of a page, and the world's genres, those of most videos first."""
    genres = engine.world.genres
    common = [name for name in known_categories(engine.reader.snapshot()) if name in genres]
    return answers.onboarding(page, tuple(dict.fromkeys((*common, *genres))))


async def picked(engine: Engine, sent: Any, *, caller: Caller, user_id: str, session_id: str, key: str) -> Receipt:
    """Durable when this returns. Raises Problem: 400 and 422 for invalid input, 404 for videos and genres that there
    are not, and those of `EventIntake.accept`."""
    if not isinstance(sent, dict):
        raise malformed("expected an object with video_ids or genres")
    viewer_id = caller.stands_for(user_id, session_id)
    if not viewer_id:
        raise malformed("X-User-Id or X-Session-Id: whose picks are these?", field="X-User-Id")
    video_ids, genres = names(sent, "video_ids", PICKED_LENGTH), names(sent, "genres", PICKED_LENGTH)
    if not video_ids and not genres:
        raise unprocessable("expected at least one of video_ids or genres", field="video_ids")
    if unknown := [name for name in genres if name not in engine.world.genres]:
        details = {"genres": unknown, "known": list(engine.world.genres)}
        raise Problem(404, "unknown_genre", f"there are no such genres: {', '.join(unknown)}", details)
    if unknown := [video_id for video_id in video_ids if not engine.knows(video_id)]:
        raise Problem(404, "unknown_video", "no video has this id", {"video_ids": unknown})
    said = {"user_id": viewer_id, "event": "pick", "surface": ONBOARDING}
    events = [{**said, "video_id": video_id} for video_id in video_ids] + [{**said, "genre": name} for name in genres]
    return await engine.accept(events, caller=caller, key=key)


def names(sent: dict[str, Any], field: str, most: int) -> list[str]:
    """A list of ids or words, each once. Raises Problem."""
    if field not in sent:
        return []
    values = sent[field]
    if not isinstance(values, list) or not all(isinstance(one, str) for one in values) or len(values) > most:
        raise unprocessable(f"{field}: expected a list of at most {most} texts", field=field)
    return list(dict.fromkeys(identifier(one, field, required=True) for one in values))
