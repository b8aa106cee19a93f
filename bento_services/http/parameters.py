"""Headers and parameters that several routes share, with their API documentation, and the Query made of them."""

from __future__ import annotations

import re
from typing import Annotated, Any

import fastapi
from fastapi import Header, Request
from pydantic import AfterValidator, BeforeValidator
from pydantic_core import PydanticCustomError

from bento_services.admission.audience import MOST, audience
from bento_services.admission.context import read_context
from bento_services.admission.limits import MAX_CURSOR_LENGTH, MAX_LIMIT, MAX_WATCH_SECONDS, identifier
from bento_services.catalog.verbs import MAX_WHY_LENGTH
from bento_services.engine import Engine
from bento_services.feed.page import ANYTHING, Query, Watched
from bento_services.http.errors import IMPOSSIBLE
from bento_services.http.headers import header_text
from bento_services.http.schemas.context import CONTEXT
from bento_services.http.schemas.limited import ID_PATTERN
from feature_repo.limits import shown
from models.catalog import Subject

MAX_KEY_LENGTH = 200
ENCODED = "In UTF-8, or percent-encoded (a percent sign is %25)."
# For programs that make requests of the document: values that JSON Schema cannot describe.
ID_FORMAT, CURSOR_FORMAT = "marquee-header-id", "marquee-cursor"
CATALOG_CURSOR_FORMAT, WORD_FORMAT = "marquee-catalog-cursor", "marquee-word"
NAME_FORMAT = "marquee-category"  # of a category that the catalog has
VIEWERS_FORMAT = "marquee-viewers"  # ids, separated by commas
ASKED_ID_FORMAT = "marquee-id"  # in a query: beyond its pattern, printable as Python has it


def _id(name: str) -> AfterValidator:
    return AfterValidator(lambda value: identifier(header_text(value, name), name))


def _digits(value: Any) -> Any:
    """A whole number as people write it: pydantic would also read 5.0, 1_0, ٥ and blanks around it."""
    if isinstance(value, str) and any(map(str.isdigit, value)) and not re.fullmatch("-?[0-9]{1,9}", value):
        raise _impossible(f"expected a whole number from 1 to {MAX_LIMIT}, found {shown(value)}")
    return value


def _flag(value: Any) -> Any:
    """A flag as the document writes it: pydantic would also read yes, on, t and 1."""
    if isinstance(value, str) and value not in ("true", "false"):
        raise _impossible(f"expected true or false, found {shown(value)}")
    return value


def _impossible(message: str) -> PydanticCustomError:
    """FastAPI knows of which parameter."""
    return PydanticCustomError(IMPOSSIBLE, "{message}", {"message": message})


UserId = Annotated[
    str,
    Header(
        alias="X-User-Id",
        description=f"Whose page. Empty: anonymous. {ENCODED}",
        json_schema_extra={"format": ID_FORMAT},
    ),
    _id("X-User-Id"),
]
SessionId = Annotated[
    str,
    Header(
        alias="X-Session-Id",
        description=f"Works like a user for anonymous traffic. {ENCODED}",
        json_schema_extra={"format": ID_FORMAT},
    ),
    _id("X-Session-Id"),
]
Viewers = Annotated[
    str,
    fastapi.Query(
        description=f"Ids of those who watch together with X-User-Id, separated by commas, at most {MOST} with it: "
        "the page is for all of them, and shows nothing that one of them hid or may not see. Percent-encoded like "
        "X-User-Id, before the address is: a comma in an id is %2C.",
        json_schema_extra={"format": VIEWERS_FORMAT},
    ),
]
Context = Annotated[
    str,
    Header(alias=CONTEXT, description=f"What is known of this moment. {ENCODED}"),
    AfterValidator(lambda value: header_text(value, CONTEXT)),
]
Cursor = Annotated[
    str,
    fastapi.Query(
        max_length=MAX_CURSOR_LENGTH,
        description="From the page before, of the same viewer. Empty: the first page.",
        json_schema_extra={"format": CURSOR_FORMAT},
    ),
]
Word = Annotated[str, fastapi.Query(json_schema_extra={"format": WORD_FORMAT})]
Limit = Annotated[int, fastapi.Query(ge=1, le=MAX_LIMIT), BeforeValidator(_digits)]
FewerLimit = Annotated[
    int, fastapi.Query(ge=1, le=MAX_LIMIT - 1, description="Of related videos."), BeforeValidator(_digits)
]
PageLimit = Annotated[
    int,
    fastapi.Query(
        ge=1,
        le=MAX_LIMIT,
        description="Videos in `recommendations`, the personal row, which `cursor` continues. The other rows of the "
        "page have lengths of their own.",
    ),
    BeforeValidator(_digits),
]
Seconds = Annotated[float | None, fastapi.Query(ge=0, le=MAX_WATCH_SECONDS, allow_inf_nan=False)]
Flag = Annotated[bool, BeforeValidator(_flag)]
IdempotencyKey = Annotated[
    str,
    Header(
        alias="Idempotency-Key",
        pattern="^[ -~]*$",
        max_length=MAX_KEY_LENGTH,
        description="Same key and body: same answer, once.",
    ),
]
IfMatch = Annotated[
    str,
    Header(
        alias="If-Match",
        pattern='^("[1-9][0-9]{0,17}")?$',
        description="The ETag as you read it: another version is left as it is (412).",
    ),
]
IfNoneMatch = Annotated[
    str, Header(alias="If-None-Match", pattern=r"^\*?$", description="*: only what is new (else 412).")
]
Why = Annotated[str, fastapi.Query(max_length=MAX_WHY_LENGTH, description="For the audit.")]
EventId = Annotated[str, fastapi.Path(json_schema_extra={"pattern": ID_PATTERN})]
VideoId = Annotated[str, fastapi.Path(json_schema_extra={"pattern": ID_PATTERN})]
ViewerId = Annotated[str, fastapi.Path(json_schema_extra={"pattern": ID_PATTERN})]


def _listed(viewers: str) -> list[str]:
    """Each id as a header has it: with escapes of its own below those of the address, for an id with a comma."""
    return [header_text(one.encode().decode("latin-1"), "viewers") for one in viewers.split(",")] if viewers else []


def version_of(if_match: str) -> int | None:
    return int(if_match.strip('"')) if if_match else None


def engine_of(request: Request) -> Engine:
    """Looked up on every request, because the engine exists only once the process has started."""
    engine: Engine = request.app.state.engine()
    return engine


def query_of(
    request: Request,
    user_id: str,
    session_id: str,
    context: str,
    limit: int,
    cursor: str,
    explain: bool = False,
    rows: bool = True,
    subject: Subject = ANYTHING,
    watched: Watched | None = None,
    personal: bool = False,
    viewers: str = "",
) -> Query:
    return Query(
        **audience(request.state.caller, user_id, session_id, _listed(viewers)),
        limit=limit,
        cursor=cursor,
        explain=explain,
        rows=rows,
        subject=subject,
        watched=watched,
        personal=personal,
        request_id=request.state.request_id,
        received_at=request.state.received_at,
        **read_context(context, engine_of(request).world.now_us()),
    )
