"""How much memory training takes: said before it starts, and watched while it runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn

if TYPE_CHECKING:
    from workbench.training.data import Data

COPIES = {"adamw": 4, "adam": 4, "sgd": 3}  # of the weights: themselves, gradients, what the optimiser keeps


def needed(data: Data, module: nn.Module, settings: Any) -> int:
    """Bytes on the device, about: features (or the buffers they stream through), weights, and a batch's activations.

    Activations are counted as what linear layers give, three times over: forward, non-linearity and gradient.
    """
    copies = COPIES[settings.optimiser] + bool(settings.ema) + (settings.keep != "last")
    weights: int = 4 * copies * sum(parameter.numel() for parameter in module.parameters())
    wide: int = sum(layer.out_features for layer in module.modules() if isinstance(layer, nn.Linear))
    batch = 4 * data.batch * (data.train.dim + 3 * wide)
    if data.train.resident:
        features = data.bytes
    else:
        features = 4 * data.train.dim * data.batch * 4 * (data.cut.batches if data.cut else 1)
    return features + weights + batch


def used(device: torch.device) -> int:
    """Bytes: on a GPU the most that was allocated so far, on a CPU what this process holds."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    import psutil

    return int(psutil.Process().memory_info().rss)
