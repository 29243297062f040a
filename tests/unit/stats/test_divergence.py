import inspect

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.stats import ks_2samp, wasserstein_distance

from workbench.stats.divergence import columns_per_block, compare, histograms, join
from workbench.stats.measures import MEASURES
from workbench.stats.measures.ks import p_value

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
    comparison = compare(a, b, threads=2)
    ks, wasserstein = comparison.measures["ks"], comparison.measures["wasserstein"]
    for j in range(a.shape[1]):
        x, y = a[:, j].astype(np.float64), b[:, j].astype(np.float64)
        assert ks[j] == pytest.approx(ks_2samp(x, y).statistic, abs=1e-9)
        assert wasserstein[j] == pytest.approx(wasserstein_distance(x, y), rel=1e-6, abs=1e-9)
        assert comparison.mean_a[j] == pytest.approx(x.mean(), rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_equal_to_scipy_on_larger_samples_of_each_type(dtype):
    rng = np.random.default_rng(0)
    a, b = rng.normal(0, 1, (3000, 5)).astype(dtype), rng.normal(0.1, 1.3, (1100, 5)).astype(dtype)
    measures = compare(a, b).measures
    for j in range(5):
        x, y = a[:, j].astype(np.float64), b[:, j].astype(np.float64)
        assert measures["ks"][j] == pytest.approx(ks_2samp(x, y).statistic, abs=1e-12)
        assert measures["wasserstein"][j] == pytest.approx(wasserstein_distance(x, y), abs=1e-9)


def test_moments_and_their_edges():
    a, b = np.array([[0.0, 2, 1], [2, 2, 1]]), np.array([[2.0, 2, 5], [6, 2, 5]])
    measures = compare(a, b).measures
    pooled = np.sqrt((2 + 8) / 2)
    assert measures["smd"] == pytest.approx([3 / pooled, 0, np.nan], nan_ok=True)
    assert measures["sd_ratio"] == pytest.approx([2, 1, 1])
    assert measures["ks"].tolist() == [0.5, 0, 1]
    assert measures["wasserstein_sd"] == pytest.approx([3 / pooled, 0, np.nan], nan_ok=True)
    narrow = compare(np.array([[0.0, 3], [2, 3]]), np.array([[1.0, 4], [1, 8]])).measures["sd_ratio"]
    assert narrow == pytest.approx([0, np.nan], nan_ok=True)


@pytest.mark.parametrize("measure", MEASURES.values(), ids=list(MEASURES))
def test_every_measure_says_what_it_is_and_grows_with_the_difference(measure):
    assert MEASURES[measure.name] is measure
    assert measure.help
    assert len(measure.title) <= 8
    module = inspect.getmodule(measure.of)
    assert module is not None
    assert module.__doc__ is not None
    assert module.__doc__.count("\n") > 3  # definition, ties, source
    rng = np.random.default_rng(0)
    a = rng.normal(size=(2000, 1))
    values = [compare(a, scale * a + shift).measures[measure.name] for scale, shift in ((1, 0), (1.2, 0.2), (2, 1))]
    same, near, far = (float(measure.size(value)[0]) for value in values)
    assert same == pytest.approx(0, abs=1e-12)
    assert same < near < far
    assert measure.size(np.array([np.nan, values[1][0]])).tolist() == pytest.approx([np.nan, near], nan_ok=True)


def test_blocks_of_columns_join_to_the_whole():
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=(30, 5)), rng.normal(1, 2, size=(20, 5))
    whole, joined = compare(a, b), join([compare(a[:, :2], b[:, :2]), compare(a[:, 2:], b[:, 2:])])
    for name in MEASURES:
        np.testing.assert_array_equal(joined.measures[name], whole.measures[name])
    for name in ("mean_a", "mean_b", "sd_a", "sd_b"):
        np.testing.assert_array_equal(getattr(joined, name), getattr(whole, name))


def test_non_finite_columns_are_told_by_nan_alone():
    a = np.array([[0, 0.0], [np.nan, 1], [1, 2]])
    comparison = compare(a, np.array([[0, 0.0], [1, np.inf]]))
    for values in (*comparison.measures.values(), comparison.mean_a, comparison.sd_b):
        assert np.isnan(values).all()
    assert np.isnan(compare(a, a).measures["ks"]).tolist() == [True, False]


def test_p_value_equals_scipy_asymptotic():
    rng = np.random.default_rng(1)
    x, y = rng.normal(0, 1, 500), rng.normal(0.15, 1, 700)
    expected = ks_2samp(x, y, method="asymp")
    assert p_value(np.array([expected.statistic]), 500, 700)[0] == pytest.approx(expected.pvalue, rel=1e-9)


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
        compare(np.zeros((2, 2)), np.zeros((2, 3)))
    with pytest.raises(ValueError, match="row"):
        compare(np.zeros((0, 2)), np.zeros((2, 2)))


@pytest.mark.parametrize(("top", "count", "width"), [(16, 17, 1.0), (255, 52, 5.0), (0, 1, 1.0)])
def test_whole_numbers_fall_into_the_middle_of_bins(top: int, count: int, width: float):
    rng = np.random.default_rng(3)
    a, b = rng.integers(0, top + 1, 500).astype(np.float32), np.array([0, top], np.float32)
    edges, first, second = histograms(a, b)
    assert (len(first), edges[1] - edges[0], edges[0]) == (count, width, -0.5)
    assert first.sum() == pytest.approx(1)
    assert second.sum() == pytest.approx(1)
