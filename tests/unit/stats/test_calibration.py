"""Calibration and paired comparison against scipy, statsmodels, scikit-learn and plain loops."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import precision_recall_fscore_support
from statsmodels.stats.contingency_tables import mcnemar

from workbench.stats import bootstrap, paired
from workbench.stats.calibration import expected_calibration_error, reliability
from workbench.stats.intervals import clopper_pearson


def looped_error(confidence: np.ndarray, correct: np.ndarray, bins: int) -> float:
    parts = np.array_split(np.argsort(confidence, kind="stable"), bins)
    return float(sum(abs(correct[p].mean() - confidence[p].mean()) * len(p) for p in parts if len(p)) / len(confidence))


@given(n=st.integers(1, 200), bins=st.integers(1, 30), seed=st.integers(0, 99))
def test_calibration_error_is_its_definition(n: int, bins: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    confidence = np.round(rng.random(n), 2)  # with ties
    correct = rng.random(n) < confidence
    assert expected_calibration_error(confidence, correct, bins) == pytest.approx(
        looped_error(confidence, correct, bins), abs=1e-12
    )
    found = reliability(confidence, correct, bins)
    assert found.count.sum() == n
    assert len(found.count) == min(n, bins)
    assert found.count.max() - found.count.min() <= 1
    error = (np.abs(found.accuracy - found.confidence) * found.count).sum() / n
    assert error == pytest.approx(expected_calibration_error(confidence, correct, bins))
    k = np.rint(found.accuracy * found.count)
    np.testing.assert_allclose((found.low, found.high), clopper_pearson(k, found.count))
    assert (found.least <= found.confidence + 1e-12).all()
    assert (found.confidence <= found.most + 1e-12).all()


def test_nothing_has_no_calibration() -> None:
    none = np.zeros(0)
    assert np.isnan(expected_calibration_error(none, none.astype(bool)))
    assert len(reliability(none, none.astype(bool)).count) == 0


@given(a=st.integers(0, 60), b=st.integers(0, 60))
def test_mcnemar_is_statsmodels(a: int, b: int) -> None:
    assert paired.mcnemar_exact(a, b) == pytest.approx(
        min(1.0, mcnemar([[7, a], [b, 5]], exact=True).pvalue) if a + b else 1.0
    )


def test_mcnemar_of_no_counts() -> None:
    with pytest.raises(ValueError, match="counts >= 0"):
        paired.mcnemar_exact(-1, 2)
    a, b = np.array([True, True, False, False]), np.array([True, False, True, False])
    assert paired.discordant(a, b) == (1, 1)


def test_the_difference_of_gaps_is_a_paired_bootstrap_by_rows() -> None:
    """The multinomial draws have the distribution of drawing rows; and pairing narrows the interval."""
    rng = np.random.default_rng(0)
    sets = []
    for n, p in ((800, 0.8), (500, 0.65)):
        a = rng.random(n) < p
        b = np.where(rng.random(n) < 0.9, a, ~a)
        sets.append((a, b))
    found = paired.gap_difference(sets[0], sets[1], np.random.default_rng(1))
    drawn = []
    for _ in range(4000):
        means = []
        for a, b in sets:
            rows = rng.integers(len(a), size=len(a))
            means.append(a[rows].mean() - b[rows].mean())
        drawn.append(means[0] - means[1])
    low, high = np.quantile(drawn, (0.025, 0.975))
    (a1, b1), (a2, b2) = sets
    assert found.value == pytest.approx((a1.mean() - a2.mean()) - (b1.mean() - b2.mean()))
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.003)
    assert found.low < found.value < found.high
    expected = 2 * min((np.array(drawn) <= 0).mean(), (np.array(drawn) >= 0).mean())
    assert found.p == pytest.approx(min(expected, 1), abs=0.05)
    assert found == paired.gap_difference(sets[0], sets[1], np.random.default_rng(1))
    same = paired.gap_difference((a1, a1), (a2, a2), np.random.default_rng(1))
    assert (same.value, same.low, same.high, same.p) == (0, 0, 0, 1)


def test_the_interval_of_a_paired_difference_holds_its_value_as_often_as_it_says() -> None:
    rng = np.random.default_rng(2)
    inside = 0
    for _ in range(300):
        a = rng.random(400) < 0.7
        b = np.where(a, rng.random(400) < 0.9, rng.random(400) < 0.1)
        value, low, high = paired.accuracy_difference(a, b, rng, 1000)
        assert value == a.mean() - b.mean()
        inside += low <= 0.7 - (0.63 + 0.03) <= high
    assert 270 <= inside <= 297


@given(n=st.integers(1, 80), classes=st.integers(1, 6), seed=st.integers(0, 99))
def test_macro_scores_are_scikit_learns(n: int, classes: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    label, predicted = rng.integers(classes, size=(2, n))
    expected = precision_recall_fscore_support(
        label, predicted, labels=np.unique(label), average="macro", zero_division=0
    )[:3]
    assert list(bootstrap.macro(label, predicted, classes).values()) == pytest.approx(list(expected))


def test_intervals_are_a_percentile_bootstrap() -> None:
    rng = np.random.default_rng(0)
    label = rng.integers(4, size=600)
    predicted = np.where(rng.random(600) < 0.8, label, rng.integers(4, size=600))
    confidence = rng.random(600) * 0.5 + 0.5
    found = bootstrap.intervals(label, predicted, confidence, 4, np.random.default_rng(1))
    assert found == bootstrap.intervals(label, predicted, confidence, 4, np.random.default_rng(1))
    drawn = []
    for _ in range(1000):
        rows = rng.integers(600, size=600)
        scores = bootstrap.macro(label[rows], predicted[rows], 4)
        scores["ece"] = expected_calibration_error(confidence[rows], (label == predicted)[rows])
        drawn.append(list(scores.values()))
    for key, values in zip(found, np.transpose(drawn), strict=True):
        assert found[key] == pytest.approx(np.quantile(values, (0.025, 0.975)), abs=0.012), key
    nothing = np.zeros(0, int)
    assert np.isnan(bootstrap.intervals(nothing, nothing, nothing, 4, rng)["f1"]).all()
    assert np.isnan(bootstrap.macro(nothing, nothing, 4)["f1"])
