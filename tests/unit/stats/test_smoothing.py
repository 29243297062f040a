"""The moving average against its definition, and against pandas where that is installed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.stats.smoothing import ema

VALUES = st.lists(st.one_of(st.floats(-1e6, 1e6), st.sampled_from([np.nan, np.inf, -np.inf])), max_size=60)
WEIGHTS = st.floats(0, 0.999)


def by_definition(values: np.ndarray, weight: float) -> np.ndarray:
    """Weighted means, one sum a value."""
    out = np.full(len(values), np.nan)
    kept: list[float] = []
    for place, value in enumerate(values):
        if np.isfinite(value):
            kept.append(value)
            weights = weight ** np.arange(len(kept) - 1, -1, -1.0)
            out[place] = np.dot(weights, kept) / weights.sum()
    return out


@given(VALUES, WEIGHTS)
def test_is_the_weighted_mean_of_what_came_so_far(values: list[float], weight: float) -> None:
    x = np.array(values, dtype=np.float64)
    np.testing.assert_allclose(ema(x, weight), by_definition(x, weight), rtol=1e-9, atol=1e-7)


@given(st.floats(allow_nan=False, allow_infinity=False), st.integers(1, 400), WEIGHTS)
def test_a_constant_stays_that_constant(value: float, count: int, weight: float) -> None:
    smoothed = ema(np.full(count, value), weight)
    assert smoothed[1:].tolist() == smoothed[:-1].tolist()
    assert smoothed[0] == pytest.approx(value, rel=1e-15, abs=1e-323)


@given(VALUES)
def test_without_weight_nothing_changes(values: list[float]) -> None:
    x = np.array(values, dtype=np.float64)
    finite = np.isfinite(x)
    np.testing.assert_allclose(ema(x, 0.0)[finite], x[finite], rtol=1e-12, atol=1e-9)
    assert np.isnan(ema(x, 0.5)[~finite]).all()


def test_equals_pandas() -> None:
    pandas = pytest.importorskip("pandas", reason="pandas is no dependency")
    x = np.random.default_rng(0).normal(size=500)
    x[::7] = np.nan
    expected = pandas.Series(x).ewm(alpha=0.1, adjust=True, ignore_na=True).mean().to_numpy()
    given_ = np.isfinite(x)
    np.testing.assert_allclose(ema(x, 0.9)[given_], expected[given_], rtol=1e-10)


@pytest.mark.parametrize("weight", [-0.1, 1.0, 2.0, float("nan")])
def test_weights_outside_the_range_are_refused(weight: float) -> None:
    with pytest.raises(ValueError, match="weight"):
        ema(np.ones(3), weight)
