"""A trained head with its transform: from raw features to logits, saved in one safetensors file."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from workbench import files, heads
from workbench.errors import BadInput
from workbench.heads import transforms

FORMAT = "1"


@dataclass
class TrainedHead:
    """`name` and `settings` (plain values) say what was built; `transform` and `module` hold the learned tensors.

    `dim` is the number of raw features, `classes` that of classes. `chosen` is what training decided on val (plain
    values), such as the regularisation of a closed-form head.

    Examples
    --------
    >>> from torch import nn
    >>> settings = heads.resolve_settings("linear", {"transform": "none"})
    >>> head = TrainedHead("linear", vars(settings), 4, 3, nn.Identity(), nn.Linear(4, 3))
    >>> head.logits(torch.zeros(2, 4)).shape
    torch.Size([2, 3])
    """

    name: str
    settings: dict[str, Any]
    dim: int
    classes: int
    transform: nn.Module
    module: nn.Module
    chosen: dict[str, Any] = field(default_factory=dict)

    def logits(self, x: Tensor) -> Tensor:
        """Raw features float32 [n, D] on the head's device -> logits float32 [n, C], without gradients or dropout."""
        self.module.eval()
        with torch.inference_mode():
            out: Tensor = self.module(self.transform(x))
            return out

    @property
    def device(self) -> torch.device:
        return next(itertools.chain(self.module.parameters(), self.module.buffers())).device

    def save(self, path: Path) -> None:
        """Write to `path` atomically, through a temporary file beside it; raises OSError when the disk refuses."""
        tensors = {f"{part}.{key}": value.detach().cpu().contiguous() for part, key, value in self._tensors()}
        about = {
            "name": self.name,
            "settings": self.settings,
            "dim": self.dim,
            "classes": self.classes,
            "chosen": self.chosen,
        }
        with files.replacing(path) as beside:
            save_file(tensors, beside, metadata={"format": FORMAT, "head": msgspec.json.encode(about).decode()})

    def _tensors(self) -> list[tuple[str, str, Tensor]]:
        parts = {"transform": self.transform, "module": self.module}
        return [(part, key, value) for part, owner in parts.items() for key, value in owner.state_dict().items()]


def load(path: Path, device: str | torch.device = "cpu") -> TrainedHead:
    """The head in `path`, on `device`; raises BadInput when the file is missing or not one of ours."""
    try:
        with safe_open(files.regular(path), framework="pt", device="cpu") as file:
            about = msgspec.json.decode(file.metadata()["head"])
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - not a dictionary
    except (OSError, SafetensorError, KeyError, TypeError, msgspec.DecodeError) as error:
        raise BadInput(f"{path}: not a head file written by the workbench ({error})") from None
    settings = heads.resolve_settings(about["name"], about["settings"])
    spec, dim, classes = heads.find(about["name"]), about["dim"], about["classes"]
    transform = transforms.make(settings, dim)
    transform.load_state_dict(_under("transform.", tensors))
    module = spec.build(transforms.width(settings, dim), classes, settings)
    own = _under("module.", tensors)
    if spec.restore is None:
        module.load_state_dict(own)
    else:
        spec.restore(module, own, path, transform)
    for part in (transform, module):
        part.to(device).requires_grad_(False)
    return TrainedHead(spec.name, about["settings"], dim, classes, transform, module, about.get("chosen", {}))


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}
