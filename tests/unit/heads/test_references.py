"""Heads against scikit-learn or the formula written out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import pytest
import torch
from scipy.optimize import minimize_scalar
from sklearn.covariance import ledoit_wolf_shrinkage
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.metrics import log_loss
from sklearn.neighbors import KNeighborsClassifier, NearestCentroid

from workbench import heads
from workbench.errors import BadInput
from workbench.features.store import TrainingView
from workbench.heads import HEADS, affine, softmax_regression
from workbench.heads.trained import TrainedHead
from workbench.training import loop
from workbench.training.recorder import Silent


@dataclass
class Made:
    """A view of made-up rows with classes that overlap; the last `val` rows of 400 are val."""

    seed: int = 0
    dim: int = 12
    count: int = 5
    val: int = 60
    fingerprint: str = "none"

    def __post_init__(self) -> None:
        rng = np.random.default_rng(self.seed)
        self.classes = [str(index) for index in range(self.count)]
        self.labels = rng.integers(0, self.count, 400)
        centres = rng.normal(size=(self.count, self.dim))
        mixing = rng.normal(size=(self.dim, self.dim))
        noise = rng.normal(size=(400, self.dim)) @ mixing
        self.features = (2 * centres[self.labels] + noise + 5).astype(np.float32)
        self.train_rows, self.val_rows = np.arange(400 - self.val), np.arange(400 - self.val, 400)

    @property
    def x(self) -> np.ndarray:
        """Train features, float64, as the heads see them with transform none."""
        rows: np.ndarray = self.features[self.train_rows].astype(np.float64)
        return rows

    @property
    def y(self) -> np.ndarray:
        labels: np.ndarray = self.labels[self.train_rows]
        return labels

    @property
    def x_val(self) -> np.ndarray:
        rows: np.ndarray = self.features[self.val_rows].astype(np.float64)
        return rows


def fit(view: Made, name: str, recorder: Silent | None = None, **values: object) -> TrainedHead:
    settings = heads.resolve_settings(name, {"device": "cpu", "transform": "none", **values})
    return loop.train(cast(TrainingView, view), HEADS[name], settings, recorder or Silent())


def logits(head: TrainedHead, x: np.ndarray) -> np.ndarray:
    out: np.ndarray = head.logits(torch.from_numpy(x.astype(np.float32))).double().numpy()
    return out


def objective(weight: np.ndarray, bias: np.ndarray, view: Made, strength: float) -> float:
    """scikit-learn's: C times the sum of cross-entropies, and half the squared weights."""
    scores = view.x @ weight.T + bias
    return float(
        strength * log_loss(view.y, np.exp(scores - np.logaddexp.reduce(scores, 1)[:, None]), normalize=False)
        + 0.5 * (weight**2).sum()
    )


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("strength", [1e-4, 0.01, 1.0, 100.0])
def test_logistic_reaches_scikit_learns_objective(strength: float, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(softmax_regression, "SAMPLE", 100)  # so that there is a sample to start from
    view = Made(seed)
    expected = LogisticRegression(C=strength, tol=1e-10, max_iter=100_000).fit(view.x, view.y)
    head = fit(view, "logistic", C=strength)
    linear = cast(torch.nn.Linear, head.module)
    found = objective(linear.weight.double().numpy(), linear.bias.double().numpy(), view, strength)
    best = objective(expected.coef_, expected.intercept_, view, strength)
    assert found == pytest.approx(best, rel=1e-5)
    assert found >= best * (1 - 1e-6)
    assert head.chosen["converged"]
    same = logits(head, view.x_val).argmax(1) == expected.predict(view.x_val)
    assert same.mean() >= 0.98


def test_the_gradient_is_that_of_the_objective() -> None:
    view = Made()
    rows = softmax_regression.Sample(torch.from_numpy(view.x), torch.from_numpy(view.y))
    problem = softmax_regression.Objective(rows, torch.randn(12).double(), 5, 0.3)

    def problem_logits(w: torch.Tensor) -> torch.Tensor:
        """In float64, for differences."""
        return torch.addmm(w[:, -1] - w[:, :-1] @ problem.mean, rows.features, w[:, :-1].T)

    weights, direction = torch.randn(2, 5, 13, dtype=torch.float64)
    ahead, behind = (
        problem.value(problem_logits(weights + step * direction), weights + step * direction) for step in (1e-5, -1e-5)
    )
    gradient = problem.gradient(problem_logits(weights), weights)
    assert float((gradient * direction).sum()) == pytest.approx((ahead - behind) / 2e-5, rel=1e-5)


def test_the_line_search_finds_the_lowest_point() -> None:
    view = Made()
    rows = softmax_regression.Sample(torch.from_numpy(view.x.astype(np.float32)), torch.from_numpy(view.y))
    problem = softmax_regression.Objective(rows, torch.zeros(12).double(), 5, 0.3)
    weights = torch.zeros(5, 13, dtype=torch.float64)
    start = problem.logits(weights)
    direction = -problem.gradient(start, weights)
    for size in (1e-4, 1.0, 100.0):
        along = problem.logits(size * direction)
        step = problem.search(start, along, weights, size * direction)
        best = minimize_scalar(
            lambda t, along=along, size=size: problem.value(start + t * along, weights + t * size * direction),
            bracket=(0, step),
        )
        assert step == pytest.approx(best.x, rel=0.05)


def test_a_path_over_c_is_the_same_as_each_alone() -> None:
    view, recorder = Made(val=100), Silent()
    head = fit(view, "logistic", recorder)
    rows = cast(list[Any], recorder.epochs)
    assert [row.setting for row in rows] == ["C"] * len(rows)
    assert rows == sorted(rows, key=lambda row: row.value)
    best = max(rows, key=lambda row: (row.val_accuracy, -row.val_loss))
    assert head.chosen["C"] == best.value
    for row in rows[::3]:
        alone = Silent()
        fit(view, "logistic", alone, C=row.value)
        assert alone.epochs[0].train_loss == pytest.approx(row.train_loss, rel=1e-3)
        assert alone.epochs[0].val_accuracy == pytest.approx(row.val_accuracy, abs=0.02)


@pytest.mark.parametrize("alpha", [1e-3, 1.0, 1e4])
def test_ridge_is_scikit_learns(alpha: float) -> None:
    view = Made()
    expected = RidgeClassifier(alpha=alpha).fit(view.x, view.y)
    head = fit(view, "ridge", alpha=alpha, calibrate=False)
    np.testing.assert_allclose(logits(head, view.x_val), expected.decision_function(view.x_val), rtol=1e-3, atol=1e-4)


def test_ridge_of_more_features_than_rows_is_of_least_norm() -> None:
    view = Made(dim=390, val=50)
    head = fit(view, "ridge", alpha=0, calibrate=False)
    linear = cast(torch.nn.Linear, head.module)
    targets = 2.0 * np.eye(5)[view.y] - 1
    centred = view.x - view.x.mean(0)
    expected = np.linalg.pinv(centred) @ (targets - targets.mean(0))
    np.testing.assert_allclose(linear.weight.double().numpy().T, expected, atol=1e-3 * np.abs(expected).max())


@pytest.mark.parametrize("shrinkage", [0.0, 0.1, 0.9])
def test_lda_is_scikit_learns(shrinkage: float) -> None:
    view = Made()
    expected = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=shrinkage).fit(view.x, view.y)
    head = fit(view, "lda", shrinkage=shrinkage, calibrate=False)
    scores = logits(head, view.x_val)
    np.testing.assert_allclose(scores, expected.decision_function(view.x_val), rtol=1e-3, atol=2e-3)
    np.testing.assert_array_equal(scores.argmax(1), expected.predict(view.x_val))


