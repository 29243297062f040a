"""How much memory training takes: said before it starts, and watched while it runs."""

from __future__ import annotations

import contextlib
import ctypes
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

if TYPE_CHECKING:
    from workbench.training.data import Data

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # of malloc.h
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


def hold_freed() -> None:
    """Have the C library keep what is freed, up to 2 GiB at the top of the heap, for this process (glibc only).

    The tensors of a step are tens of megabytes, which it would otherwise give back to the kernel and ask for again,
    page by page, in every step: some 4,000 page faults.
    """
    with contextlib.suppress(OSError, AttributeError):
        c = ctypes.CDLL(None)
        c.mallopt(M_MMAP_THRESHOLD, 1 << 30)
        c.mallopt(M_TRIM_THRESHOLD, (1 << 31) - 1)
