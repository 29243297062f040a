"""The cosine classifier (Gidaris and Komodakis, 2018): features and weights of length 1, and one learned scale."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workbench.heads.fitting import Rows
from workbench.heads.settings import TrainedByGradient
from workbench.heads.spec import HeadSpec
from workbench.settings import param

if TYPE_CHECKING:
    from torch import nn


class Settings(TrainedByGradient):
    start: str = param(
        "means",
        choices=("means", "random"),
        help="initial weights; means: class means of the features, scaled to length 1",
    )
    scale: float = param(16.0, gt=0, le=1000, help="initial factor of the cosines, learned afterwards")


def build(dim: int, classes: int, settings: Settings) -> nn.Module:
    """`scale * x w_k / (|x| |w_k|)`.

    Examples
    --------
    >>> import torch
    >>> from workbench.heads import resolve_settings
    >>> build(8, 3, resolve_settings("cosine", {}))(torch.ones(5, 8)).shape
    torch.Size([5, 3])
    """
    from workbench.heads.modules import Cosine

    return Cosine(dim, classes, settings.scale)


def begin(module: nn.Module, train: Rows, settings: Any) -> None:
    """Set the initial weights to the class means where the settings ask for it."""
    import torch

    from workbench.heads import moments
    from workbench.heads.modules import Cosine

    assert isinstance(module, Cosine)
    if settings.start == "means":
        unit = torch.nn.functional.normalize
        means, _ = moments.class_means(
            lambda: (unit(chunk, dim=1) for chunk in train.chunks()), train.labels, len(module.weight)
        )
        with torch.no_grad():
            module.weight.copy_(unit(means, dim=1))


SPEC = HeadSpec(
    "cosine",
    "Cosine",
    "the angle between features and class weights, times a learned scale",
    Settings,
    build,
    begin=begin,
)
