"""The temperature against scipy's minimum, at its bounds, and where scores are extreme."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

from workbench.heads import temperature
from workbench.heads.temperature import best_factor


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 999), scale=st.floats(0.05, 30), classes=st.integers(2, 20))
def test_it_is_scipys_minimum(seed: int, scale: float, classes: int) -> None:
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(300, classes)) * 2
    labels = np.array([rng.choice(classes, p=np.exp(row)) for row in log_softmax(z, axis=1)])
    logits = z * scale

    def objective(log_b: float) -> float:
        return float(-log_softmax(logits * np.exp(log_b), axis=1)[np.arange(300), labels].mean())

    expected = minimize_scalar(objective, bounds=np.log((0.01, 100)), method="bounded", options={"xatol": 1e-9})
    found = best_factor(torch.from_numpy(logits), torch.from_numpy(labels))
    assert np.log(found) == pytest.approx(expected.x, abs=2e-5)


def test_it_has_bounds() -> None:
    """All right: as large as can be. All wrong: as small as can be."""
    logits, labels = torch.eye(3)[[0, 1, 2] * 5], torch.tensor([0, 1, 2] * 5)
    assert best_factor(logits, labels) == pytest.approx(100, rel=1e-3)
    assert best_factor(logits, labels.roll(1)) == pytest.approx(0.01, rel=1e-3)
    assert best_factor(torch.zeros(0, 3), labels[:0]) == 1.0


def test_a_class_that_is_ruled_out_changes_nothing() -> None:
    torch.manual_seed(0)
    logits = 3 * torch.randn(200, 4)
    labels = torch.distributions.Categorical(logits=0.5 * logits).sample()
    with_absent = torch.cat([logits, torch.full((200, 1), -torch.inf)], 1)
    assert best_factor(with_absent, labels) == pytest.approx(best_factor(logits, labels), rel=1e-9)


def test_the_cut_into_pieces_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    logits, labels = torch.randn(200, 4), torch.randint(0, 4, (200,))
    whole = best_factor(logits, labels)
    monkeypatch.setitem(temperature.VALUES, "cpu", 9)
    assert best_factor(logits, labels) == pytest.approx(whole, rel=1e-9)
