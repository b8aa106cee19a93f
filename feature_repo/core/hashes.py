"""Content hashes: of a file, of a directory, of JSON in canonical form."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def hashes(directory: Path) -> dict[str, str]:
    """Relative path -> sha256 of every file below a directory."""
    files = sorted(path for path in directory.rglob("*") if path.is_file())
    return {path.relative_to(directory).as_posix(): sha256_of(path) for path in files}


def directory_id(directory: Path) -> str:
    """One hash of a directory's content."""
    return hashlib.sha256(canonical(hashes(directory))).hexdigest()


def content_of(paths: Sequence[Path]) -> dict[str, str]:
    """Name -> hash of these files and directories; "" for a missing one."""
    return {
        path.name: directory_id(path) if path.is_dir() else sha256_of(path) if path.is_file() else "" for path in paths
    }


def canonical(content: Mapping[str, Any]) -> bytes:
    """A JSON object in canonical form: the bytes do not depend on the order of its fields."""
    return (json.dumps(content, indent=1, sort_keys=True, ensure_ascii=True, allow_nan=False) + "\n").encode()
