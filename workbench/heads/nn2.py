"""Three hidden layers: the second of the two networks of the ImageNet-head comparison."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from workbench.heads.settings import TrainedByGradient
from workbench.heads.spec import HeadSpec
from workbench.settings import param

if TYPE_CHECKING:
    from torch import nn

HIDDEN = (1024, 512, 256)


class Settings(TrainedByGradient):
    dropout: float = param(0.3, ge=0, lt=1, help="fraction of hidden units dropped in each step")


def build(dim: int, classes: int, settings: Settings) -> nn.Module:
    """`D -> 1024 -> 512 -> 256 -> C`, each hidden layer followed by batch norm, ReLU and dropout.

    Examples
    --------
    >>> import torch
    >>> from workbench.heads import resolve_settings
    >>> build(8, 3, resolve_settings("nn2", {}))(torch.zeros(5, 8)).shape
    torch.Size([5, 3])
    """
    from torch import nn

    from workbench.heads.modules import Linear

    layers: list[nn.Module] = []
    for before, after in pairwise((dim, *HIDDEN)):
        layers += [Linear(before, after), nn.BatchNorm1d(after), nn.ReLU(), nn.Dropout(settings.dropout)]
    return nn.Sequential(*layers, Linear(HIDDEN[-1], classes))


SPEC = HeadSpec(
    "nn2",
    "Network, 3 hidden",
    "D -> 1024 -> 512 -> 256 -> C, each hidden layer with batch norm, ReLU and dropout",
    Settings,
    build,
    min_batch=2,  # batch norm has no variance of one row
)
