"""One linear layer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workbench.errors import BadInput
from workbench.heads.fitting import Rows
from workbench.heads.settings import TrainedByGradient
from workbench.heads.spec import HeadSpec
from workbench.settings import param

if TYPE_CHECKING:
    from torch import Tensor, nn

SCALE_ROWS = 20_000  # train rows that the scale of initial weights is fitted to


class Settings(TrainedByGradient):
    start: str = param(
        "random",
        choices=("random", "zero", "means", "identity"),
        help="initial weights; means: the nearest class mean; identity: feature k is the score of class k (D = C)",
    )
    start_scale: float | None = param(
        None,
        gt=0,
        le=1e6,
        help="scale of the initial weights means and identity; none: the best fit to up to 20,000 rows of train",
    )
    decay_to_start: bool = param(False, help="weight decay pulls towards the initial weights instead of towards 0")


def build(dim: int, classes: int, settings: Settings) -> nn.Module:
    """`D -> C`; raises BadInput where the initial weights need D = C and it is not.

    Examples
    --------
    >>> from workbench.heads import resolve_settings
    >>> build(8, 3, resolve_settings("linear", {}))
    Linear(in_features=8, out_features=3, bias=True)
    """
    from workbench.heads.modules import Linear, Offset

    if settings.start == "identity" and dim != classes:
        raise BadInput(f"start = 'identity': requires as many features as classes, got {dim} and {classes}")
    return Offset(dim, classes) if settings.decay_to_start else Linear(dim, classes)


def begin(module: nn.Module, train: Rows, settings: Any) -> None:
    """Set the initial weights; `means` and `identity` depend on train rows."""
    import torch

    from workbench.heads.modules import Offset

    with torch.no_grad():
        weight, bias = _start(module, train, settings)
        own = (module.start_weight, module.start_bias) if isinstance(module, Offset) else (module.weight, module.bias)
        for tensor, value in zip(own, (weight, bias), strict=True):
            assert isinstance(tensor, torch.Tensor)
            tensor.copy_(value)


def _start(module: nn.Module, train: Rows, settings: Any) -> tuple[Tensor, Tensor]:
    """The initial weight [C, D] and bias [C]."""
    import torch

    from workbench.heads import affine, moments

    weight, bias = module.weight, module.bias
    assert isinstance(weight, torch.Tensor)
    assert isinstance(bias, torch.Tensor)
    classes, dim = weight.shape
    if settings.start == "random":
        if not settings.decay_to_start:
            return weight, bias
        drawn = torch.nn.Linear(dim, classes)
        return drawn.weight, drawn.bias
    weight, bias = torch.zeros_like(weight), torch.zeros_like(bias)
    if settings.start == "zero":
        return weight, bias
    if settings.start == "identity":
        weight.fill_diagonal_(1.0)
    else:
        means, _ = moments.class_means(train.chunks, train.labels, classes)
        weight.copy_(2 * means)
        bias.copy_(-means.square().sum(1))
    scale = settings.start_scale
    if scale is None:
        rows, seen = [], 0
        for chunk in train.chunks():
            rows.append(chunk[: SCALE_ROWS - seen] @ weight.T + bias)
            seen += len(rows[-1])
            if seen >= SCALE_ROWS:
                break
        scale = affine.temperature(torch.cat(rows), train.labels[:seen])
    return scale * weight, scale * bias


SPEC = HeadSpec("linear", "Linear", "one linear layer, D -> C: the standard linear probe", Settings, build, begin=begin)
