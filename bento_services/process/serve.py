"""The serving process: BentoML's HomeService as one process under uvicorn, gRPC beside it on the same loop.

`bentoml serve` would put an arbiter around it; this is one process, and composed in it a page costs no hop.
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

STOP_SECONDS = 5


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="bento_services.process.serve", description=__doc__)
    parser.add_argument("--home", help="the world to serve (default: MARQUEE_HOME or var/)")
    parser.add_argument("--host", help="address to listen on (default: 127.0.0.1)")
    parser.add_argument("--http-port", type=int, default=8080)
    parser.add_argument("--grpc-port", type=int, help="default: MARQUEE_GRPC_PORT, else no gRPC")
    parser.add_argument("--insecure", action="store_true", help="allow a non-loopback address without API keys")
    parser.add_argument("--fd", type=int, help="a listening socket to inherit instead of --host and --http-port")
    parser.add_argument("--die-with-parent", action="store_true", help="leave when the process that started this dies")
    options = parser.parse_args(arguments)
    given = {
        "MARQUEE_HOME": options.home,
        "MARQUEE_HOST": options.host,
        "MARQUEE_GRPC_PORT": None if options.grpc_port is None else str(options.grpc_port),
        "MARQUEE_INSECURE": "1" if options.insecure else None,
    }
    os.environ.update({name: value for name, value in given.items() if value is not None})
    os.environ.setdefault("BENTOML_DO_NOT_TRACK", "True")
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ["MARQUEE_SPLIT"] = ""  # this is the one-process form; `bentoml serve` starts the other
    if options.die_with_parent:
        threading.Thread(target=_follow_parent, args=(os.getppid(),), name="parent", daemon=True).start()

    import uvicorn

    from bento_services.process import logs
    from bento_services.process.home_service import HomeService

    logs.configure()

    config = uvicorn.Config(
        HomeService.to_asgi(),
        host=os.environ.get("MARQUEE_HOST") or "127.0.0.1",
        port=options.http_port,
        loop="uvloop",
        http="httptools",
        lifespan="on",
        access_log=False,
        log_level="warning",
        server_header=False,
        timeout_graceful_shutdown=STOP_SECONDS,
    )
    sockets = None if options.fd is None else [socket.socket(fileno=options.fd)]
    server = uvicorn.Server(config)
    server.run(sockets=sockets)
    if not server.started:
        raise SystemExit(3)


def _follow_parent(parent: int) -> None:
    wait = threading.Event()
    while os.getppid() == parent:
        wait.wait(0.25)
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main()
