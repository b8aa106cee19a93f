"""A small typed client of the HTTP API, used by `marquee demo` and the benchmarks, and an example for integrators.

with Client("http://127.0.0.1:8080") as marquee:
    page = marquee.home("u00042")
    marquee.send({"user_id": "u00042", "item_id": page["recommendations"][0]["video_id"], "event": "click"})
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any
from urllib.parse import quote

import httpx

from bento_services.viewer_tokens import viewer_token

__all__ = ["Client", "ClientError", "viewer_token"]

WAIT_SECONDS = 10.0
POLL_SECONDS = 0.01
TRIES = 5  # attempts to send events to an unavailable service


class ClientError(Exception):
    """An error answer of the service, with its `code` and `status`."""

    def __init__(self, status: int, code: str, message: str, request_id: str) -> None:
        super().__init__(f"{status} {code}: {message} (request {request_id})")
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

    def viewers(self, limit: int = 20) -> dict[str, Any]:
        return self._read(self._http.get("/api/v1/viewers", params={"limit": limit}))

    def status(self) -> dict[str, Any]:
        return self._read(self._http.get("/api/v1/status"))

    def _write(self, path: str, body: Any, headers: Mapping[str, str]) -> dict[str, Any]:
        for _ in range(TRIES - 1):
            reply = self._http.post(path, json=body, headers=headers)
            if reply.status_code != httpx.codes.SERVICE_UNAVAILABLE or "retry-after" not in reply.headers:
                return self._read(reply)
            time.sleep(float(reply.headers["retry-after"]))
        return self._read(self._http.post(path, json=body, headers=headers))

    def _read(self, reply: httpx.Response) -> dict[str, Any]:
        try:
            answer: dict[str, Any] = reply.json()
        except ValueError:
            raise ClientError(reply.status_code, "not_json", reply.text[:200], "-") from None
        if reply.is_success:
            return answer
        error = answer.get("error", {})
        raise ClientError(
            reply.status_code, error.get("code", ""), error.get("message", ""), error.get("request_id", "-")
        )
