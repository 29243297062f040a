"""Values that are costly to compute, held in memory between jobs: a mapping that drops what was used least recently."""

from __future__ import annotations

import dataclasses
import sys
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator, Mapping, MutableMapping
from typing import Any, TypeVar

Value = TypeVar("Value")

LIMIT = 512 << 20  # bytes


class Cache(MutableMapping[Hashable, Any]):
    """A mapping whose values take at most `limit` bytes together; the least recently used go first.

    A value larger than `limit` is not held at all, so that a key that was just set may be missing. Keys name all that
    the value depends on: there is no other way to tell an outdated value from a current one.

    Examples
    --------
    >>> cache = Cache(limit=2_000)
    >>> cache.get_or_compute("squares", lambda: [n * n for n in range(4)])
    [0, 1, 4, 9]
    >>> cache.get_or_compute("squares", lambda: 1 / 0)
    [0, 1, 4, 9]
    >>> cache.put("text", "a", nbytes=1_990)
    >>> list(cache)
    ['text']
    """

    def __init__(self, limit: int = LIMIT) -> None:
        self._pool = _Pool(limit)
        self._owner: Hashable = None

    def part(self, owner: Hashable) -> Cache:
        """The entries of one owner: keys of different owners never meet, and the limit holds for all together."""
        part = Cache(self.limit)
        part._pool, part._owner = self._pool, (self._owner, owner)
        return part

    @property
    def limit(self) -> int:
        """How many bytes the values may take together, those of other owners included."""
        return self._pool.limit

    def get_or_compute(
        self, key: Hashable, compute: Callable[[], Value], *, nbytes: Callable[[Value], int] | None = None
    ) -> Value:
        """The value under `key`, else what `compute` returns, held from then on unless it is None.

        `nbytes` measures a value whose size `size_of` cannot see, such as an index of a compiled library.
        """
        held: Value | None = self.get(key)
        if held is not None:
            return held
        value = compute()
        if value is not None:
            self.put(key, value, nbytes=None if nbytes is None else nbytes(value))
        return value

    def put(self, key: Hashable, value: Any, *, nbytes: int | None = None) -> None:
        """Hold `value`, which takes `nbytes` bytes; by default as measured by `size_of`."""
        self._pool.put((self._owner, key), value, size_of(value) if nbytes is None else nbytes)

    def __getitem__(self, key: Hashable) -> Any:
        try:
            return self._pool.get((self._owner, key))
        except KeyError:
            raise KeyError(key) from None

    def __setitem__(self, key: Hashable, value: Any) -> None:
        self.put(key, value)

    def __delitem__(self, key: Hashable) -> None:
        try:
            self._pool.remove((self._owner, key))
        except KeyError:
            raise KeyError(key) from None

    def __iter__(self) -> Iterator[Hashable]:
        return iter([key for owner, key in list(self._pool.entries) if owner == self._owner])

    def __len__(self) -> int:
        return sum(1 for _ in self)


class _Pool:
    """The entries of all owners, the least recently used first, and their sizes in bytes."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.entries: OrderedDict[tuple[Hashable, Hashable], tuple[Any, int]] = OrderedDict()
        self.size = 0
        self._lock = threading.RLock()  # an analysis may compute in threads

    def get(self, key: tuple[Hashable, Hashable]) -> Any:
        with self._lock:
            self.entries.move_to_end(key)
            return self.entries[key][0]

    def put(self, key: tuple[Hashable, Hashable], value: Any, nbytes: int) -> None:
        with self._lock:
            if key in self.entries:
                self.remove(key)
            if nbytes > self.limit:
                return
            while self.size + nbytes > self.limit:
                self.remove(next(iter(self.entries)))
            self.entries[key] = value, nbytes
            self.size += nbytes

    def remove(self, key: tuple[Hashable, Hashable]) -> None:
        with self._lock:
            self.size -= self.entries.pop(key)[1]


def size_of(value: Any) -> int:
    """About how many bytes a value takes: arrays and frames by their data, containers and dataclasses by their parts.

    Anything else counts as `sys.getsizeof` says, which sees no further than the object itself.

    Examples
    --------
    >>> size_of(b"x" * 1000) == size_of([b"x" * 1000]) - size_of([None]) + size_of(None)
    True
    """
    if isinstance(nbytes := getattr(value, "nbytes", None), int):  # NumPy, torch, memoryview
        return nbytes
    if callable(estimated := getattr(value, "estimated_size", None)):  # Polars
        return int(estimated())
    if isinstance(value, Mapping):
        return sys.getsizeof(value) + sum(size_of(key) + size_of(part) for key, part in value.items())
    if isinstance(value, list | tuple | set | frozenset):
        return sys.getsizeof(value) + sum(map(size_of, value))
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return sum(size_of(getattr(value, field.name)) for field in dataclasses.fields(value))
    return sys.getsizeof(value)
