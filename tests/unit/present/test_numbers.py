"""Numbers with the digits that they deserve, in one dialect."""

from __future__ import annotations

import doctest
import importlib
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.present import numbers


@pytest.mark.parametrize("name", ["axes", "colours", "heat", "numbers", "splits", "terminal"])
def test_the_examples_of_the_docstrings(name: str) -> None:
    assert doctest.testmod(importlib.import_module(f"workbench.present.{name}")).failed == 0


@pytest.mark.parametrize(
    ("value", "kwargs", "told"),
    [
        (0.951, {"ci": (0.942, 0.959)}, "95.1 % [94.2, 95.9]"),
        (0.951, {"n": 497}, "95.1 %"),
        (0.5, {"n": 20}, "50 %"),
        (0.82710, {"n": 50_000}, "82.71 %"),
        (0.0, {}, "0.0 %"),
        (-0.012, {"digits": 1, "sign": True}, "−1.2 %"),
        (0.012, {"digits": 1, "sign": True}, "+1.2 %"),
        (float("nan"), {}, "NaN"),
        (None, {}, "–"),
    ],
)
def test_percent(value: float | None, kwargs: dict[str, Any], told: str) -> None:
    assert numbers.percent(value, **kwargs) == told


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (1281167, "1,281,167"),
        (0.5, "0.5000"),
        (123.456, "123.5"),
        (-3, "−3"),
        (-0.25, "−0.2500"),
        (1e-9, "1.00e-09"),
        (math.inf, "∞"),
        (math.nan, "NaN"),
        (None, "–"),
        (True, "yes"),
    ],
)
def test_number(value: object, told: str) -> None:
    assert numbers.number(value) == told


def test_duration() -> None:
    assert numbers.duration(3.21) == "3.2 s"
    assert numbers.duration(59.7) == "1 min 00 s"
    assert numbers.duration(125) == "2 min 05 s"
    assert numbers.duration(4800) == "1 h 20 min"
    assert numbers.duration(None) == "–"


@pytest.mark.parametrize(
    ("p", "long", "short"),
    [
        (0.0, "p < 0.001", "<0.001"),
        (0.0009999, "p < 0.001", "<0.001"),
        (0.001, "p = 0.001", "0.001"),
        (0.0421, "p = 0.042", "0.042"),
        (0.25, "p = 0.25", "0.25"),
        (1.0, "p = 1.00", "1.00"),
        (math.nan, "p unknown", "–"),
    ],
)
def test_p_values_have_one_dialect(p: float, long: str, short: str) -> None:
    assert numbers.p_value(p) == long
    assert numbers.short_p(p) == short


def test_points_are_called_points_and_no_interval_is_lost() -> None:
    assert numbers.points(0.037, (0.003, 0.069)) == "3.7 points [0.3, 6.9]"
    assert numbers.points(None) == "–"
    assert numbers.percent(0.5, (0.25, math.nan)) == "50.0 % [25.0, NaN]"


@given(st.floats(allow_nan=True, allow_infinity=True), st.sampled_from(["", "%", "pts", "nats\x1b"]))
def test_any_value_has_a_harmless_text(value: float, unit: str) -> None:
    for ci in (None, (value, value), (0.0, value), (math.nan, math.inf)):
        assert numbers.with_unit(value, ci, unit).isprintable()
    assert numbers.cell(value).isprintable()


@pytest.mark.parametrize(
    ("value", "shown"),
    [(None, "–"), (True, "yes"), (12345, "12,345"), (1.0, "1"), (0.0123456, "0.01235"), ("a\x1b", "a\\x1b"),
     (np.float32(0.5), "0.5000"), (np.int64(-2), "−2"), (math.inf, "∞"), ([1], "[1]")],
)  # fmt: skip
def test_cells(value: object, shown: str) -> None:
    assert numbers.cell(value) == shown


def test_a_column_has_the_same_decimals() -> None:
    assert numbers.column_digits(np.array([0.5, np.nan, 0.25])) == 3
    assert numbers.column_digits(np.array([1e-9, 1.0, 1e9])) is None
    assert numbers.column_digits(np.array([])) == 1
