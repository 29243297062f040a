"""Feature transforms against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.preprocessing import StandardScaler

from workbench.errors import BadInput
from workbench.heads import transforms

CPU = torch.device("cpu")


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    rows=st.integers(2, 80),
    dim=st.integers(1, 6),
    offset=st.sampled_from([0.0, 1.0, -300.0]),
    size=st.sampled_from([1e-3, 1.0, 1e3]),
    pieces=st.integers(1, 5),
)
def test_standardise_is_scikit_learns(seed: int, rows: int, dim: int, offset: float, size: float, pieces: int) -> None:
    x = (np.random.default_rng(seed).normal(size=(rows, dim)) * size + offset).astype(np.float32)
    expected = StandardScaler().fit(x.astype(np.float64))
    fitted = transforms.fit("standardise", dim, lambda: torch.from_numpy(x).chunk(pieces), CPU)
    np.testing.assert_allclose(fitted.mean, expected.mean_, rtol=1e-6, atol=1e-6 * size)
    np.testing.assert_allclose(fitted.scale, 1 / expected.scale_, rtol=1e-5)


@pytest.mark.parametrize("value", [0.0, 0.1, 1e6, -3.3])
def test_a_constant_feature_becomes_zero(value: float) -> None:
    x = torch.full((37, 1), value)
    fitted = transforms.fit("standardise", 1, lambda: x.split(5), CPU)
    assert fitted.scale.item() == 1.0
    assert fitted(x).abs().max() <= 1e-6 * max(1.0, abs(value))


def test_none_changes_nothing() -> None:
    x = torch.randn(4, 3)
    assert torch.equal(transforms.fit("none", 3, lambda: [x], CPU)(x), x)


def test_an_unknown_transform_is_named() -> None:
    with pytest.raises(BadInput, match="unknown transform 'standardize', did you mean 'standardise'"):
        transforms.make("standardize", 3)
