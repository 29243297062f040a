"""Ticks that are round and say no more than they know; reduction that loses no peak."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.present.axes import reduce_points, ticks


@given(st.integers(1, 3000), st.integers(2, 60))
def test_reduction_keeps_the_extremes_of_every_column(count: int, columns: int) -> None:
    y = np.random.default_rng(count).normal(size=count)
    x = np.linspace(0, 1, count)
    rx, ry = reduce_points(x, y, columns)
    assert len(ry) <= max(2 * columns, count if count <= 2 * columns else 0)
    assert ry.max() == y.max()
    assert ry.min() == y.min()
    assert np.all(np.diff(rx) >= 0)


def test_ticks_are_round_and_distinct() -> None:
    for low, high in [(0, 1), (0.93, 0.951), (-3, 12), (0, 65_536), (1e-6, 3e-6), (0.1, 0.35)]:
        marks = ticks(low, high, 5)
        labels = [label for _, label in marks]
        assert 2 <= len(labels) <= 11
        assert len(set(labels)) == len(labels), labels
        for at, label in marks:
            assert float(label.replace(",", "").replace("−", "-")) == pytest.approx(at, rel=1e-2, abs=1e-12)
    assert [label for _, label in ticks(0.5, 1.0, 5, percent=True)] == ["50%", "60%", "70%", "80%", "90%", "100%"]
    assert [label for _, label in ticks(-3, 0, 5, log=True)] == ["0.001", "0.01", "0.1", "1"]


def test_what_is_counted_has_no_tick_between_whole_numbers() -> None:
    for last in (2, 3, 4, 7, 30, 1000):
        marks = [mark for mark, _ in ticks(1.0, float(last), 6, whole=True)]
        assert len(marks) >= 2
        assert all(mark == int(mark) for mark in marks)


@given(st.floats(-1e9, 1e9), st.floats(1e-6, 1e9))
@settings(max_examples=200, deadline=None)
def test_ticks_are_few_and_inside(low: float, width: float) -> None:
    if width > 1e-6 * abs(low):
        marks = [mark for mark, _ in ticks(low, low + width, 5)]
        assert len(marks) <= 12
        assert all(low - 1e-6 * width - 1e-9 <= mark <= low + width * (1 + 1e-6) + 1e-9 for mark in marks)