@pytest.mark.parametrize("dim", [3, 12, 200])
def test_the_shrinkage_of_ledoit_and_wolf_is_scikit_learns(dim: int) -> None:
    view = Made(dim=dim)
    head = fit(view, "lda", rule="ledoit-wolf")
    means = np.stack([view.x[view.y == index].mean(0) for index in range(5)])
    expected = ledoit_wolf_shrinkage(view.x - means[view.y], assume_centered=True)
    assert head.chosen["shrinkage"] == pytest.approx(expected, rel=1e-5)


def test_prototype_is_scikit_learns_nearest_centroid() -> None:
    view = Made()
    head = fit(view, "prototype", metric="euclidean")
    expected = NearestCentroid().fit(view.x, view.y)
    np.testing.assert_array_equal(logits(head, view.x_val).argmax(1), expected.predict(view.x_val))
    # differences of scores are those of squared distances
    distances = ((view.x_val[:, None] - expected.centroids_) ** 2).sum(2) / head.chosen["temperature"]
    scores = logits(head, view.x_val)
    np.testing.assert_allclose(scores - scores[:, :1], -distances + distances[:, :1], rtol=1e-3, atol=1e-3)


def test_prototype_by_cosine_is_its_formula() -> None:
    view = Made()
    head = fit(view, "prototype", metric="cosine", calibrate=False)
    unit = view.x / np.linalg.norm(view.x, axis=1, keepdims=True)
    means = np.stack([unit[view.y == index].mean(0) for index in range(5)])
    means /= np.linalg.norm(means, axis=1, keepdims=True)
    expected = view.x_val / np.linalg.norm(view.x_val, axis=1, keepdims=True) @ means.T
    np.testing.assert_allclose(logits(head, view.x_val), expected, atol=1e-5)


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
@pytest.mark.parametrize("k", [1, 7, 340])
def test_knn_is_scikit_learns(k: int, metric: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from workbench.heads import neighbours

    monkeypatch.setattr(neighbours, "FLOATS", 1)  # the smallest pieces there are: 256 rows
    view = Made()
    head = fit(view, "knn", k=k, metric=metric, temperature=0.3)

    def weigh(distance: np.ndarray) -> np.ndarray:
        similarity = 1 - distance if metric == "cosine" else -(distance**2) / view.dim
        weights: np.ndarray = np.exp(similarity / 0.3)
        return weights

    expected = KNeighborsClassifier(k, weights=weigh, metric=metric, algorithm="brute").fit(view.x, view.y)
    shares = np.exp(logits(head, view.x_val))
    uniform = neighbours.UNIFORM
    np.testing.assert_allclose(shares, (1 - uniform) * expected.predict_proba(view.x_val) + uniform / 5, atol=1e-4)


def test_knn_with_more_neighbours_than_rows_takes_all() -> None:
    view = Made()
    np.testing.assert_array_equal(
        logits(fit(view, "knn", k=5000), view.x_val), logits(fit(view, "knn", k=340), view.x_val)
    )


@pytest.mark.parametrize("name", ["logistic", "ridge", "lda", "knn"])
def test_without_val_a_value_must_be_given(name: str) -> None:
    view = Made(val=0)
    setting = {"logistic": "C", "ridge": "alpha", "lda": "shrinkage", "knn": "k"}[name]
    with pytest.raises(BadInput, match=rf"{setting} is chosen on val, which has no rows; give --set {setting}=VALUE"):
        fit(view, name)
    recorder = Silent()
    fit(view, name, recorder, **{setting: 1})
    assert recorder.epochs[0].val_accuracy is None


@pytest.mark.parametrize("name", [name for name, spec in HEADS.items() if spec.fit is not None])
def test_a_class_without_train_rows_is_never_predicted(name: str) -> None:
    view = Made()
    view.labels[view.train_rows] = np.where(view.y == 2, 3, view.y)
    head = fit(view, name)
    scores = logits(head, view.x_val)
    assert np.isfinite(scores).all()
    assert not (scores.argmax(1) == 2).any()


def test_the_temperature_is_the_best_there_is() -> None:
    view = Made()
    scores = torch.randn(300, 5) * 7 + 6 * torch.eye(5)[view.labels[:300]]
    labels = torch.from_numpy(view.labels[:300])
    best = minimize_scalar(lambda s: affine.score_of(s * scores.double(), labels).loss, bounds=(1e-3, 5))
    assert affine.temperature(scores, labels) == pytest.approx(best.x, rel=1e-4)
