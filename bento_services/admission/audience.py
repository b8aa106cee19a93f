"""For whom a page is: the viewer who asks, and those who watch with them. HTTP and gRPC both read them here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bento_services.admission.callers import Caller
from bento_services.admission.limits import identifier
from bento_services.admission.problem import unprocessable

MOST = 8  # viewers of one page


def audience(caller: Caller, user_id: str, session_id: str, viewers: Sequence[str]) -> dict[str, Any]:
    """user_id, session_id and viewers of a Query. Without a user and a session, the first of `viewers` asks.

    Raises Problem: 403 for a viewer that this caller may not act for, 422 for more than there may be.
    """
    asks = caller.acts_for(user_id, session_id)
    if not viewers:
        return {"user_id": asks, "session_id": session_id}
    named = [caller.acts_for(identifier(one, "viewers", required=True)) for one in viewers]
    together = list(dict.fromkeys(one for one in (asks or session_id, *named) if one))
    if len(together) > MOST:
        raise unprocessable(f"viewers: expected at most {MOST} for one page, found {len(together)}", field="viewers")
    if asks or session_id:
        return {"user_id": asks, "session_id": session_id, "viewers": tuple(together[1:])}
    return {"user_id": together[0], "viewers": tuple(together[1:])}
