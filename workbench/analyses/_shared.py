"""What the built-in analyses have in common."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from workbench.api import Context

if TYPE_CHECKING:
    from workbench.features.store import Split


def labels(ctx: Context, indices: np.ndarray) -> pl.Series:
    """Class indices as the feature files call them."""
    return pl.Series(ctx.label_values).gather(pl.Series(indices, dtype=pl.UInt32))


def names(ctx: Context, indices: np.ndarray) -> pl.Series:
    """Class indices as the classes' names."""
    return pl.Series([ctx.classes[i] for i in indices], dtype=pl.String)


def identity(split: Split) -> tuple[str, int]:
    """What tells one split's features from another's: the file that they are mapped from, and when it was written."""
    file = Path(str(split.features.filename))  # type: ignore[attr-defined]  # a memory map knows its file
    return str(file), file.stat().st_mtime_ns
