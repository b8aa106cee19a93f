"""How a call's message comes in: within a time, and refused in our words where it is none.

gRPC waits for the message of a call for ever, a place among all calls taken meanwhile, and answers one that cannot be
read as if the fault were ours. So every method reads its own message.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from typing import Any

import grpc
from google.protobuf.message import DecodeError

from bento_services.admission.limits import Limits
from bento_services.admission.problem import Problem, malformed

MOST_STREAMS = 64  # of one method that is not ours: a watch of health lasts as long as its client

Parse = Callable[[bytes], Any]


async def message_of_call(context: Any, parse: Parse, limits: Limits) -> Any:
    """The one message of a call. Raises Problem: 400 where there is none or it cannot be read, 408 where it is late."""
    try:
        async with asyncio.timeout(limits.receive_seconds):
            raw = await context.read()
    except TimeoutError as late:
        raise Problem(408, "too_slow", f"the message did not arrive within {limits.receive_seconds:g} s") from late
    if raw is grpc.aio.EOF:
        raise malformed("expected a message, found the end of the call")
    try:
        return parse(raw)
    except (DecodeError, ValueError) as error:
        raise malformed("the message: expected protobuf of this method, with text in UTF-8") from error


class OfOthers(grpc.aio.ServerInterceptor):  # type: ignore[misc]
    """Health and reflection, whose servicers are not ours, within our limits."""

    def __init__(self, own: str, limits: Limits) -> None:
        """`own`: the service that keeps to them itself."""
        self._own = f"/{own}/"
        self._limits = limits
        self._open: dict[str, int] = {}

    async def intercept_service(self, continuation: Any, details: Any) -> Any:
        handler = await continuation(details)
        if handler is None or details.method.startswith(self._own):
            return handler
        serialize = handler.response_serializer
        if handler.unary_unary:
            return grpc.stream_unary_rpc_method_handler(self._one(handler), None, serialize)
        if handler.unary_stream:
            few = self._few(details.method, handler.unary_stream, handler.request_deserializer)
            return grpc.stream_stream_rpc_method_handler(few, None, serialize)
        few = self._few(details.method, handler.stream_stream)
        return grpc.stream_stream_rpc_method_handler(few, handler.request_deserializer, serialize)

    def _one(self, handler: Any) -> Callable[[Any, Any], Any]:
        async def answer(_: Any, context: Any) -> Any:
            request = await self._message(context, handler.request_deserializer)
            return await handler.unary_unary(request, context)

        return answer

    def _few(self, method: str, answer: Any, parse: Parse | None = None) -> Callable[[Any, Any], Any]:
        """A stream is answered while there are few of its method. With `parse` it begins with one message."""

        async def bounded(requests: Any, context: Any) -> None:
            if self._open.get(method, 0) >= MOST_STREAMS:
                await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, f"at most {MOST_STREAMS} of these at once")
            self._open[method] = self._open.get(method, 0) + 1
            try:
                request = requests if parse is None else await self._message(context, parse)
                answers = answer(request, context)
                if not inspect.isasyncgen(answers):
                    await answers
                    return
                async for one in answers:
                    await context.write(one)
            finally:
                self._open[method] -= 1

        return bounded

    async def _message(self, context: Any, parse: Parse) -> Any:
        try:
            return await message_of_call(context, parse, self._limits)
        except Problem as problem:
            code = grpc.StatusCode.DEADLINE_EXCEEDED if problem.status == 408 else grpc.StatusCode.INVALID_ARGUMENT
            await context.abort(code, problem.message)
