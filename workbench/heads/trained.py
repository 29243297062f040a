"""A trained head with its transform: from raw features to logits, kept in one safetensors file."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from workbench import heads
from workbench.errors import BadInput
from workbench.heads import transforms

FORMAT = "1"


@dataclass
class TrainedHead:
    """`name` and `settings` (plain values) name what was built; `transform` and `module` hold the learned tensors."""

    name: str
    settings: dict[str, Any]
    dim: int
    classes: int
    transform: nn.Module
    module: nn.Module

    def logits(self, x: Tensor) -> Tensor:
        """Raw features [n, D], float32, on the head's device -> logits [n, C]; no gradients, evaluation mode."""
        self.module.eval()
        with torch.inference_mode():
            out: Tensor = self.module(self.transform(x))
            return out

    @property
    def device(self) -> torch.device:
        return next(self.module.parameters()).device

    def save(self, path: Path) -> None:
        """Write to `path`, beside it first and then renamed; raises OSError when the disk refuses."""
        tensors = {f"{part}.{key}": value.detach().cpu().contiguous() for part, key, value in self._tensors()}
        about = {"name": self.name, "settings": self.settings, "dim": self.dim, "classes": self.classes}
        beside = path.with_name(f".{path.name}.{os.getpid()}")
        save_file(tensors, beside, metadata={"format": FORMAT, "head": msgspec.json.encode(about).decode()})
        beside.replace(path)

    def _tensors(self) -> list[tuple[str, str, Tensor]]:
        parts = {"transform": self.transform, "module": self.module}
        return [(part, key, value) for part, owner in parts.items() for key, value in owner.state_dict().items()]


def load(path: Path, device: str | torch.device = "cpu") -> TrainedHead:
    """The head in `path`, on `device`; raises BadInput when the file is missing or not one of ours."""
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            about = msgspec.json.decode(file.metadata()["head"])
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - not a dictionary
    except (OSError, SafetensorError, KeyError, TypeError, msgspec.DecodeError) as error:
        raise BadInput(f"{path}: not a head that the workbench wrote ({error})") from None
    settings = heads.resolve_settings(about["name"], about["settings"])
    made = {
        "transform": transforms.make(settings.transform, about["dim"]),
        "module": heads.find(about["name"]).build(about["dim"], about["classes"], settings),
    }
    for part, owner in made.items():
        own = {key.removeprefix(f"{part}."): value for key, value in tensors.items() if key.startswith(f"{part}.")}
        owner.load_state_dict(own)
        owner.to(device).requires_grad_(False)
    return TrainedHead(
        about["name"], about["settings"], about["dim"], about["classes"], made["transform"], made["module"]
    )
