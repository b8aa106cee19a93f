"""Feast's registry file for the `feast` program: of MARQUEE_HOME, else of the default home of this checkout."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from feast.infra.registry.file import FileRegistryStore
from google.protobuf.message import DecodeError

from feature_repo.core.errors import MarqueeError
from feature_repo.core.files import one_line
from feature_repo.core.revision import ROOT
from feature_repo.core.settings import MARQUEE_HOME

UNSET = f"${{{MARQUEE_HOME.name}}}"  # what Feast leaves in feature_store.yaml where the variable is not set


class RegistryError(MarqueeError, click.ClickException):
    """A missing or broken registry. The `feast` program also shows it as one line."""


class HomeRegistryStore(FileRegistryStore):  # type: ignore[misc]
    """Resolves a relative path against the checkout: Feast would resolve it against feature_repo/."""

    def __init__(self, registry_config: Any, repo_path: Path) -> None:
        super().__init__(registry_config, repo_path)
        self._filepath = ROOT / registry_config.path.replace(UNSET, MARQUEE_HOME.default)

    def get_registry_proto(self) -> Any:
        """Raises RegistryError, and FileNotFoundError where nothing was applied yet, which Feast answers itself."""
        home = self._filepath.parent.parent
        if not home.is_dir():
            raise RegistryError(f"no home at {home}: set MARQUEE_HOME to the directory of a world")
        try:
            return super().get_registry_proto()
        except DecodeError as error:
            raise RegistryError(
                f"{self._filepath}: expected a registry of Feast, found: {one_line(error)}; "
                "remove it, and run `marquee features --again`"
            ) from error
