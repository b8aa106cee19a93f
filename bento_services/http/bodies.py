"""JSON bodies: requests parsed strictly, answers written from structs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Generic, TypeVar

import msgspec
import numpy as np
from fastapi import Request, Response
from msgspec import Struct

from bento_services.admission.limits import read_json
from bento_services.admission.problem import Problem

Shape = TypeVar("Shape", bound=Struct)


def _plain(value: Any) -> Any:
    """What msgspec does not know: NumPy's numbers and arrays."""
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} is not JSON")


encode = msgspec.json.Encoder(enc_hook=_plain).encode


class Answer(Response, Generic[Shape]):
    """A struct as the JSON of an answer. The API's document reads the shape from a route's return annotation."""

    def __init__(self, answer: Shape, status: int = 200, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(encode(answer), status, {"cache-control": "no-store", **(headers or {})}, "application/json")


async def sent_json(request: Request) -> Any:
    """The JSON of the body. Requires application/json, which other sites cannot post from a browser."""
    kind, _, parameters = request.headers.get("content-type", "").lower().partition(";")
    if kind.strip() != "application/json":
        raise Problem(415, "not_json", "send the body as content-type application/json")
    if _other_charset(parameters):
        raise Problem(415, "not_json", "send the body in UTF-8, as all JSON is")
    if request.headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise Problem(415, "compressed", "send the body without a Content-Encoding")
    return read_json(await request.body())


def _other_charset(parameters: str) -> bool:
    named = [one.partition("=")[2].strip(' "') for one in parameters.split(";") if one.strip().startswith("charset")]
    return any(name not in ("utf-8", "utf8") for name in named)
