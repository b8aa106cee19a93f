"""Viewers, for operators, and the state of the service. Erasing and exporting read tables and files, which takes longer
than a page."""

from __future__ import annotations

from bento_services.calls.call import Call, said, segment
from bento_services.http.schemas.operations import Status
from bento_services.people.verbs import Consent, Erasure, Export
from bento_services.verbs.viewers import Viewer, Viewers

VIEWERS = "/api/v1/viewers"
SECONDS = 15.0


def viewers(limit: int = 20) -> Call[Viewers]:
    """Some viewers to look at the page as."""
    return Call("GET", VIEWERS, Viewers, said(limit=limit))


def viewer(user_id: str) -> Call[Viewer]:
    """What is known of one viewer; `known` is False of somebody never seen."""
    return Call("GET", _of(user_id), Viewer)


def erase_viewer(user_id: str) -> Call[Erasure]:
    """Erase a viewer everywhere; the receipt says what each part removed. `ended` is empty while that goes on."""
    return Call("DELETE", _of(user_id), Erasure, seconds=SECONDS)


def export_viewer(user_id: str) -> Call[Export]:
    """Everything that is known of a viewer, in `holders`."""
    return Call("GET", f"{_of(user_id)}/export", Export, seconds=SECONDS)


def consent(user_id: str, personal_pages: bool) -> Call[Consent]:
    """Whether a viewer wants personal pages; False erases the viewer, and nothing is kept from then on."""
    body = {"personal_pages": personal_pages}
    return Call("PUT", f"{_of(user_id)}/consent", Consent, body=body, seconds=SECONDS)


def status() -> Call[Status]:
    """How each part of the service is."""
    return Call("GET", "/api/v1/status", Status)


def _of(user_id: str) -> str:
    return f"{VIEWERS}/{segment(user_id)}"
