import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportions_ztest

from workbench.stats.significance import benjamini_hochberg, holm, two_proportion_z

counts = st.integers(1, 50_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@given(counts, counts)
@settings(max_examples=100, deadline=None)
def test_z_equals_statsmodels(first, second):
    (k1, n1), (k2, n2) = first, second
    if k1 + k2 in (0, n1 + n2):
        assert two_proportion_z(k1, n1, k2, n2) == (0, 1)
    else:
        expected = proportions_ztest([k1, k2], [n1, n2])
        assert two_proportion_z(k1, n1, k2, n2) == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_z_takes_arrays_and_tells_what_it_cannot_know():
    z, p = two_proportion_z([5, 0], [10, 0], 5, 10)
    assert (z[0], p[0]) == (0, 1)
    assert np.isnan([z[1], p[1]]).all()
    with pytest.raises(ValueError, match="0 <= k <= n"):
        two_proportion_z(3, 2, 1, 2)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=40))
@settings(max_examples=60, deadline=None)
def test_corrections_equal_statsmodels(p):
    assert holm(p) == pytest.approx(multipletests(p, method="holm")[1], abs=1e-12)
    assert benjamini_hochberg(p) == pytest.approx(multipletests(p, method="fdr_bh")[1], abs=1e-12)


def test_corrections_pass_over_nan():
    assert holm([0.01, np.nan, 0.02]) == pytest.approx([0.02, np.nan, 0.02], nan_ok=True)
    assert len(benjamini_hochberg([])) == 0
