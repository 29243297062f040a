"""One hidden layer: the first of the two networks of the ImageNet-head comparison."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.heads.settings import TrainedByGradient
from workbench.heads.spec import HeadSpec
from workbench.settings import param

if TYPE_CHECKING:
    from torch import nn


class Settings(TrainedByGradient):
    hidden: int = param(512, ge=1, le=65_536, help="width of the hidden layer")


def build(dim: int, classes: int, settings: Settings) -> nn.Module:
    """`D -> hidden -> ReLU -> C`.

    Examples
    --------
    >>> import torch
    >>> from workbench.heads import resolve_settings
    >>> build(8, 3, resolve_settings("nn1", {"hidden": 16}))(torch.zeros(5, 8)).shape
    torch.Size([5, 3])
    """
    from torch import nn

    from workbench.heads.modules import Linear

    return nn.Sequential(Linear(dim, settings.hidden), nn.ReLU(inplace=True), Linear(settings.hidden, classes))


SPEC = HeadSpec("nn1", "Network, 1 hidden", "D -> 512 -> ReLU -> C", Settings, build)
