"""A multi-layer perceptron of any shape."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from workbench.heads.settings import TrainedByGradient
from workbench.heads.spec import HeadSpec
from workbench.settings import param

if TYPE_CHECKING:
    from torch import nn

ACTIVATIONS = {"relu": "ReLU", "gelu": "GELU", "silu": "SiLU", "tanh": "Tanh"}  # names in torch.nn
NORMS = {"none": "Identity", "batch": "BatchNorm1d", "layer": "LayerNorm"}


class Settings(TrainedByGradient):
    hidden: list[int] = param(
        [1024], ge=1, le=65_536, help="widths of the hidden layers, e.g. 1024,512; empty: no hidden layer"
    )
    activation: str = param("gelu", choices=ACTIVATIONS, help="activation after each hidden layer")
    norm: str = param("none", choices=NORMS, help="normalisation before each activation")
    dropout: float = param(0.5, ge=0, lt=1, help="fraction of hidden units dropped in each step")
    label_smoothing: float = param(0.1, ge=0, lt=1, help="fraction of the target spread evenly over all classes")
    feature_dropout: float = param(
        0.2, ge=0, lt=1, help="fraction of a sample's features set to 0 in each step; the rest are scaled up"
    )
    residual: bool = param(False, help="add the input of a hidden layer to its output if their widths are equal")


def build(dim: int, classes: int, settings: Settings) -> nn.Module:
    """`D -> hidden ... -> C`; each hidden layer: linear, norm, activation, dropout, and the residual connection.

    Examples
    --------
    >>> import torch
    >>> from workbench.heads import resolve_settings
    >>> module = build(8, 3, resolve_settings("mlp", {"hidden": [16, 16]}))
    >>> module(torch.zeros(5, 8)).shape
    torch.Size([5, 3])
    """
    from torch import nn

    from workbench.heads.modules import Linear, Residual

    layers: list[nn.Module] = []
    widths = [dim, *settings.hidden]
    for before, after in pairwise(widths):
        norm = [] if settings.norm == "none" else [getattr(nn, NORMS[settings.norm])(after)]
        activation = getattr(nn, ACTIVATIONS[settings.activation])()
        layer = nn.Sequential(Linear(before, after), *norm, activation, nn.Dropout(settings.dropout))
        layers.append(Residual(layer) if settings.residual and before == after else layer)
    return nn.Sequential(*layers, Linear(widths[-1], classes))


SPEC = HeadSpec(
    "mlp",
    "Custom network",
    "hidden layers of chosen widths, activation, norm, dropout, residual",
    Settings,
    build,
    min_batch=2,  # batch norm has no variance of one row
)
