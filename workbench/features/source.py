"""What every reader of feature files is: the files of one split, turned into batches."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import polars as pl

from workbench.errors import BadInput
from workbench.features.columns import ColumnOptions


@dataclass(frozen=True)
class Batch:
    """`features`: float `[n, D]`, C or Fortran order. `others`: n rows of `label`, `path` (if any) and metadata."""

    features: np.ndarray
    others: pl.DataFrame


class Source(ABC):
    """The files of one split, ready to be read batch by batch in file order."""

    suffixes: ClassVar[tuple[str, ...]]
    feature_names: list[str]
    notices: list[str]
    metadata: list[str]

    def __init__(self, files: Sequence[Path], options: ColumnOptions) -> None:
        self.files = list(files)
        self.options = options
        self.notices = []
        self.metadata = []

    @abstractmethod
    def batches(self, rows: int) -> Iterator[Batch]:
        """Batches of at most `rows` rows."""

    @abstractmethod
    def estimated_rows(self) -> int:
        """How many rows to expect, for the progress bar."""

    @property
    @abstractmethod
    def has_labels(self) -> bool:
        """Whether there are labels, or paths to take them from."""

    def select(self, names: list[str]) -> None:
        """Read the features in this order; raises BadInput when one is missing."""
        if names != self.feature_names:
            raise BadInput(f"{self.files[0]}: its features cannot be put into train's order")

    def where(self, row: int) -> str:
        """`file, row N` for a row of the split, with the line where the file has lines."""
        return (
            f"{self.files[0]}: row {row}" if len(self.files) == 1 else f"{self.files[0].parent}: row {row} of the split"
        )


def short(error: Exception) -> str:
    """The first line of an error, for a message of one line."""
    return str(error).strip().split("\n")[0][:300]
