import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

from workbench.stats.intervals import clopper_pearson, newcombe_difference, wilson

counts = st.integers(1, 20_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@given(counts, st.sampled_from([0.8, 0.95, 0.999]))
@settings(max_examples=100, deadline=None)
def test_intervals_equal_statsmodels(kn, level):
    k, n = kn
    assert clopper_pearson(k, n, level) == pytest.approx(proportion_confint(k, n, 1 - level, "beta"), abs=1e-9)
    assert wilson(k, n, level) == pytest.approx(proportion_confint(k, n, 1 - level, "wilson"), abs=1e-12)


@given(counts, counts)
@settings(max_examples=100, deadline=None)
def test_newcombe_equals_statsmodels(first, second):
    expected = confint_proportions_2indep(*first, *second, method="newcomb", compare="diff", correction=False)
    assert newcombe_difference(*first, *second) == pytest.approx(expected, abs=1e-9)


def test_newcombe_equals_the_papers_table():
    """Newcombe 1998, table II, method 10, the contrasts (a) 56/70 - 48/80 and (e) 10/10 - 0/20."""
    assert newcombe_difference(56, 70, 48, 80) == pytest.approx((0.0524, 0.3339), abs=5e-5)
    assert newcombe_difference(10, 10, 0, 20) == pytest.approx((0.6791, 1.0), abs=5e-5)


def test_arrays_equal_their_elements():
    k, n = np.array([0, 3, 10, 0]), np.array([10, 10, 10, 0])
    for function in (clopper_pearson, wilson):
        low, high = function(k, n)
        assert [(a, b) for a, b in zip(low, high, strict=True)] == [
            function(int(a), int(b)) for a, b in zip(k, n, strict=True)
        ]
    low, high = newcombe_difference(k, n, 5, 10)
    assert low.shape == (4,)
    assert (low[3], high[3]) == (-1, 1)
    assert (low <= high).all()


def test_ends_are_exact_and_bad_counts_refused():
    assert clopper_pearson(0, 10)[0] == 0
    assert clopper_pearson(10, 10)[1] == 1
    assert clopper_pearson(0, 0) == (0, 1)
    assert wilson(0, 7)[0] == 0
    with pytest.raises(ValueError, match="0 <= k <= n"):
        clopper_pearson(11, 10)
    with pytest.raises(ValueError, match="level"):
        newcombe_difference(1, 2, 1, 2, level=95)
