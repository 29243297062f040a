import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.stats import ks_2samp, wasserstein_distance

from workbench.stats.divergence import columns_per_block, histograms, ks, ks_p_value, moved, wasserstein

smooth = st.floats(-1e3, 1e3, width=32)
tied = st.sampled_from([0.0, 0.1, 0.25, 1.0, 3.0])
column = st.one_of(smooth, tied)


@st.composite
def two_samples(draw):
    width = draw(st.integers(1, 4))
    elements = draw(st.sampled_from([smooth, tied]))
    return tuple(draw(hnp.arrays(np.float32, (draw(st.integers(1, 40)), width), elements=elements)) for _ in range(2))


@given(two_samples())
@settings(max_examples=150, deadline=None)
def test_equal_to_scipy_with_ties(samples):
    a, b = samples
    found = moved(a, b, threads=2)
    for j in range(a.shape[1]):
        x, y = a[:, j].astype(np.float64), b[:, j].astype(np.float64)
        assert found.ks[j] == pytest.approx(ks_2samp(x, y).statistic, abs=1e-9)
        assert found.wasserstein[j] == pytest.approx(wasserstein_distance(x, y), rel=1e-6, abs=1e-9)
        assert found.mean1[j] == pytest.approx(x.mean(), rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_equal_to_scipy_on_larger_samples_of_each_type(dtype):
    rng = np.random.default_rng(0)
    a, b = rng.normal(0, 1, (3000, 5)).astype(dtype), rng.normal(0.1, 1.3, (1100, 5)).astype(dtype)
    for j in range(5):
        x, y = a[:, j].astype(np.float64), b[:, j].astype(np.float64)
        assert ks(a, b)[j] == pytest.approx(ks_2samp(x, y).statistic, abs=1e-12)
        assert wasserstein(a, b)[j] == pytest.approx(wasserstein_distance(x, y), abs=1e-9)


def test_moments_and_their_edges():
    a, b = np.array([[0.0, 2, 1], [2, 2, 1]]), np.array([[2.0, 2, 5], [6, 2, 5]])
    found = moved(a, b)
    pooled = np.sqrt((2 + 8) / 2)
    assert found.shift == pytest.approx([3 / pooled, 0, np.nan], nan_ok=True)
    assert found.spread == pytest.approx([2, 1, 1])
    assert found.ks.tolist() == [0.5, 0, 1]


def test_non_finite_columns_are_told_by_nan_alone():
    a = np.array([[0, 0.0], [np.nan, 1], [1, 2]])
    found = moved(a, np.array([[0, 0.0], [1, np.inf]]))
    assert np.isnan(found.ks).all()
    assert np.isnan(moved(a, a).ks).tolist() == [True, False]


def test_p_value_equals_scipy_asymptotic():
    rng = np.random.default_rng(1)
    x, y = rng.normal(0, 1, 500), rng.normal(0.15, 1, 700)
    expected = ks_2samp(x, y, method="asymp")
    assert ks_p_value(np.array([expected.statistic]), 500, 700)[0] == pytest.approx(expected.pvalue, rel=1e-9)


def test_histograms_share_edges_and_hold_every_sample():
    rng = np.random.default_rng(2)
    a, b = rng.normal(size=400).astype(np.float32), rng.normal(3, 1, 100).astype(np.float32)
    edges, first, second = histograms(a, b)
    assert len(edges) == len(first) + 1 == len(second) + 1
    assert first.sum() == pytest.approx(1)
    assert second.sum() == pytest.approx(1)
    edges, first, _ = histograms(np.zeros(3), np.zeros(2))
    assert first.max() == 1
    assert len(histograms(a, b, bins=7)[0]) == 8


def test_blocks_are_bounded_and_wrong_input_refused():
    assert columns_per_block(60_000) == 128
    assert columns_per_block(10**9) == 1
    with pytest.raises(ValueError, match="width"):
        moved(np.zeros((2, 2)), np.zeros((2, 3)))
    with pytest.raises(ValueError, match="row"):
        moved(np.zeros((0, 2)), np.zeros((2, 2)))


@pytest.mark.parametrize(("top", "count", "width"), [(16, 17, 1.0), (255, 52, 5.0), (0, 1, 1.0)])
def test_whole_numbers_fall_into_the_middle_of_bins(top: int, count: int, width: float):
    rng = np.random.default_rng(3)
    a, b = rng.integers(0, top + 1, 500).astype(np.float32), np.array([0, top], np.float32)
    edges, first, second = histograms(a, b)
    assert (len(first), edges[1] - edges[0], edges[0]) == (count, width, -0.5)
    assert first.sum() == pytest.approx(1)
    assert second.sum() == pytest.approx(1)
