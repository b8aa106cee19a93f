"""A small typed client of the HTTP API, used by `marquee demo` and the benchmarks, and an example for integrators.

with Client("http://127.0.0.1:8080") as marquee:
    page = marquee.home("u00042")
    marquee.send({"user_id": "u00042", "item_id": page["recommendations"][0]["video_id"], "event": "click"})
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, TypeVar
from urllib.parse import quote

import httpx
import msgspec

from bento_services.feed.answers import Similar, Surface, UpNext
from bento_services.viewer_tokens import viewer_token

__all__ = ["Client", "ClientError", "viewer_token"]

Shape = TypeVar("Shape")

WAIT_SECONDS = 10.0
POLL_SECONDS = 0.01
PEOPLE_SECONDS = 15.0
TRIES = 5  # attempts to send events to an unavailable service


class ClientError(Exception):
    """An error answer of the service, with its `code`, `status` and `details`."""

    def __init__(
        self, status: int, code: str, message: str, request_id: str, details: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(f"{status} {code}: {message} (request {request_id})")
        self.details = dict(details or {})
        self.status = status
        self.code = code
        self.request_id = request_id


class Client:
    """`transport`: replaces the network, such as httpx.MockTransport."""

    def __init__(
        self,
        url: str,
        key: str | None = None,
        timeout_seconds: float = 5.0,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        headers = {"authorization": f"Bearer {key}"} if key else {}
        self._http = httpx.Client(
            base_url=url, headers=headers, timeout=timeout_seconds, trust_env=False, transport=transport
        )
        self._last_event_id = ""
        self._sent_at = 0.0

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    def home(
        self,
        user_id: str,
        limit: int = 20,
        cursor: str | None = None,
        context: Mapping[str, Any] | None = None,
        explain: bool = False,
    ) -> dict[str, Any]:
        """One viewer's page, as the API's document describes it."""
        parameters: dict[str, Any] = {"limit": limit}
        if cursor:
            parameters["cursor"] = cursor
        if explain:
            parameters["explain"] = "true"
        headers = {"x-user-id": quote(user_id)}
        if context:
            headers["x-context"] = json.dumps(context)  # ASCII, as headers should be
        return self._read(self._http.get("/api/v1/recommendations/home", params=parameters, headers=headers))

    def recommendations(
        self,
        surface: str = "home",
        user_id: str = "",
        category: str = "",
        count: int = 20,
        cursor: str | None = None,
        session_id: str = "",
        context: Mapping[str, Any] | None = None,
    ) -> Surface:
        """One surface as a list."""
        asked = {"surface": surface, "count": count, **_said(category=category, cursor=cursor)}
        return self._answer("/api/v1/recommendations", asked, _who(user_id, session_id, context), Surface)

    def browse(
        self,
        category: str,
        user_id: str = "",
        limit: int = 20,
        cursor: str | None = None,
        session_id: str = "",
        context: Mapping[str, Any] | None = None,
    ) -> Surface:
        """One category in the viewer's order."""
        asked = {"limit": limit, **_said(cursor=cursor)}
        path = f"/api/v1/browse/{quote(category, safe='')}"
        return self._answer(path, asked, _who(user_id, session_id, context), Surface)

    def similar(
        self,
        video_id: str,
        user_id: str = "",
        limit: int = 10,
        cursor: str | None = None,
        session_id: str = "",
        context: Mapping[str, Any] | None = None,
    ) -> Similar:
        """Videos like this one."""
        asked = {"limit": limit, **_said(cursor=cursor)}
        path = f"/api/v1/recommendations/similar/{quote(video_id, safe='')}"
        return self._answer(path, asked, _who(user_id, session_id, context), Similar)

    def up_next(
        self,
        current_video: str,
        user_id: str = "",
        watch_time: float | None = None,
        total_duration: float | None = None,
        limit: int = 10,
        session_id: str = "",
        context: Mapping[str, Any] | None = None,
    ) -> UpNext:
        """What plays after a video that was watched for so many seconds."""
        said = _said(watch_time=watch_time, total_duration=total_duration)
        asked = {"current_video": current_video, "limit": limit, **said}
        return self._answer("/api/v1/recommendations/up-next", asked, _who(user_id, session_id, context), UpNext)

    @staticmethod
    def verify(page: Mapping[str, Any]) -> list[str]:
        """What the certificate of a page says wrongly, computed from the page alone; empty: it is true.

        Raises ValueError for what is no whole page.
        """
        from bento_services.feed.certificate import verify

        return verify(page)

    def search(
        self,
        q: str,
        user_id: str = "",
        limit: int = 20,
        cursor: str | None = None,
        session_id: str = "",
        context: Mapping[str, Any] | None = None,
        **filters: str,
    ) -> Surface:
        """Videos by their text. `filters`: category, genre, creator_id, language, published_since, published_before."""
        asked = {"q": q, "limit": limit, **_said(cursor=cursor), **filters}
        return self._answer("/api/v1/search", asked, _who(user_id, session_id, context), Surface)

    def send(
        self, events: Mapping[str, Any] | Sequence[Mapping[str, Any]], idempotency_key: str | None = None
    ) -> dict[str, Any]:
        """Send one event or several; they are durable when this returns the receipt.

        On a 503 they are resent under the same key, so that they count once.
        """
        sent_at = time.monotonic()
        receipt = self._write("/api/v1/events", events, {"idempotency-key": idempotency_key or uuid.uuid4().hex})
        self._last_event_id, self._sent_at = receipt["event_ids"][-1], sent_at
        return receipt

    def feedback(self, user_id: str, video_id: str, action: str) -> dict[str, Any]:
        headers = {"x-user-id": quote(user_id), "idempotency-key": uuid.uuid4().hex}
        return self._write("/api/v1/recommendations/feedback", {"video_id": video_id, "action": action}, headers)

    def wait_until_visible(self, event_id: str, seconds: float = WAIT_SECONDS, user_id: str = "") -> None:
        """Until the features, hence the next page, know of an event. Raises TimeoutError.

        `user_id`: whose event it is, for an id of yours that another viewer may have used, too.
        """
        deadline = time.monotonic() + seconds
        headers = {"x-user-id": quote(user_id)} if user_id else {}
        address = f"/api/v1/events/{quote(event_id, safe='')}"
        while not self._read(self._http.get(address, headers=headers))["visible"]:
            if time.monotonic() > deadline:
                raise TimeoutError(f"event {event_id} has not reached the features after {seconds:g} s")
            time.sleep(POLL_SECONDS)

    def home_after(self, user_id: str, before: Mapping[str, Any]) -> tuple[dict[str, Any], float]:
        """The first page that reflects the last event sent, and the seconds from sending it to that page."""
        if self._last_event_id:
            self.wait_until_visible(self._last_event_id, user_id=user_id)
        page = self.home(user_id, limit=max(len(before.get("recommendations", ())), 1))
        return page, time.monotonic() - self._sent_at

    def put_video(
        self, video_id: str, video: Mapping[str, Any], if_match: int | None = None, only_new: bool = False
    ) -> dict[str, Any]:
        """Create a video, or replace it as a whole. Returns `video`, `created` and `changed`.

        `if_match`: the version that you read; ClientError 412 where it has another by now. `only_new`: 412 where there
        is one. Changes are sent again on a 503, unless that could make one that went through look like a conflict.
        """
        headers = {**_if_match(if_match), **({"if-none-match": "*"} if only_new else {})}
        return self._change("PUT", _video(video_id), video, headers)

    def put_videos(self, videos: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Put up to 500 videos, each with its `video_id`, all or none: `details["faults"]` of the ClientError names
        every fault. Returns the version of each."""
        return self._change("POST", "/api/v1/videos:batch", {"videos": list(videos)})

    def patch_video(self, video_id: str, fields: Mapping[str, Any], if_match: int | None = None) -> dict[str, Any]:
        """Change some fields; None gives one its default."""
        return self._change("PATCH", _video(video_id), fields, _if_match(if_match))

    def take_down(self, video_id: str, why: str = "", if_match: int | None = None) -> dict[str, Any]:
        """Show a video nowhere; it stays in the catalog, with `taken_down_at`."""
        return self._change("DELETE", _video(video_id), None, _if_match(if_match), why)

    def restore(self, video_id: str, why: str = "", if_match: int | None = None) -> dict[str, Any]:
        """Take back its takedown."""
        return self._change("POST", f"{_video(video_id)}/restore", None, _if_match(if_match), why)

    def get_video(self, video_id: str) -> dict[str, Any]:
        return self._read(self._http.get(_video(video_id)))

    def list_videos(self, limit: int = 20, cursor: str | None = None, **filters: str | bool) -> dict[str, Any]:
        """`videos` by id, and the `cursor` of the next ones, None at the end.

        `filters`: category, genre, creator_id, published_since, taken_down, expired.
        """
        sent = {name: str(value).lower() if isinstance(value, bool) else value for name, value in filters.items()}
        parameters: dict[str, Any] = {"limit": limit, **({"cursor": cursor} if cursor else {}), **sent}
        return self._read(self._http.get("/api/v1/videos", params=parameters))

    def history(self, video_id: str, limit: int = 20) -> dict[str, Any]:
        """Who changed a video, newest first."""
        return self._read(self._http.get(f"{_video(video_id)}/history", params={"limit": limit}))

    def viewers(self, limit: int = 20) -> dict[str, Any]:
        return self._read(self._http.get("/api/v1/viewers", params={"limit": limit}))

    def erase_viewer(self, user_id: str) -> dict[str, Any]:
        """Erase a viewer everywhere; the receipt says what each part removed. `ended` is empty while that goes on."""
        return self._people("DELETE", _viewer(user_id))

    def export_viewer(self, user_id: str) -> dict[str, Any]:
        """Everything that is known of a viewer, in `holders`."""
        return self._people("GET", f"{_viewer(user_id)}/export")

    def consent(self, user_id: str, personal_pages: bool) -> dict[str, Any]:
        """Whether a viewer wants personal pages; False erases the viewer, and nothing is kept from then on."""
        return self._people("PUT", f"{_viewer(user_id)}/consent", {"personal_pages": personal_pages})

    def status(self) -> dict[str, Any]:
        return self._read(self._http.get("/api/v1/status"))

    def _answer(self, path: str, asked: Mapping[str, Any], who: Mapping[str, str], shape: type[Shape]) -> Shape:
        return msgspec.convert(self._read(self._http.get(path, params=dict(asked), headers=dict(who))), shape)

    def _change(
        self, method: str, path: str, body: Any, headers: Mapping[str, str] | None = None, why: str = ""
    ) -> dict[str, Any]:
        """A change of videos. Sent twice it is one, but where it depends on a version that it may have made itself."""
        parameters = {"why": why} if why else None
        request = self._http.build_request(method, path, json=body, headers=headers, params=parameters)
        return self._send(request, lambda reply: not headers or _changed_nothing(reply))

    def _people(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        """Any of these may be sent again. They read tables and files, which takes longer than a page."""
        request = self._http.build_request(method, path, json=body, timeout=PEOPLE_SECONDS)
        return self._send(request, lambda reply: True)

    def _write(self, path: str, body: Any, headers: Mapping[str, str]) -> dict[str, Any]:
        return self._send(self._http.build_request("POST", path, json=body, headers=headers), lambda reply: True)

    def _send(self, request: httpx.Request, is_safe: Callable[[httpx.Response], bool]) -> dict[str, Any]:
        """Sent again after a 503 that says when to, if another time is safe after such an answer; and after a 429."""
        for _ in range(TRIES - 1):
            reply = self._http.send(request)
            waits = "retry-after" in reply.headers
            is_down = waits and reply.status_code == httpx.codes.SERVICE_UNAVAILABLE and is_safe(reply)
            if not is_down and not (waits and reply.status_code == httpx.codes.TOO_MANY_REQUESTS):
                return self._read(reply)
            time.sleep(float(reply.headers["retry-after"]))
        return self._read(self._http.send(request))

    def _read(self, reply: httpx.Response) -> dict[str, Any]:
        try:
            answer: dict[str, Any] = reply.json()
        except ValueError:
            raise ClientError(reply.status_code, "not_json", reply.text[:200], "-") from None
        if reply.is_success:
            return answer
        error = answer.get("error", {})
        raise ClientError(
            reply.status_code,
            error.get("code", ""),
            error.get("message", ""),
            error.get("request_id", "-"),
            error.get("details"),
        )


def _said(**parameters: Any) -> dict[str, Any]:
    """Those that say something."""
    return {name: value for name, value in parameters.items() if value not in (None, "")}


def _who(user_id: str, session_id: str, context: Mapping[str, Any] | None) -> dict[str, str]:
    headers = _said(**{"x-user-id": quote(user_id), "x-session-id": quote(session_id)})
    return {**headers, **({"x-context": json.dumps(context)} if context else {})}


def _video(video_id: str) -> str:
    return f"/api/v1/videos/{quote(video_id, safe='')}"


def _viewer(user_id: str) -> str:
    return f"/api/v1/viewers/{quote(user_id, safe='')}"


def _if_match(version: int | None) -> dict[str, str]:
    return {} if version is None else {"if-match": f'"{version}"'}


def _changed_nothing(reply: httpx.Response) -> bool:
    try:
        return bool(reply.json()["error"]["details"].get("changed") == "none")
    except (ValueError, KeyError):
        return False
