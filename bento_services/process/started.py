"""The place of an engine in an application that is made before its service has started."""

from __future__ import annotations

from bento_services.engine import Engine
from bento_services.http.edge import Edge
from bento_services.rpc.service import GrpcServer


class Started:
    """The engine of a service, once it has started, and what ends with it."""

    def __init__(self, name: str = "service") -> None:
        self.name = name  # of this process among those of a home
        self.engine: Engine | None = None
        self.grpc: GrpcServer | None = None

    def __call__(self) -> Engine:
        assert self.engine is not None, "asked before the service has started"
        return self.engine

    @property
    def is_ready(self) -> bool:
        return self.engine is not None and self.engine.ready

    async def unready(self, edge: Edge) -> None:
        """Tell whoever balances load, and every client, to turn to another process."""
        edge.leaving = True
        if self.engine is not None:
            self.engine.ready = False
        if self.grpc is not None:
            await self.grpc.unready()

    async def leave(self) -> None:
        """Take no call any more, and finish those in work."""
        if self.grpc is not None:
            await self.grpc.stop()
