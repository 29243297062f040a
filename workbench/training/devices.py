"""The device of training: which it is, how much fits its memory, and the precision of its matrix products."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import torch

from workbench.errors import BadInput

SHARE = 0.6  # of the free memory that features may take: the rest is for the head, its optimiser and activations
STREAM_BYTES = 2 * 2**30  # of streamed features on the device at a time, if there is room for so much


def resolve(name: str) -> torch.device:
    """The device that `auto`, `cpu`, `cuda` or `cuda:N` names; raises BadInput when it does not exist."""
    count = torch.cuda.device_count()
    if name == "auto":
        return torch.device("cuda:0" if count else "cpu")
    if name == "cpu":
        return torch.device("cpu")
    if not count:
        raise BadInput(f"device = {name!r}: this machine has no GPU that torch can use; use device=cpu or device=auto")
    _, _, index = name.partition(":")
    if int(index or 0) >= count:
        raise BadInput(f"device = {name!r}: the GPUs here are " + ", ".join(f"cuda:{i}" for i in range(count)))
    return torch.device(f"cuda:{int(index or 0)}")


def title(device: torch.device) -> str:
    """The device's name for people."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"CPU, {torch.get_num_threads()} threads"


def free_bytes(device: torch.device) -> int:
    """Free memory of the device."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    import psutil

    return int(psutil.virtual_memory().available)


def fits(size: int, device: torch.device) -> bool:
    """Whether features of `size` bytes may be kept on the device during training."""
    return size <= SHARE * free_bytes(device)


def buffer_batches(row_bytes: int, batch: int, device: torch.device) -> int:
    """How many batches of `batch` rows one buffer of streamed features holds, at least one.

    At most four buffers are in memory: the one in use, its transformed copy, the next, and the one being filled.
    """
    budget = min(SHARE * free_bytes(device), STREAM_BYTES) / 4
    return max(1, int(budget // max(row_bytes * batch, 1)))


def autocast(device: torch.device, *, enabled: bool) -> AbstractContextManager[object]:
    """A context in which matrix products are in bfloat16, when enabled."""
    return torch.autocast(device.type, torch.bfloat16) if enabled else nullcontext()


@contextmanager
def products(precision: str) -> Iterator[None]:
    """A context in which float32 matrix products are in TensorFloat-32 for precision `tf32`, if the device has it."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("high" if precision == "tf32" else "highest")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)
