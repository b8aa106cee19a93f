"""Where a served home listens: HOME/run/ports.json, which exists while the supervisor runs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from feature_repo.core.files import write_atomic
from feature_repo.core.home import Home
from feature_repo.core.processes import is_running


@dataclass(frozen=True)
class Ports:
    host: str  # one that a client on this machine can connect to
    http_port: int
    grpc_port: int
    pid: int = 0  # of the supervisor
    started: int = 0  # when that process was, so that another with its id is not taken for it

    @property
    def http_url(self) -> str:
        return f"http://{f'[{self.host}]' if ':' in self.host else self.host}:{self.http_port}"

    @classmethod
    def read(cls, home: Home) -> Ports | None:
        """Where this home is being served; None when it is not: also when a killed supervisor left its file behind, or
        the file is invalid."""
        try:
            written = json.loads(_path(home).read_text())
            ports = cls(
                host=str(written["host"]),
                http_port=int(written["http_port"]),
                grpc_port=int(written["grpc_port"]),
                pid=int(written["pid"]),
                started=int(written["started"]),
            )
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return ports if is_running(ports.pid, ports.started) else None

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "http_url": self.http_url}

    @contextmanager
    def written(self, home: Home) -> Iterator[None]:
        """Inside the block, `read` finds these ports."""
        with suppress(OSError):  # the disk is full: `keep` tries again
            self.keep(home)
        try:
            yield
        finally:
            with suppress(OSError):
                _path(home).unlink(missing_ok=True)

    def keep(self, home: Home) -> None:
        """Write the file unless it is there. Raises OSError."""
        path, text = _path(home), json.dumps(self.to_json(), indent=2) + "\n"
        if not path.exists() or path.read_text() != text:
            write_atomic(path, text)


def _path(home: Home) -> Path:
    return home.run / "ports.json"
