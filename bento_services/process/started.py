"""The place of an engine in an application that is made before its service has started."""

from __future__ import annotations

from bento_services.engine import Engine


class Started:
    """The engine of a service, once it has started."""

    def __init__(self) -> None:
        self.engine: Engine | None = None

    def __call__(self) -> Engine:
        assert self.engine is not None, "asked before the service has started"
        return self.engine

    @property
    def is_ready(self) -> bool:
        return self.engine is not None and self.engine.ready
