"""What was used most recently, of as many things as there is room for."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class Recent(Generic[Key, Value]):
    """Keeps the `most` that were got or put most recently. Thread-safe."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: OrderedDict[Key, Value] = OrderedDict()
        self._lock = threading.Lock()

    def __contains__(self, key: Key) -> bool:
        return key in self._kept

    def __iter__(self) -> Iterator[Key]:
        """The key of what goes first at the front; of the moment."""
        with self._lock:
            return iter(list(self._kept))

    def get(self, key: Key) -> Value | None:
        with self._lock:
            if (found := self._kept.get(key)) is not None:
                self._kept.move_to_end(key)
            return found

    def put(self, key: Key, value: Value) -> None:
        with self._lock:
            self._put(key, value)

    def got_or(self, key: Key, make: Callable[[], Value]) -> Value:
        """The one that is kept, else a new one; all threads get the same. `make` is called while others wait."""
        with self._lock:
            if (found := self._kept.get(key)) is not None:
                self._kept.move_to_end(key)
                return found
            self._put(key, made := make())
            return made

    def drop(self, key: Key) -> None:
        with self._lock:
            self._kept.pop(key, None)

    def forget(self, is_gone: Callable[[Key, Value], bool]) -> None:
        with self._lock:
            for key in [key for key, value in self._kept.items() if is_gone(key, value)]:
                del self._kept[key]

    def _put(self, key: Key, value: Value) -> None:
        self._kept[key] = value
        self._kept.move_to_end(key)
        if len(self._kept) > self._most:
            self._kept.popitem(last=False)
