"""Heads trained by gradient descent: shapes, gradients, starts."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from workbench import heads
from workbench.errors import BadInput
from workbench.heads import HEADS, linear
from workbench.heads.modules import Linear
from workbench.heads.softmax_regression import Sample


def built(name: str, dim: int = 6, classes: int = 4, **values: Any) -> nn.Module:
    torch.manual_seed(0)
    return HEADS[name].build(dim, classes, heads.resolve_settings(name, values))


def begun(dim: int = 4, classes: int = 4, **values: object) -> tuple[Any, Sample]:
    torch.manual_seed(0)
    settings = heads.resolve_settings("linear", values)
    module = HEADS["linear"].build(dim, classes, settings)
    labels = torch.arange(60) % classes
    rows = Sample(torch.randn(60, dim) + torch.eye(classes, dim)[labels], labels)
    linear.begin(module, rows, settings)
    return module, rows


@pytest.mark.parametrize(
    "values",
    [
        {"hidden": ""},
        {"hidden": "8"},
        {"hidden": "8,8,5", "residual": "true", "norm": "layer", "activation": "silu"},
        {"hidden": "8,8", "norm": "batch", "activation": "tanh", "dropout": "0.1"},
        {"hidden": "5", "activation": "relu", "dropout": 0},
    ],
)
def test_every_weight_of_mlp_gets_a_gradient(values: dict[str, Any]) -> None:
    module = built("mlp", **values)
    out = module(torch.randn(32, 6))
    assert out.shape == (32, 4)
    out.square().sum().backward()
    for name, weight in module.named_parameters():
        assert weight.grad is not None, name
        assert weight.grad.abs().sum() > 0, name


def test_residual_goes_around_layers_of_equal_width_only() -> None:
    from workbench.heads.modules import Residual

    found = [isinstance(layer, Residual) for layer in built("mlp", hidden="6,8,8", residual="true").children()]
    assert found == [True, False, True, False]


def test_mlp_without_norm_or_residual_is_its_formula() -> None:
    module = built("mlp", hidden="7", activation="gelu").eval()
    (w1, b1, w2, b2), x = list(module.parameters()), torch.randn(3, 6)
    expected = nn.functional.gelu(x @ w1.T + b1) @ w2.T + b2
    torch.testing.assert_close(module(x), expected)


def test_cosine_is_blind_to_lengths() -> None:
    module = built("cosine", scale=20)
    x = torch.randn(9, 6)
    out = module(x)
    torch.testing.assert_close(module(x * 37), out)
    assert out.abs().max() <= 20 * (1 + 1e-6)
    weight = next(module.parameters())
    expected = 20 * nn.functional.cosine_similarity(x[:, None], weight[None], dim=2)
    torch.testing.assert_close(out, expected)
    out.sum().backward()
    assert all(parameter.grad is not None and parameter.grad.abs().sum() > 0 for parameter in module.parameters())


def test_linear_starts() -> None:
    zero, rows = begun(start="zero")
    assert not zero(rows.features).any()
    identity, rows = begun(start="identity", start_scale=2.5)
    torch.testing.assert_close(identity(rows.features), 2.5 * rows.features)
    means, rows = begun(start="means", start_scale=1.0)
    centres = torch.stack([rows.features[rows.labels == index].mean(0) for index in range(4)])
    nearest = torch.cdist(rows.features, centres).argmin(1)
    assert torch.equal(means(rows.features).argmax(1), nearest)


@pytest.mark.parametrize("start", ["means", "identity"])
def test_the_scale_that_nobody_chose_fits_train_best(start: str) -> None:
    module, rows = begun(start=start)
    loss = [nn.functional.cross_entropy(factor * module(rows.features), rows.labels) for factor in (0.9, 1.0, 1.1)]
    assert loss[1] < loss[0]
    assert loss[1] < loss[2]


def test_identity_needs_as_many_features_as_classes() -> None:
    with pytest.raises(BadInput, match="start = 'identity': requires as many features as classes, got 6 and 4"):
        begun(dim=6, start="identity")


@pytest.mark.parametrize("start", ["random", "zero", "means", "identity"])
def test_decay_to_the_start_leaves_the_start_where_no_gradient_pulls(start: str) -> None:
    module, rows = begun(start=start, decay_to_start="true")
    before = module(rows.features).detach()
    plain, _ = (None, None) if start == "random" else begun(start=start)
    assert before.any() or start == "zero"
    optimiser = torch.optim.AdamW(module.parameters(), lr=0.1, weight_decay=0.5)
    module.weight.grad, module.bias.grad = torch.ones_like(module.weight), torch.zeros_like(module.bias)
    optimiser.step()
    for _ in range(200):
        module.weight.grad, module.bias.grad = torch.zeros_like(module.weight), torch.zeros_like(module.bias)
        optimiser.step()
    after = module(rows.features)
    np.testing.assert_allclose(after.detach(), before, atol=1e-2)
    assert plain is None or isinstance(plain, nn.Linear)


@pytest.mark.parametrize("autocast", [False, True])
def test_the_linear_layer_is_torchs(autocast: bool) -> None:
    torch.manual_seed(0)
    mine, theirs = Linear(7, 5), nn.Linear(7, 5)
    theirs.load_state_dict(mine.state_dict())
    outs, grads = [], []
    for layer in (mine, theirs):
        x = torch.randn(11, 7, generator=torch.Generator().manual_seed(1)).requires_grad_()
        with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
            out = layer(x)
        out.float().square().sum().backward()
        outs.append(out)
        grads.append([x.grad, layer.weight.grad, layer.bias.grad])
    assert outs[0].dtype == outs[1].dtype
    torch.testing.assert_close(outs[0], outs[1])
    torch.testing.assert_close(grads[0], grads[1])


def test_cosine_can_start_from_class_means() -> None:
    module, rows = built("cosine", dim=4), begun()[1]
    begin = HEADS["cosine"].begin
    assert begin is not None
    begin(module, rows, SimpleNamespace(start="random"))
    before = next(module.parameters()).clone()
    begin(module, rows, SimpleNamespace(start="means"))
    unit = nn.functional.normalize(rows.features, dim=1)
    means = torch.stack([unit[rows.labels == index].mean(0) for index in range(4)])
    torch.testing.assert_close(next(module.parameters()).data, nn.functional.normalize(means, dim=1))
    assert not torch.equal(before, next(module.parameters()))
