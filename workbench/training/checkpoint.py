"""The state of training on disk: everything that the next step depends on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from workbench import files
from workbench.errors import Failed

TENSORS, ABOUT = "checkpoint.safetensors", "checkpoint.json"


@dataclass(frozen=True)
class Checkpoint:
    """`tensors`: weights, optimiser, generators, sums of the epoch. `about`: plain values (epoch, batch, ...)."""

    tensors: dict[str, Tensor]
    about: dict[str, Any]

    def write(self, folder: Path) -> None:
        """Replace the checkpoint in `folder` atomically: written to a temporary file, synced, renamed.

        The plain values are inside the tensor file too, since two files cannot be replaced at once; `checkpoint.json`
        is a copy of them for reading. Raises OSError when the disk refuses; the old checkpoint then remains.
        """
        text = msgspec.json.encode(self.about)
        try:
            with files.replacing(folder / TENSORS, sync=True) as beside:
                save_file(self.tensors, beside, metadata={"about": text.decode()})
        except SafetensorError as error:
            raise OSError(f"checkpoint not written: {error}") from None
        files.write_bytes(folder / ABOUT, text + b"\n")


def read(folder: Path) -> Checkpoint | None:
    """The checkpoint in `folder`, None when there is none; raises Failed when the file is damaged."""
    path = files.regular(folder / TENSORS)
    if not path.exists():
        return None
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            about = msgspec.json.decode(file.metadata()["about"])
            return Checkpoint({key: file.get_tensor(key) for key in file.keys()}, about)  # noqa: SIM118 - not a dictionary
    except (SafetensorError, KeyError, TypeError, msgspec.DecodeError) as error:
        raise Failed(f"{path}: damaged checkpoint ({error}); remove it to start from the beginning") from None
