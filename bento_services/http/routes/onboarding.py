"""Where a newcomer begins: titles to pick from, and what was picked."""

from __future__ import annotations

from typing import Annotated

from fastapi import Request
from msgspec import Meta, Struct

from bento_services.admission.endpoints import FEEDBACK, PAGES
from bento_services.events.intake import Receipt
from bento_services.feed import answers
from bento_services.feed.answers import Onboarding, Ranked
from bento_services.feed.surfaces.onboarding import ONBOARDING, TITLES
from bento_services.feed.surfaces.rank import MOST, RANK
from bento_services.http.answered import answered
from bento_services.http.bodies import Answer, sent_json
from bento_services.http.endpoints import Endpoints
from bento_services.http.parameters import (
    ASKED_ID_FORMAT,
    Context,
    IdempotencyKey,
    SessionId,
    UserId,
    engine_of,
    query_of,
)
from bento_services.http.schemas.examples import ONBOARDING as EXAMPLE
from bento_services.http.schemas.examples import RANKED
from bento_services.http.schemas.limited import ID_PATTERN
from bento_services.verbs import onboarding as verb
from bento_services.verbs.rank import ranked_subject
from feature_repo.schema import PICKED_LENGTH

_ID = Annotated[str, Meta(extra_json_schema={"pattern": ID_PATTERN, "format": ASKED_ID_FORMAT})]

onboardings = Endpoints("pages")


class TitlesPicked(Struct, frozen=True):
    video_ids: Annotated[list[_ID], Meta(min_length=1, max_length=PICKED_LENGTH)]
    genres: Annotated[list[_ID], Meta(max_length=PICKED_LENGTH)] = []


class GenresPicked(Struct, frozen=True):
    genres: Annotated[list[_ID], Meta(min_length=1, max_length=PICKED_LENGTH)]
    video_ids: Annotated[list[_ID], Meta(max_length=PICKED_LENGTH)] = []


class RankIn(Struct, frozen=True):
    video_ids: Annotated[list[_ID], Meta(min_length=1, max_length=MOST)]


@onboardings.get("/api/v1/onboarding", PAGES, errors=(504,), example=EXAMPLE)
async def onboarding(
    request: Request, user_id: UserId = "", session_id: SessionId = "", context: Context = ""
) -> Answer[Onboarding]:
    """Twenty popular titles, of every category in turn, and the genres, for a newcomer to pick from."""
    query = query_of(request, user_id, session_id, context, TITLES, "", rows=False)
    return Answer(verb.onboarding(engine_of(request), await answered(request, ONBOARDING, query)))


@onboardings.post("/api/v1/onboarding", FEEDBACK, takes=(TitlesPicked, GenresPicked), errors=(404, 409))
async def pick(
    request: Request, user_id: UserId = "", session_id: SessionId = "", idempotency_key: IdempotencyKey = ""
) -> Answer[Receipt]:
    """What a newcomer knows and likes; the next page knows of it. Also of a session without a viewer."""
    sent, caller = await sent_json(request), request.state.caller
    engine = engine_of(request)
    said = {"user_id": user_id, "session_id": session_id, "key": idempotency_key}
    return Answer(await verb.picked(engine, sent, caller=caller, **said))


@onboardings.post("/api/v1/recommendations/rank", PAGES, takes=(RankIn,), errors=(504,), example=RANKED)
async def rank(
    request: Request, user_id: UserId = "", session_id: SessionId = "", context: Context = ""
) -> Answer[Ranked]:
    """These videos in the order in which they suit the viewer. Of each that they may not be shown it says why."""
    subject = ranked_subject(await sent_json(request))
    count = len(subject.video_ids)
    query = query_of(request, user_id, session_id, context, count, "", rows=False, subject=subject)
    page = await answered(request, RANK, query)
    return Answer(answers.ranked(page, subject.video_ids, query.left_out))
