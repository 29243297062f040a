"""Features in numbers: range, mean and spread of each, and one of them in several splits."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from workbench.features import summary
from workbench.stats.divergence import histograms


def test_range_mean_and_spread_of_each_feature(store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.asarray(store.train.features, dtype=np.float64)
    listed = summary.list_features(store)
    assert listed.rows == store.train.rows
    for column, expected in (("min", values.min(0)), ("max", values.max(0)), ("mean", values.mean(0)),
                             ("sd", values.std(0, ddof=1))):  # fmt: skip
        np.testing.assert_allclose(listed.frame[column].to_numpy(), expected, atol=1e-6)
    monkeypatch.setattr(summary, "LISTED", 40 * store.dim)
    sampled = summary.list_features(store)
    assert sampled.rows == 40
    assert sampled.frame["max"].equals(listed.frame["max"])


def test_a_feature_in_each_split(store: Any) -> None:
    splits = [store.split(name) for name in ("train", "test1", "test2")]
    feature = summary.read_feature(splits, 1)
    assert feature.splits == ("train", "test1", "test2")
    assert [column.used for column in feature.columns] == [split.rows for split in splits]
    for column, split in zip(feature.columns, splits, strict=True):
        values = np.asarray(split.features[:, 1], dtype=np.float64)
        assert column.shares.sum() == pytest.approx(1.0)
        assert (column.mean, column.median) == pytest.approx((values.mean(), np.median(values)))
        assert column.sd == pytest.approx(values.std(ddof=1))
    few = summary.read_feature(splits, 1, most=120)
    assert [column.used for column in few.columns] == [min(split.rows, 120) for split in splits]
    assert (few.columns[0].low, few.columns[0].high) == (feature.columns[0].low, feature.columns[0].high)


def test_two_splits_have_the_histograms_of_the_analysis(store: Any) -> None:
    splits = [store.split("test1"), store.split("test2")]
    feature = summary.read_feature(splits, 3)
    one, other = (np.asarray(split.features[:, 3]) for split in splits)
    edges, first, second = histograms(one, other)
    np.testing.assert_allclose(feature.edges, edges)
    np.testing.assert_allclose(feature.columns[0].shares, first)
    np.testing.assert_allclose(feature.columns[1].shares, second)


def test_a_column_with_holes_is_read_without_them(store: Any) -> None:
    holed = np.array(store.splits["test1"].features)
    holed[0, 3], holed[1, 3], holed[:, 4] = np.nan, np.inf, np.nan
    store.splits["test1"].features = holed
    splits = [store.split("test1"), store.split("test2")]
    feature = summary.read_feature(splits, 3)
    assert [column.left_out for column in feature.columns] == [2, 0]
    assert feature.columns[0].shares.sum() == pytest.approx(1)
    empty = summary.read_feature(splits, 4)
    assert math.isnan(empty.columns[0].median)
    assert empty.columns[0].shares.size == 0
    assert empty.columns[1].shares.sum() == pytest.approx(1)
    none = summary.read_feature(splits[:1], 4)
    assert none.edges.size == 0
