"""Requests made of the served document, against the served application over a real engine, judged by all checks.

What JSON Schema cannot say, `Valid` adds to requests that are to be valid: whose cursor it is, that an event names its
viewer in one of two places, that a time is near now.
"""

from __future__ import annotations

import json
import re
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any
from urllib.parse import quote, unquote
from zoneinfo import available_timezones

import numpy as np
from hypothesis import strategies as st
from worlds.bento import home_service
from worlds.catalog import add_catalog
from worlds.http_api import VIDEOS

from bento_services.admission.problem import Problem
from bento_services.catalog.video import MOMENTS
from bento_services.feed.cursor import Cursor
from bento_services.feed.page import Query
from bento_services.http.headers import header_text
from bento_services.http.parameters import (
    ASKED_ID_FORMAT,
    CATALOG_CURSOR_FORMAT,
    CURSOR_FORMAT,
    ID_FORMAT,
    NAME_FORMAT,
    VIEWERS_FORMAT,
    WORD_FORMAT,
)
from bento_services.http.schemas.context import CONTEXT, ZONE_FORMAT
from bento_services.process.open_engine import open_engine
from bento_services.settings import ServiceConfig, Settings
from feature_repo.core.home import Home, World
from feature_repo.limits import LimitError, check
from feature_repo.schema import EVENT_ALIASES
from feature_repo.store.config import StoreConfig
from feature_repo.stream.config import LogConfig

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import schemathesis
    from schemathesis import GenerationMode
    from schemathesis.engine import events, from_schema

DOCUMENTED = {"item_id", "event", "duration_sec", "total_duration"}
OTHER_NAMES = {*EVENT_ALIASES, *EVENT_ALIASES.values(), "timestamp_us", "events"} - DOCUMENTED  # of the same fields
# A busy machine is no fault of the API's: what would be 503 for its slowness waits.
PATIENT = partial(
    Settings,
    log=LogConfig(append_seconds=8.0),
    store=StoreConfig(receipt_timeout_seconds=8.0, user_timeout_seconds=2.0),
    service=ServiceConfig(write_seconds=8.0),
)
CLOCK: list[World] = []  # of the world that is served


@dataclass
class Found:
    """How many requests were made, and what was wrong with which."""

    cases: int = 0
    wrong: Counter[str] = field(default_factory=Counter)


def fuzz(home: Home, cases: int, seed: int) -> Found:
    """Make at least this many requests, the same for the same seed and document."""
    found = Found()
    with served(home) as app:
        each = 5  # of every operation, beside the edges of each field
        while found.cases < cases:
            _round(app, each, seed, found)
            seed += 1
            each = max(2 * each, each * (cases - found.cases) // max(found.cases, 1))
    return found


def _round(app: Any, each: int, seed: int, found: Found) -> None:
    schema = schemathesis.openapi.from_asgi("/openapi.json", app, headers={"host": "localhost"})
    schema.config.seed = seed
    schema.config.update(base_url="http://localhost", continue_on_failure=True)
    schema.config.generation.max_examples = each
    schema.config.checks.negative_data_rejection.expected_statuses.append("413")  # for more events than it takes
    schema.config.checks.positive_data_acceptance.expected_statuses.append("412")  # for a version that it does not have
    schema.config.checks.use_after_free.enabled = False  # a takedown keeps the video, which is there to be restored
    for event in from_schema(schema).execute():
        if isinstance(event, events.ScenarioFinished):
            found.cases += len(event.recorder.cases)
            for case_id, checks in event.recorder.checks.items():
                for judged in checks:
                    if judged.failure_info is not None:
                        failure = judged.failure_info.failure
                        answer = event.recorder.interactions[case_id].response
                        request = event.recorder.interactions[case_id].request
                        if _is_valid_all_the_same(failure.message, request) or _asked_to_hurry(answer, request):
                            continue
                        if judged.name == "positive_data_acceptance" and _told_in_words(answer, request):
                            continue
                        status = f"{answer.status_code} {answer.content[:300]!r}" if answer is not None else "nothing"
                        said = f"{event.recorder.label}: {judged.name}: {failure.title} {failure.message}\n{status}"
                        found.wrong[f"{said[:900]}\n{judged.failure_info.code_sample[:1000]}"] += 1
        elif isinstance(event, events.NonFatalError | events.FatalError):
            found.wrong[str(getattr(event, "info", event))] += 1


def _told_in_words(answer: Any, request: Any) -> bool:
    """What the document tells in words only: what a rule of each kind says, and which surfaces have a category."""
    if answer is None:
        return False
    of_a_rule = "/api/v1/rules" in request.uri and answer.status_code == 422
    return of_a_rule or (answer.status_code == 400 and b'"details":{"field":"category"}' in answer.content)


def _is_valid_all_the_same(failure: str, request: Any) -> bool:
    """What is drawn to violate a format that only we know is any text, and now and then one that is of the format, or
    none at all."""
    if (broken := re.search(r"parameter `(X-(?:User|Session)-Id)` in header - violates `format`", failure)) is None:
        return False
    (sent,) = next(values for name, values in request.headers.items() if name.lower() == broken[1].lower())
    try:
        text = header_text(sent, broken[1])
    except Problem:
        return False
    return not text or _is_id(text)


def _asked_to_hurry(answer: Any, request: Any) -> bool:
    """A deadline of a millisecond is a valid one, and the answer that it has passed is the right one."""
    sent = [value for name, values in request.headers.items() if name.lower() == CONTEXT.lower() for value in values]
    return answer is not None and answer.status_code == 504 and any("deadline_ms" in value for value in sent)


@contextmanager
def served(home: Home) -> Iterator[Any]:
    """The application as it is served, over the home's release and store. Events wait in the log."""
    add_catalog(home)
    service: Any = home_service.home_service(split=False)
    with ExitStack() as opened:
        engine = service.inner.started.engine = open_engine(PATIENT(home), opened)
        engine.warm_up()
        CLOCK.append(engine.world)
        application = service.to_asgi()

        async def app(scope: Any, receive: Any, send: Any) -> None:
            if scope["type"] == "http":  # BentoML's start would open the home of the environment
                await application(scope, receive, send)
                return
            for step in ("startup", "shutdown"):
                await receive()
                await send({"type": f"lifespan.{step}.complete"})

        yield app


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: Any) -> None:
    if case.meta is not None and case.meta.generation.mode is GenerationMode.POSITIVE:
        _make_valid(case)


