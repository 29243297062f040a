"""How much memory training takes: estimated before it starts, and measured while it runs."""

from __future__ import annotations

import contextlib
import ctypes
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from workbench.heads.descent.optimisers import OPTIMISERS

if TYPE_CHECKING:
    from workbench.training.data import Data
    from workbench.training.member import Member

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # of malloc.h


def needed(data: Data, members: Sequence[Member]) -> int:
    """Estimate of the bytes on the device: features (or the buffers they stream through), weights, activations.

    Activations are counted as the outputs of linear layers, three times: forward, non-linearity and gradient.
    """
    weights = wide = 0
    for member in members:
        weights += 4 * copies(member.settings) * sum(tensor.numel() for tensor in member.module.parameters())
        wide += sum(layer.out_features for layer in member.module.modules() if isinstance(layer, nn.Linear))
    batch = 4 * data.batch * (data.train.dim + 3 * wide)
    if data.train.resident:
        features = data.bytes
    else:
        features = 4 * data.train.dim * data.batch * 4 * (data.cut.batches if data.cut else 1)
    return features + weights + batch


def copies(settings: Any) -> int:
    """How many tensors of the weights' size training holds: weights, gradients, the optimiser's state, ..."""
    state = OPTIMISERS[settings.optimiser].state_copies
    return 2 + state + bool(settings.ema) + int(settings.keep != "last")


def used(device: torch.device) -> int:
    """Bytes: on a GPU the most that was allocated so far, on a CPU the resident memory of this process."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    import psutil

    return int(psutil.Process().memory_info().rss)


def retain_freed() -> None:
    """Have the C library keep freed memory, up to 2 GiB at the top of the heap, for this process (glibc only).

    The tensors of a step are tens of megabytes, which would otherwise be returned to the kernel and requested again,
    page by page, in every step: some 4,000 page faults.
    """
    with contextlib.suppress(OSError, AttributeError):
        c = ctypes.CDLL(None)
        c.mallopt(M_MMAP_THRESHOLD, 1 << 30)
        c.mallopt(M_TRIM_THRESHOLD, (1 << 31) - 1)
