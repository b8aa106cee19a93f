"""Viewers: whom to look at the page as, and what is known of one."""

from __future__ import annotations

from fastapi import Request

from bento_services.admission.endpoints import CONSENT, VIEWERS
from bento_services.admission.limits import identifier
from bento_services.admission.problem import Problem, malformed
from bento_services.engine import Engine
from bento_services.http.bodies import Answer, sent_json
from bento_services.http.endpoints import Endpoints
from bento_services.http.parameters import Limit, ViewerId, engine_of
from bento_services.http.schemas.viewers import ConsentIn, Viewer, Viewers, Watched
from bento_services.people.verbs import Consent, Erasure, Export
from feature_repo.store.snapshot import UserFeatures

HISTORY_LENGTH = 20
GENRES = 5

people = Endpoints("viewers", slash_encoded=True)


@people.get("/api/v1/viewers", VIEWERS, errors=(422,))
async def viewers(request: Request, limit: Limit = 20) -> Answer[Viewers]:
    """Some viewers to look at the page as, the world's example first."""
    engine = engine_of(request)
    example = engine.world.example_user
    try:
        others = await engine.viewers(limit)
    except Problem:
        others = []
    chosen = list(dict.fromkeys([*([example] if example else []), *sorted(others)]))[:limit]
    return Answer(Viewers(chosen, example))


@people.get("/api/v1/viewers/{user_id:path}/export", VIEWERS, errors=(404, 409, 422))
async def export(request: Request, user_id: ViewerId) -> Answer[Export]:
    """Everything that is known of one viewer, by the part that holds it."""
    return Answer(await engine_of(request).people.export(user_id))


@people.put("/api/v1/viewers/{user_id:path}/consent", CONSENT, takes=(ConsentIn,), errors=(404, 409))
async def consent(request: Request, user_id: ViewerId) -> Answer[Consent]:
    """Whether a viewer wants personal pages. Who does not gets the pages of everybody in the same country and at the
    same time of day, is erased, and leaves nothing behind from then on; who agrees again starts from nothing."""
    sent = await sent_json(request)
    wanted = sent.get("personal_pages") if isinstance(sent, dict) and len(sent) == 1 else None
    if not isinstance(wanted, bool):
        raise malformed('expected {"personal_pages": true} or {"personal_pages": false}', field="personal_pages")
    viewer_id = identifier(user_id, "user_id", required=True)
    request.state.caller.acts_for(viewer_id)
    return Answer(await engine_of(request).people.consent(viewer_id, wanted))


@people.bare("DELETE", "/api/v1/viewers/{user_id:path}", VIEWERS, errors=(404, 409, 422))
async def erase(request: Request, user_id: ViewerId) -> Answer[Erasure]:
    """Erase a viewer everywhere. The receipt says what each part has removed; nobody who was never seen is an error.
    Where that takes long, `ended` is empty, and the same request again says what is left."""
    return Answer(await engine_of(request).people.erase(user_id))


@people.get("/api/v1/viewers/{user_id:path}", VIEWERS, errors=(404, 422))
async def viewer(request: Request, user_id: ViewerId) -> Answer[Viewer]:
    """What is known of one viewer. Somebody never seen is known of as nobody."""
    engine = engine_of(request)
    return Answer(_described(engine, await engine.viewer(identifier(user_id, "user_id", required=True))))


def _described(engine: Engine, found: UserFeatures) -> Viewer:
    snapshot = engine.reader.snapshot()
    titles = snapshot.columns["title"]
    values = found.values
    history = zip(reversed(values["history_video_ids"]), reversed(values["history_watch_fractions"]), strict=False)
    genres = sorted(zip(values["genre_affinity"], engine.world.genres, strict=False), reverse=True)
    return Viewer(
        user_id=found.user_id,
        known=found.known,
        country=values["country"],
        age_group=values["age_group"],
        watch_count=values["user_watch_count"],
        like_count=values["user_like_count"],
        history=[
            Watched(video_id, titles[snapshot.row_of[video_id]], fraction)
            for video_id, fraction in history
            if video_id in snapshot.row_of and not snapshot.taken_down[snapshot.row_of[video_id]]
        ][:HISTORY_LENGTH],
        genres=[{"name": name, "weight": weight} for weight, name in genres[:GENRES] if weight > 0],
    )