def _make_valid(case: Any) -> None:
    for name in ("user_id", "event_id", "video_id"):
        if name in (case.path_parameters or {}):
            case.path_parameters[name] = quote(_plain(unquote(str(case.path_parameters[name]))), safe="")
    if context := (case.headers or {}).get(CONTEXT):
        case.headers[CONTEXT] = json.dumps(_plain(json.loads(str(context))))
    if (case.query or {}).get("cursor") and not case.path.startswith(VIDEOS):
        case.query["cursor"] = Cursor(1, np.array([1, 2, 3], dtype=np.uint32)).encode(_audience(case))
    if (case.query or {}).get("published_since") is not None:
        case.query["published_since"] = _moment(case.query["published_since"])
    if (case.headers or {}).get("If-None-Match"):
        case.headers.pop("If-Match", None)
    if case.path.startswith(VIDEOS) and isinstance(case.body, dict):
        case.body = _video(_plain(case.body))
        return
    if case.operation.method != "post" or not isinstance(case.body, dict | list):
        return
    if not (case.headers or {}).get("X-User-Id"):
        case.headers["X-User-Id"] = "u001"
    case.body = _plain(case.body)
    whole = [case.body] if isinstance(case.body, dict) else case.body
    for event in whole:
        _one_name_each(event)
    batch = case.body.get("events", ()) if isinstance(case.body, dict) else ()
    for event in batch:
        _one_name_each(event)


def _video(body: dict[str, Any]) -> dict[str, Any]:
    """JSON Schema knows any moment of ten thousand years, and no field that must differ from the others'."""
    for number, video in enumerate(body.get("videos", (body,))):
        if "video_id" in video:
            video["video_id"] = f"v{number}"
        for name in MOMENTS & set(video):
            video[name] = _moment(video[name])
    return body


def _moment(text: str | None) -> str | None:
    """The same in another year, if its own is out of range."""
    if text is None:
        return None
    return text if "1971" <= text[:4] <= "2198" else f"2024{text[4:]}"


def _one_name_each(event: dict[str, Any]) -> None:
    """A field has other names, which the document leaves out; what is said under two of them must be the same."""
    for name in OTHER_NAMES if "event" in event else ():
        event.pop(name, None)
    if event.get("timestamp") is not None:
        now = datetime.fromtimestamp(CLOCK[-1].now_us() // 1_000_000, UTC)
        event["timestamp"] = now.timestamp() if isinstance(event["timestamp"], int | float) else now.isoformat()


def _plain(value: Any) -> Any:
    """As a sender who keeps to the words of the document: JSON Schema takes 5.0 for a whole number and knows no longest
    one, and what schemathesis makes of `\\p{C}` leaves characters that nobody has assigned."""
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if isinstance(value, str):
        return "".join(letter if letter.isprintable() else "x" for letter in value)
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**63:
        return int(value)
    return 0 if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 2**63 else value


def _audience(case: Any) -> str:
    """For whom the page is that a request asks for: all who watch it together."""
    headers = case.headers or {}
    together: list[str] = []
    for name in ("X-User-Id", "X-Session-Id"):
        if not together and (sent := headers.get(name)):
            together.append(header_text(str(sent), name))
    if named := (case.query or {}).get("viewers"):
        together += [header_text(one, "viewers") for one in str(named).split(",")]
    first, *others = dict.fromkeys(check("events", "user_id", one) for one in together) or [""]
    return Query(user_id=first, viewers=tuple(others)).audience


def _is_id(text: str) -> bool:
    try:
        check("events", "user_id", text)
    except LimitError:
        return False
    return True


NAMED = ("u001", "u002", "Zoë", "زائر", "👩", "50%", "a/b")
words = st.text(max_size=128).filter(lambda text: text == text.strip() and text.isprintable())
ids = st.one_of(st.sampled_from(NAMED), st.text(max_size=128).filter(_is_id))
schemathesis.openapi.format(ID_FORMAT, st.one_of(st.just(""), ids.map(quote)))
schemathesis.openapi.format(CURSOR_FORMAT, st.sampled_from(["", "of-the-viewer"]))
schemathesis.openapi.format(CATALOG_CURSOR_FORMAT, st.sampled_from(["", "djAwMQ=="]))
schemathesis.openapi.format(WORD_FORMAT, words)
schemathesis.openapi.format(ASKED_ID_FORMAT, ids)
schemathesis.openapi.format(VIEWERS_FORMAT, st.lists(ids.map(quote), max_size=7).map(",".join))
schemathesis.openapi.format(NAME_FORMAT, st.one_of(st.sampled_from(["Documentary", "Drama"]), words.filter(bool)))
schemathesis.openapi.format(ZONE_FORMAT, st.sampled_from(["", *sorted(available_timezones())]))
