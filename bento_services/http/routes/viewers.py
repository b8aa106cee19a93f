"""Viewers: whom to look at the page as, and what is known of one."""

from __future__ import annotations

from fastapi import Request

from bento_services.admission.endpoints import CONSENT, VIEWERS
from bento_services.admission.limits import identifier
from bento_services.admission.problem import malformed
from bento_services.http.bodies import Answer, sent_json
from bento_services.http.endpoints import Endpoints
from bento_services.http.parameters import Limit, ViewerId, engine_of
from bento_services.http.schemas.viewers import ConsentIn
from bento_services.people.verbs import Consent, Erasure, Export
from bento_services.verbs.viewers import Viewer, Viewers, known_of, some_viewers

people = Endpoints("viewers", slash_encoded=True)


@people.get("/api/v1/viewers", VIEWERS, errors=(422,))
async def viewers(request: Request, limit: Limit = 20) -> Answer[Viewers]:
    """Some viewers to look at the page as, the world's example first."""
    return Answer(await some_viewers(engine_of(request), limit))


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
    return Answer(await known_of(engine_of(request), user_id))
