"""The serving process: BentoML's HomeService under uvicorn, with gRPC on the same event loop.

`bentoml serve` would add a supervising process; this is a single one, and a page costs no network hop.
`marquee serve` starts this through the supervisor, which hands it the listening socket. On its own:

    python -m bento_services.process.serve --home DIR --http-port 8080 --grpc-port 8081
"""

from __future__ import annotations

import argparse
import os
import signal
import socket
import threading
from collections.abc import Sequence
from functools import partial
from typing import Any

from bento_services.admission.limits import LIMITS
from bento_services.process.started import Started
from bento_services.settings import SERVICE
from feature_repo.core import logs
from feature_repo.core.home import Home
from feature_repo.core.pulse import Pulse
from feature_repo.core.settings import (
    MARQUEE_GRPC_PORT,
    MARQUEE_HOME,
    MARQUEE_HOST,
    MARQUEE_INSECURE,
    preset,
    read,
)

STOP_SECONDS = 5


def main(arguments: Sequence[str] | None = None) -> None:
    options = _options(arguments)
    if options.home is not None:
        MARQUEE_HOME.set(options.home)
    if options.host is not None:
        MARQUEE_HOST.set(options.host)
    if options.grpc_port is not None:
        MARQUEE_GRPC_PORT.set(options.grpc_port)
    if options.insecure:
        MARQUEE_INSECURE.set(True)
    preset(BENTOML_DO_NOT_TRACK="True", OMP_NUM_THREADS="1")
    if options.die_with_parent:
        threading.Thread(target=_follow_parent, args=(os.getppid(),), name="parent", daemon=True).start()

    import uvicorn

    from bento_services.http.protocol import bounded_http
    from bento_services.http.server import Server
    from bento_services.process.home_service import application, home_service

    home = Home.open()
    logs.configure(options.name, home if options.log_to_home else None)
    limits, settings = read(LIMITS, home.root), read(SERVICE, home.root)
    service = home_service(split=False)
    started = service.inner.started
    started.name = options.name
    config = uvicorn.Config(
        application(service),
        host=MARQUEE_HOST.get(),
        port=options.http_port,
        loop="uvloop",
        http=bounded_http(limits),
        ws="none",
        timeout_keep_alive=limits.idle_seconds,
        lifespan="on",
        access_log=False,
        log_config=None,  # its lines have the form of all others
        log_level="warning",
        server_header=False,
        timeout_graceful_shutdown=STOP_SECONDS,
    )
    sockets = None if options.fd is None else [socket.socket(fileno=options.fd)]
    server = Server(
        config,
        unready_seconds=settings.unready_seconds,
        drain_seconds=settings.drain_seconds,
        unready=partial(started.unready, service.inner.edge),
        leave=started.leave,
    )
    _beat(server, started, Pulse(options.pulse_fd))
    server.run(sockets=sockets)
    if not server.started:
        raise SystemExit(3)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bento_services.process.serve", description=__doc__)
    parser.add_argument("--home", help="the world to serve (default: MARQUEE_HOME or var/)")
    parser.add_argument("--host", help="address to listen on (default: 127.0.0.1)")
    parser.add_argument("--http-port", type=int, default=8080)
    parser.add_argument("--grpc-port", type=int, help="default: MARQUEE_GRPC_PORT, else no gRPC")
    parser.add_argument("--insecure", action="store_true", help="allow a non-loopback address without API keys")
    parser.add_argument("--fd", type=int, help="a listening socket to inherit instead of --host and --http-port")
    parser.add_argument("--pulse-fd", type=int, help="a pipe on which to show that this is at work")
    parser.add_argument("--name", default="service", help="of this process among the workers of its home")
    parser.add_argument("--log-to-home", action="store_true", help="write the log into the home, not to stderr")
    parser.add_argument("--die-with-parent", action="store_true", help="leave when the process that started this dies")
    return parser.parse_args(arguments)


def _beat(server: Any, started: Started, pulse: Pulse) -> None:
    """Show that this is at work: uvicorn ticks on the loop that answers, ten times a second once it is ready."""
    tick = server.on_tick

    async def on_tick(counter: int) -> bool:
        if counter % 5 == 0 and started.engine is not None and not started.engine.hangs:
            pulse.beat()
        return bool(await tick(counter))

    server.on_tick = on_tick


def _follow_parent(parent: int) -> None:
    wait = threading.Event()
    while os.getppid() == parent:
        wait.wait(0.25)
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main()
