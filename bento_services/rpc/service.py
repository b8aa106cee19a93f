"""Pages, events and the catalog over gRPC, answered by the engine that HTTP uses, on the same event loop.

BentoML's own gRPC server does not work at this version; this is a plain grpc.aio server inside the serving process.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import grpc
import structlog
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from bento_services import request_log
from bento_services.admission.admit import Admission, Credentials
from bento_services.admission.context import request_id_of
from bento_services.admission.limits import Limits
from bento_services.admission.problem import INTERNAL, TOO_LATE, Problem, malformed
from bento_services.engine import Engine
from bento_services.health import DOWN
from bento_services.rpc import events, rules, surfaces, videos, viewers
from bento_services.rpc.generated import marquee_pb2
from bento_services.rpc.incoming import OfOthers, message_of_call
from bento_services.rpc.verb import Call, Verb

messages: Any = marquee_pb2  # its classes are made when it is imported
SERVICE = messages.DESCRIPTOR.services_by_name["Marquee"].full_name
METHODS: Mapping[str, Verb] = {
    **surfaces.VERBS,
    **events.VERBS,
    **videos.VERBS,
    **rules.VERBS,
    **viewers.VERBS,
}
SERVICE_METHODS = frozenset(messages.DESCRIPTOR.services_by_name["Marquee"].methods_by_name)
STOP_SECONDS = 3.0
HEALTH_SECONDS = 0.25
MAX_DETAILS_BYTES = 4096  # of a trailer, of which clients take 8 KiB
CODES = {  # HTTP status -> gRPC status
    400: grpc.StatusCode.INVALID_ARGUMENT,
    401: grpc.StatusCode.UNAUTHENTICATED,
    403: grpc.StatusCode.PERMISSION_DENIED,
    404: grpc.StatusCode.NOT_FOUND,
    408: grpc.StatusCode.DEADLINE_EXCEEDED,
    409: grpc.StatusCode.ABORTED,
    412: grpc.StatusCode.FAILED_PRECONDITION,
    413: grpc.StatusCode.RESOURCE_EXHAUSTED,
    422: grpc.StatusCode.INVALID_ARGUMENT,
    429: grpc.StatusCode.RESOURCE_EXHAUSTED,
    503: grpc.StatusCode.UNAVAILABLE,
    504: grpc.StatusCode.DEADLINE_EXCEEDED,
}

report = structlog.get_logger("grpc")


class MarqueeGrpc:
    """The methods of marquee.proto. A client calls them as unary; here each reads its message once it is admitted."""

    def __init__(self, engine: Engine, admission: Admission) -> None:
        self._engine = engine
        self._admission = admission

    def handlers(self) -> Any:
        read = grpc.stream_unary_rpc_method_handler
        methods = {name: read(self._method(name, verb), None, _serialize) for name, verb in METHODS.items()}
        return grpc.method_handlers_generic_handler(SERVICE, methods)

    def _method(self, name: str, verb: Verb) -> Callable[[Any, Any], Awaitable[Any]]:
        async def answer(_: Any, context: Any) -> Any:
            return await self._answer(name, verb, context)

        return answer

    async def _answer(self, method: str, verb: Verb, context: Any) -> Any:
        started = time.perf_counter()
        sent = [(str(name), str(value)) for name, value in context.invocation_metadata() or ()]
        metadata = dict(sent)
        call = Call(request_id_of(metadata.get("x-request-id", "")), started)
        status = "OK"
        refused: Problem | None = None
        try:
            _check_once(sent)
            call.caller = self._admission.admit(Credentials.of(metadata), verb.endpoint)
            await self._admission.rates.admit(call.caller, verb.endpoint)
            request = await message_of_call(context, verb.request.FromString, self._admission.limits)
            async with asyncio.timeout(self._admission.limits.answer_seconds):
                return await verb.answer(self._engine, request, call)
        except Problem as problem:
            refused = problem
        except TimeoutError:
            refused = TOO_LATE
        except asyncio.CancelledError:
            status = "CANCELLED"
            raise
        except Exception as error:  # the last resort, as on HTTP
            refused = INTERNAL
            report.error("call failed", method=method, request_id=call.request_id, error=repr(error), exc_info=error)
        finally:  # before the caller hears of it
            if refused is not None:
                status = refused.code
            seconds = time.perf_counter() - started
            request_log.record("grpc", method, status, seconds, call.request_id, call.rung, call.release)
        await _abort(context, refused)
        return None  # not reached: an abort raises


class GrpcServer:
    """The gRPC server, started and stopped on the event loop that it shares with HTTP."""

    def __init__(self, engine: Engine, admission: Admission, host: str, port: int) -> None:
        limits = admission.limits
        self._server = grpc.aio.server(
            interceptors=(OfOthers(SERVICE, limits),),
            options=_options(limits),
            maximum_concurrent_rpcs=limits.max_concurrent_rpcs,
        )
        self._server.add_generic_rpc_handlers((MarqueeGrpc(engine, admission).handlers(),))
        self._parts = engine.health
        self._said: dict[str, int] = {}  # to the health service, by name
        self._following: asyncio.Task[None] | None = None
        self._stopped = False
        self._health = health.aio.HealthServicer()
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        names = (SERVICE, health.SERVICE_NAME, reflection.SERVICE_NAME)
        reflection.enable_server_reflection(names, self._server)
        self.port = self._server.add_insecure_port(f"[{host}]:{port}" if ":" in host else f"{host}:{port}")

    async def start(self) -> None:
        await self._server.start()
        await self._say_health()
        self._following = asyncio.create_task(self._follow_health())

    async def unready(self) -> None:
        """Report shutdown to health checks from now on."""
        if self._following is not None:
            self._following.cancel()
        await self._health.enter_graceful_shutdown()

    async def stop(self) -> None:
        """Take no connection any more, ask clients to go elsewhere, let running calls finish, then close."""
        if self._stopped:
            return
        self._stopped = True
        await self.unready()
        await self._server.stop(STOP_SECONDS)

    async def _follow_health(self) -> None:
        while True:
            await asyncio.sleep(HEALTH_SECONDS)
            await self._say_health()

    async def _say_health(self) -> None:
        """What /api/v1/status says: "" and the service are pages, "events" whether they are taken; then parts."""
        serving = {"": True, SERVICE: True, "pages": True, "events": not self._parts.stops_events()}
        serving |= {name: part.state != DOWN for name, part in self._parts.parts().items()}
        for name, well in serving.items():
            status = health_pb2.HealthCheckResponse.SERVING if well else health_pb2.HealthCheckResponse.NOT_SERVING
            if self._said.get(name) != status:
                self._said[name] = status
                await self._health.set(name, status)


def _options(limits: Limits) -> list[tuple[str, int]]:
    """The limits of HTTP, as gRPC's core calls them. A connection beyond them is closed before it costs a stream."""
    idle_ms, head_ms = 1000 * limits.idle_rpc_seconds, int(1000 * limits.head_seconds)
    return [
        ("grpc.so_reuseport", 1),
        ("grpc.max_receive_message_length", limits.max_events_body_bytes),
        ("grpc.max_concurrent_streams", limits.max_rpcs_per_connection),
        ("grpc.max_allowed_incoming_connections", limits.max_rpc_connections),
        ("grpc.server_handshake_timeout_ms", head_ms),
        ("grpc.max_metadata_size", limits.max_head_bytes),
        ("grpc.absolute_max_metadata_size", limits.max_head_bytes),
        ("grpc.max_connection_idle_ms", idle_ms),
        ("grpc.keepalive_time_ms", idle_ms // 2),  # a peer that is gone without a word is found out
        ("grpc.keepalive_timeout_ms", head_ms),
        ("grpc.http2.max_ping_strikes", 2),  # a client that pings more often than every 5 minutes is sent away
    ]


def _check_once(metadata: Sequence[tuple[str, str]]) -> None:
    """Raises Problem for two that say who calls: proxies and libraries differ in which of them they believe."""
    names = [name for name, _ in metadata]
    for name in ("authorization", "x-api-key"):
        if names.count(name) > 1:
            raise malformed(f"{name}: expected one, found several", field=name)


def _serialize(message: Any) -> bytes:
    return bytes(message.SerializeToString())


def _details(details: dict[str, Any]) -> str:
    """As JSON in ASCII, with as many of its faults as there is room for; empty where there is none."""
    if not details:
        return ""
    text = json.dumps(details)
    while len(text) > MAX_DETAILS_BYTES and (faults := details.get("faults")):
        details = {**details, "faults": faults[: len(faults) // 2]}
        text = json.dumps(details)
    return text if len(text) <= MAX_DETAILS_BYTES else ""


async def _abort(context: Any, problem: Problem) -> None:
    trailing = [("x-error-code", problem.code)]
    if details := _details(problem.details):
        trailing.append(("x-error-details", details))
    if problem.retry_after_seconds is not None:
        trailing.append(("retry-after", str(problem.retry_after_seconds)))
    trailing += problem.more_headers.items()
    await context.abort(CODES.get(problem.status, grpc.StatusCode.INTERNAL), problem.message, tuple(trailing))
