"""A request of the API as a value, and how it becomes an answer: sent, again where that is safe, read into its type.

Nothing here waits or touches the network: a talk yields requests to send and pauses to make, and a client does both, in
its own way.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Generator, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, TypeVar
from urllib.parse import quote

import httpx
import msgspec

from bento_services.calls.errors import NotUnderstood, lost, refusal, retry_after

Shape = TypeVar("Shape")
Step = httpx.Request | float  # to send, or seconds to wait
Talk = Generator[Step, httpx.Response | None, Shape]
Build = Callable[..., httpx.Request]  # a client's build_request

NO_BODY: Any = object()


@dataclass(frozen=True)
class Retries:
    """How often a request is sent that did not come through, where sending it again does no harm.

    After 429 and 503 as the answer says (`Retry-After`); after a lost connection in growing pauses. A request that got
    no answer in time is not sent again: its caller has waited long enough.
    """

    tries: int = 5  # in all
    first_pause_seconds: float = 0.05
    longest_pause_seconds: float = 5.0  # an answer that asks for a longer one is an error at once

    def __post_init__(self) -> None:
        if self.tries < 1:
            raise ValueError(f"tries: expected 1 or more, found {self.tries}")

    def pause(self, number: int) -> float:
        """Before another try after the `number`th, 0 = first; at random: many clients do not come back at once."""
        longest = min(self.first_pause_seconds * 2**number, self.longest_pause_seconds)
        return random.uniform(longest / 2, longest)


ONCE = Retries(tries=1)


@dataclass(frozen=True)
class Line:
    """What a talk needs to know of its client."""

    build: Build
    retries: Retries


@dataclass(frozen=True)
class Call(Generic[Shape]):
    """One request. `again`: whether it may be sent twice; `unless_changed`: only if the first one changed nothing."""

    method: str
    path: str
    shape: type[Shape]
    params: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = NO_BODY
    seconds: float | None = None  # its own time; None: the client's
    again: Literal["always", "unless_changed"] = "always"

    def talk(self, line: Line) -> Talk[Shape]:
        return asked(self, line.build, line.retries)

    def request(self, build: Build) -> httpx.Request:
        more: dict[str, Any] = {} if self.body is NO_BODY else {"json": self.body}
        if self.seconds is not None:
            more["timeout"] = self.seconds
        return build(self.method, self.path, params=dict(self.params) or None, headers=dict(self.headers), **more)


def asked(call: Call[Shape], build: Build, retries: Retries) -> Talk[Shape]:
    """Raises ClientError."""
    for number in range(retries.tries):
        is_last = number + 1 == retries.tries
        try:
            reply = yield call.request(build)
        except httpx.TransportError as error:
            if is_last or not _may_follow(call, error):
                raise lost(error) from error
            yield retries.pause(number)
            continue
        assert reply is not None
        pause = _pause_after(call, reply)
        if is_last or pause is None or pause > retries.longest_pause_seconds:
            return _read(reply, call.shape)
        yield pause
    raise AssertionError("the last try always ends")


def _may_follow(call: Call[Any], error: httpx.TransportError) -> bool:
    """Whether the request may be sent again after this."""
    if isinstance(error, httpx.ConnectError):
        return True  # it has reached nobody
    return call.again == "always" and not isinstance(error, httpx.TimeoutException)


def _pause_after(call: Call[Any], reply: httpx.Response) -> float | None:
    """Seconds until it may be sent again; None: not at all."""
    if reply.status_code == httpx.codes.TOO_MANY_REQUESTS:
        return retry_after(reply)
    if reply.status_code == httpx.codes.SERVICE_UNAVAILABLE and (call.again == "always" or _changed_nothing(reply)):
        return retry_after(reply)
    return None


def _changed_nothing(reply: httpx.Response) -> bool:
    return bool(refusal(reply).details.get("changed") == "none")


def _read(reply: httpx.Response, shape: type[Shape]) -> Shape:
    if not reply.is_success:
        raise refusal(reply)
    try:
        return msgspec.json.decode(reply.content, type=shape)
    except msgspec.ValidationError as error:
        raise NotUnderstood(reply.status_code, "other_fields", f"{shape.__name__}: {error}") from error
    except msgspec.DecodeError:
        raise NotUnderstood(reply.status_code, "not_json", reply.text[:200]) from None


def said(**parameters: Any) -> dict[str, Any]:
    """Those that say something, as they are written in addresses."""
    return {
        name: str(value).lower() if isinstance(value, bool) else value
        for name, value in parameters.items()
        if value not in (None, "")
    }


def who(user_id: str = "", session_id: str = "", context: Mapping[str, Any] | None = None) -> dict[str, str]:
    """The headers that say whose page it is, and what is known of the moment."""
    headers: dict[str, str] = said(**{"x-user-id": quote(user_id), "x-session-id": quote(session_id)})
    return {**headers, **({"x-context": json.dumps(context)} if context else {})}  # ASCII, as headers should be


def listed(values: Iterable[str]) -> str:
    """Ids in one parameter of an address."""
    return ",".join(map(quote, values))


def segment(value: str) -> str:
    """A text as one part of a path."""
    return quote(value, safe="")


def version_headers(if_match: int | None, only_new: bool = False) -> dict[str, str]:
    headers = {} if if_match is None else {"if-match": f'"{if_match}"'}
    return {**headers, **({"if-none-match": "*"} if only_new else {})}


def change(
    method: str,
    path: str,
    shape: type[Shape],
    body: Any = NO_BODY,
    headers: Mapping[str, str] | None = None,
    why: str = "",
) -> Call[Shape]:
    """A change of the catalog or of the rules. Sent twice it is one, but where it depends on a version that it may
    have made itself."""
    return Call(
        method, path, shape, said(why=why), headers or {}, body, again="unless_changed" if headers else "always"
    )
