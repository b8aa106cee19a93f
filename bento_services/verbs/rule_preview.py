"""A viewer's page without a rule and with it, as HTTP and gRPC ask for it."""

from __future__ import annotations

from typing import Any

from bento_services.admission.callers import Caller
from bento_services.admission.limits import MAX_LIMIT, identifier
from bento_services.admission.problem import malformed, unprocessable
from bento_services.catalog.rules import Rules
from bento_services.engine import Engine
from bento_services.feed.page import Query
from bento_services.feed.preview import Preview

FIELDS = ("limit", "rule", "surface", "user_id")
LIMIT = 20


async def preview_of(engine: Engine, sent: Any, caller: Caller) -> Preview:
    """`sent`: a `rule` as it would be put, or only the `rule_id` of one that there is; `user_id`, `surface`, `limit`.

    Nothing is kept. Raises Problem.
    """
    if not isinstance(sent, dict) or not isinstance(sent.get("rule"), dict):
        raise malformed("expected an object with a rule", field="rule")
    if unknown := sorted(set(sent) - set(FIELDS)):
        raise unprocessable(f"{unknown[0][:40]}: expected one of {', '.join(FIELDS)}", field=unknown[0][:40])
    limit, surface = sent.get("limit", LIMIT), sent.get("surface", "home")
    if isinstance(limit, bool) or not isinstance(limit, int) or not 1 <= limit <= MAX_LIMIT:
        raise unprocessable(f"limit: expected 1 to {MAX_LIMIT}", field="limit")
    if not isinstance(surface, str):
        raise unprocessable("surface: expected a text", field="surface")
    viewer = identifier(sent.get("user_id", ""), "user_id")
    rule = await Rules(engine.catalog).draft(sent["rule"])
    return await engine.preview(surface, Query(user_id=caller.acts_for(viewer), surface=surface, limit=limit), rule)
