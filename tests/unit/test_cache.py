"""What analyses hold between jobs: bounded by memory, and never shared between them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
import pytest

from workbench.cache import Cache, size_of


def test_a_value_is_computed_once_and_none_is_not_held() -> None:
    cache = Cache()
    values = iter([None, "first", "second"])
    assert [cache.get_or_compute("key", lambda: next(values)) for _ in range(3)] == [None, "first", "first"]


def test_the_least_recently_used_goes_first() -> None:
    cache = Cache(limit=3000)
    for name in "abc":
        cache[name] = np.zeros(1000, np.uint8)
    assert cache["a"].size == 1000
    cache["d"] = np.zeros(1000, np.uint8)
    assert list(cache) == ["c", "a", "d"]
    cache["c"] = np.zeros(2000, np.uint8)
    assert list(cache) == ["d", "c"]
    del cache["c"]
    assert "c" not in cache
    assert len(cache) == 1
    with pytest.raises(KeyError, match="c"):
        del cache["c"]


def test_what_is_larger_than_the_limit_is_not_held() -> None:
    cache = Cache(limit=1000)
    cache["small"] = np.zeros(900, np.uint8)
    assert cache.get_or_compute("large", lambda: np.zeros(2000, np.uint8)).size == 2000
    assert list(cache) == ["small"]
    assert cache.get_or_compute("index", object, nbytes=lambda _: 5000) is not None
    assert list(cache) == ["small"]


def test_owners_share_the_limit_and_nothing_else() -> None:
    cache = Cache(limit=2000)
    one, other = cache.part(("one", "source 1")), cache.part(("other", "source 1"))
    one["key"] = np.zeros(900, np.uint8)
    assert "key" not in other
    assert "key" not in cache.part(("one", "source 2"))
    assert cache.part(("one", "source 1"))["key"].size == 900
    other["key"] = np.zeros(1500, np.uint8)
    assert "key" not in one
    assert other.limit == 2000


def test_sizes_are_those_of_the_data() -> None:
    @dataclass
    class Pair:
        a: np.ndarray
        b: dict[str, np.ndarray]

    array = np.zeros(10_000)
    assert size_of(array) == 80_000
    assert 80_000 <= size_of(pl.DataFrame({"x": array})) < 100_000
    for value in ([array], (array,), {"x": array}, Pair(array[:5000], {"b": array[5000:]})):
        assert 80_000 <= size_of(value) < 81_000
