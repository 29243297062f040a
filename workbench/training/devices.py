"""Which device trains, and what it can hold."""

from __future__ import annotations

import torch

from workbench.errors import BadInput

SHARE = 0.6  # of the free memory that features may take: the rest is for the head, its optimiser and activations


def resolve(name: str) -> torch.device:
    """The device that `auto`, `cpu`, `cuda` or `cuda:N` names; raises BadInput when it is not there."""
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
    """The device in words."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"CPU, {torch.get_num_threads()} threads"


def free_bytes(device: torch.device) -> int:
    """Memory that is free on the device."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    import psutil

    return int(psutil.virtual_memory().available)


def fits(size: int, device: torch.device) -> bool:
    """Whether features of `size` bytes may lie on the device during training."""
    return size <= SHARE * free_bytes(device)
