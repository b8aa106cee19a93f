"""Reading and writing files of a home: errors in one line that names the file, atomic writes, values as JSON."""

from __future__ import annotations

import errno
import json
import os
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any, TypeVar

from feature_repo.core.errors import HomeError, MarqueeError

Value = TypeVar("Value")
# What parsers, and constructors of the parsed values, raise for unexpected content.
WRONG_CONTENT = (ValueError, KeyError, TypeError, AttributeError, IndexError, EOFError, RecursionError)


class FileError(MarqueeError):
    """A file is truncated, malformed or unreadable; the message names it, and the command that fixes it."""


@contextmanager
def reading(path: Path, expected: str, fix: str, error: type[MarqueeError] = FileError) -> Iterator[None]:
    """Turn errors of the block, which reads `path`, into one-line errors.

    `expected` is what the file should be ("the evaluation"), `fix` the end of a sentence: "run `marquee evaluate`".
    Raises HomeError where the file does not exist, else `error`. `path` may be a directory of files.
    """
    try:
        yield
    except MarqueeError:
        raise
    except FileNotFoundError as absent:
        missing = absent.filename if path.is_dir() and absent.filename else path
        raise HomeError(f"{missing}: expected {expected}, found nothing; {fix}") from absent
    except IsADirectoryError as folder:
        raise error(f"{path}: expected {expected}, found a directory; {fix}") from folder
    except OSError as broken:
        raise error(f"{path}: expected {expected}, cannot be read: {one_line(broken)}; {fix}") from broken
    except WRONG_CONTENT as wrong:
        raise error(f"{path}: expected {expected}, found something else: {one_line(wrong)}; {fix}") from wrong


def read_json(
    path: Path, make: Callable[[Any], Value], expected: str, fix: str, error: type[MarqueeError] = FileError
) -> Value:
    """`make` applied to the file's JSON. Raises as `reading` does, also for what `make` rejects."""
    with reading(path, expected, fix, error):
        return make(json.loads(path.read_bytes()))


def read_bounded(path: Path, most_bytes: int) -> bytes:
    """A small file that anybody may have put there. Raises OSError for what is no file (a pipe would be waited for), or
    is larger (a device has no end)."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "it is no regular file", str(path))
        content = file.read(most_bytes + 1)
    if len(content) > most_bytes:
        raise OSError(errno.EFBIG, f"it is larger than {most_bytes} bytes", str(path))
    return content


def one_line(error: BaseException) -> str:
    """A library's error in one short line: the first line of its message, or its type where that is empty."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    first = lines[0] if lines else ""
    if isinstance(error, KeyError):
        first = f"no {first}"
    return first[:200] if first else type(error).__name__


def write_atomic(path: Path, content: str | bytes) -> None:
    """Write a file atomically: readers see, and a crash leaves, the old content or the new, never a part of it."""
    with naming(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content.encode() if isinstance(content, str) else content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Make an OSError of the block name `path`: a failed write names no file, or only a temporary one."""
    try:
        yield
    except OSError as error:
        if error.errno is not None:
            error.filename, error.filename2 = str(path), None
        raise


def check_writable(directory: Path, least_bytes: int = 1 << 20) -> None:
    """Raises OSError naming the directory if a file of `least_bytes` cannot be written there."""
    with naming(directory), tempfile.TemporaryFile(dir=directory) as file:
        os.posix_fallocate(file.fileno(), 0, least_bytes)


def plain(value: Any) -> Any:
    """The `default` of `json.dumps`: converts paths, arrays, their scalars, and dataclasses."""
    if isinstance(value, Path):
        return str(value)
    if hasattr(value, "tolist"):
        return value.tolist()
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    raise TypeError(f"{type(value).__name__} is not JSON")


@contextmanager
def atomic_directory(path: Path) -> Iterator[Path]:
    """Yield a new empty directory to fill; it replaces `path` if the block ends without an error."""
    import shutil

    with naming(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}."))
    try:
        yield temporary
        retired = path.with_name(f".{path.name}.retired")
        shutil.rmtree(retired, ignore_errors=True)
        if path.exists():
            os.replace(path, retired)
        os.replace(temporary, path)
        shutil.rmtree(retired, ignore_errors=True)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
