import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

from workbench.stats.confusion import changed_pairs, confused_pairs, matrix, per_class
from workbench.stats.intervals import newcombe_difference

labelled = st.integers(1, 12).flatmap(
    lambda classes: st.tuples(
        st.just(classes), st.lists(st.tuples(*[st.integers(0, classes - 1)] * 2), min_size=1, max_size=80)
    )
)


@given(labelled)
@settings(max_examples=100, deadline=None)
def test_equal_to_scikit_learn(drawn):
    classes, rows = drawn
    true, predicted = np.array(rows).T
    counts = matrix(true, predicted, classes)
    assert (counts == confusion_matrix(true, predicted, labels=range(classes))).all()
    found = per_class(counts)
    expected = precision_recall_fscore_support(true, predicted, labels=range(classes), zero_division=0)
    for mine, theirs in zip((found.precision, found.recall, found.f1, found.support), expected, strict=True):
        assert mine == pytest.approx(theirs, abs=1e-12)


@given(labelled)
@settings(max_examples=60, deadline=None)
def test_pairs_hold_every_error_once_most_frequent_first(drawn):
    classes, rows = drawn
    true, predicted = np.array(rows).T
    pairs = confused_pairs(matrix(true, predicted, classes))
    assert pairs.count.sum() == (true != predicted).sum()
    assert (np.diff(pairs.count) <= 0).all()
    for t, p, count, rate in zip(pairs.true, pairs.predicted, pairs.count, pairs.rate, strict=True):
        assert count == ((true == t) & (predicted == p)).sum()
        assert rate == pytest.approx(count / (true == t).sum())


def test_changes_carry_newcombes_interval_and_leave_out_what_has_no_rate():
    first = np.array([[8, 2, 0], [0, 10, 0], [1, 0, 4]])
    second = np.array([[10, 9, 1], [1, 9, 0], [0, 0, 0]])
    changes = changed_pairs(first, second)
    assert list(zip(changes.true, changes.predicted, strict=True)) == [(0, 1), (1, 0), (0, 2)]
    assert changes.change == pytest.approx([9 / 20 - 2 / 10, 0.1, 0.05])
    assert (changes.low[0], changes.high[0]) == pytest.approx(newcombe_difference(9, 20, 2, 10))
    assert (changes.low <= changes.change).all()
    assert (changes.change <= changes.high).all()


def test_wrong_input_is_refused():
    with pytest.raises(ValueError, match="outside 0 to 1"):
        matrix([0, 1], [2, 0], 2)
    with pytest.raises(ValueError, match="shape"):
        matrix([0, 1], [0], 2)
