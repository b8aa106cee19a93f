"""What is done about one viewer: erased, given out, asked for consent. Each in a process of its own, which reads tables
and files at its leisure while this one makes pages."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Sequence
from typing import Any

import msgspec
import structlog
from msgspec import Struct

from bento_services.admission.limits import identifier
from bento_services.admission.problem import INTERNAL, Problem, unavailable
from feature_repo.core.errors import DEPENDENCY_DOWN, DONE, REFUSED
from feature_repo.core.home import Home
from feature_repo.core.settings import child_environment

ANSWER_SECONDS = 8.0  # after which an erasure goes on without its caller; below limits.answer_seconds

report = structlog.get_logger("people")


class HolderReceipt(Struct, frozen=True):
    name: str
    removed: dict[str, int]
    left: dict[str, int]
    why: str  # something is left, and what becomes of it


class Erasure(Struct, frozen=True):
    """A receipt: what each part of the home has removed. It holds a hash in place of the viewer's id."""

    receipt_id: str
    viewer: str
    began: str
    ended: str  # "" while it runs: the receipt is written to the home, and the same call again says what is left
    known: bool
    removed: int
    left: int
    holders: Sequence[HolderReceipt]


class Export(Struct, frozen=True):
    """Everything that is known of a viewer, by the part that holds it."""

    viewer: str
    personal_pages: bool
    at: str
    holders: dict[str, Any]


class Consent(Struct, frozen=True):
    personal_pages: bool
    changed: bool
    erasure: Erasure | None  # of a viewer who said no


RUNNING = Erasure("", "", "", "", True, 0, 0, ())


class People:
    """The verbs, for HTTP and gRPC alike. Every one raises Problem: 422 for what is no id, 409 while another viewer is
    being erased, 503 while store or log are down."""

    def __init__(self, home: Home | None) -> None:
        self._home = home
        self._running: set[asyncio.Task[Any]] = set()

    async def erase(self, viewer_id: str) -> Erasure:
        """Waits for ANSWER_SECONDS; then the answer is RUNNING, and the erasure goes on."""
        return await self._receipt("erase", viewer_id)

    async def export(self, viewer_id: str) -> Export:
        return msgspec.convert(await self._run("export", viewer_id), Export)

    async def consent(self, viewer_id: str, personal_pages: bool) -> Consent:
        """Whether a viewer wants personal pages. Without, the viewer is erased and nothing is kept from then on."""
        if not personal_pages:
            receipt = await self._receipt("refuse", viewer_id)
            return Consent(False, receipt.removed > 0 or not receipt.ended, receipt)
        return Consent(True, bool(await self._run("agree", viewer_id)), None)

    async def _receipt(self, verb: str, viewer_id: str) -> Erasure:
        task = asyncio.ensure_future(self._run(verb, viewer_id))
        self._running.add(task)
        task.add_done_callback(self._done)
        try:
            return msgspec.convert(await asyncio.wait_for(asyncio.shield(task), ANSWER_SECONDS), Erasure)
        except TimeoutError:
            return RUNNING

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._running.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            report.warning("a viewer was not erased", why=str(error))

    async def _run(self, verb: str, viewer_id: str) -> Any:
        if self._home is None:
            raise unavailable("this service has no home")
        viewer_id = identifier(viewer_id, "user_id", required=True)
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "feature_repo.people.run", verb, "--home", str(self._home.root)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=child_environment(),
            start_new_session=True,  # an erasure that has begun is ended, whatever becomes of this process
        )
        answered, said = await process.communicate(viewer_id.encode())
        if process.returncode == DONE:
            return json.loads(answered)
        message = said.decode(errors="replace").strip().removeprefix("marquee: ")
        report.error("a verb about a viewer failed", verb=verb, status=process.returncode)
        if process.returncode == REFUSED:
            raise Problem(409, "erasure_running", message, retry_after_seconds=1)
        if process.returncode == DEPENDENCY_DOWN:
            raise unavailable("store or log do not answer; what was done stays done: ask again")
        raise INTERNAL
