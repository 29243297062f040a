"""Feature transforms against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler, normalize

from workbench.errors import BadInput
from workbench.heads import transforms
from workbench.heads.settings import DataSettings
from workbench.heads.transforms import CHOICES
from workbench.heads.transforms.modules import Standardise
from workbench.settings import resolve

CPU = torch.device("cpu")


def chosen(name: str, **values: object) -> DataSettings:
    made = resolve(DataSettings, values)
    made.transform = name
    return made


def fitted(name: str, x: torch.Tensor, **values: object) -> torch.Tensor:
    """What a transform fitted to `x`, given in pieces, makes of it."""
    out: torch.Tensor = transforms.fit(chosen(name, **values), x.shape[1], lambda: x.split(7), CPU)(x)
    return out


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
    fitted = transforms.fit(chosen("standardise"), dim, lambda: torch.from_numpy(x).chunk(pieces), CPU)
    assert isinstance(fitted, Standardise)
    np.testing.assert_allclose(fitted.mean, expected.mean_, rtol=1e-6, atol=1e-6 * size)
    np.testing.assert_allclose(fitted.scale, 1 / expected.scale_, rtol=1e-5)


@pytest.mark.parametrize("value", [0.0, 0.1, 1e6, -3.3])
def test_a_constant_feature_becomes_zero(value: float) -> None:
    x = torch.full((37, 1), value)
    fitted = transforms.fit(chosen("standardise"), 1, lambda: x.split(5), CPU)
    assert isinstance(fitted, Standardise)
    assert fitted.scale.item() == 1.0
    assert fitted(x).abs().max() <= 1e-6 * max(1.0, abs(value))


def test_none_changes_nothing() -> None:
    x = torch.randn(4, 3)
    assert torch.equal(transforms.fit(chosen("none"), 3, lambda: [x], CPU)(x), x)


def test_an_unknown_transform_is_named() -> None:
    with pytest.raises(BadInput, match="unknown transform 'standardize', did you mean 'standardise'"):
        transforms.make(chosen("standardize"), 3)


@pytest.mark.parametrize("components", [None, 3])
def test_whiten_is_scikit_learns_up_to_signs(components: int | None) -> None:
    x = torch.randn(60, 5, dtype=torch.float64) @ torch.randn(5, 5, dtype=torch.float64) + 40
    expected = PCA(components, whiten=True, svd_solver="full").fit_transform(x.numpy())
    got = fitted("whiten", x.float(), components=components, epsilon=0).numpy()
    assert got.shape == expected.shape
    np.testing.assert_allclose(np.abs(got), np.abs(expected), atol=2e-4)


def test_whiten_leaves_out_what_train_does_not_span() -> None:
    x = torch.randn(4, 9)
    got = fitted("whiten", x, epsilon=0)
    assert got.isfinite().all()
    assert got.abs().max() < 3
    assert torch.allclose(got[:, 3:], torch.zeros(4, 6), atol=1e-4)


def test_epsilon_holds_small_components_down() -> None:
    x = torch.randn(400, 2) * torch.tensor([10.0, 0.1])
    spread = fitted("whiten", x, epsilon=0.01).std(0)
    assert spread[0] == pytest.approx((1 / 1.01) ** 0.5, rel=1e-3)
    assert spread[1] == pytest.approx(0.1, rel=0.2)


def test_more_components_than_features_are_refused() -> None:
    with pytest.raises(BadInput, match="components = 9: there are only 3 features"):
        transforms.width(chosen("whiten", components=9), 3)
    assert transforms.width(chosen("none", components=9), 3) == 3
    assert transforms.width(chosen("whiten", components=2), 3) == 2


def test_the_others_are_their_formulas() -> None:
    x = torch.tensor([[3.0, -4.0, 0.0], [0.0, 0.0, 0.0]])
    np.testing.assert_allclose(fitted("l2", x), normalize(x.numpy()))
    np.testing.assert_allclose(fitted("power", x), np.sign(x.numpy()) * np.sqrt(np.abs(x.numpy())))
    np.testing.assert_allclose(
        fitted("log1p", x, log_scale=2.5), np.sign(x.numpy()) * np.log1p(2.5 * np.abs(x.numpy())), rtol=1e-6
    )


@pytest.mark.parametrize("name", [name for name in CHOICES if "+" in name])
def test_a_chain_is_one_after_the_other(name: str) -> None:
    x = torch.randn(50, 4) * 3 + 1
    expected = x
    for part in name.split("+"):
        expected = fitted(part, expected)
    torch.testing.assert_close(fitted(name, x), expected)


@pytest.mark.parametrize("name", CHOICES)
def test_every_transform_keeps_its_width_and_survives_its_state(name: str) -> None:
    x = torch.randn(30, 4).abs()
    settings = chosen(name)
    one = transforms.fit(settings, 4, lambda: [x], CPU)
    other = transforms.make(settings, 4)
    other.load_state_dict(one.state_dict())
    assert torch.equal(one(x), other(x))
    assert one(x).shape == (30, transforms.width(settings, 4))
    assert one(x).isfinite().all()
