"""Arrays and tables beside a small JSON message: arrays as their bytes, tables as Arrow IPC.

Never pickle: what comes back from a plugin's process is data and cannot run code.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import polars as pl


class Writer:
    """Turns values into JSON and collects the buffers that go beside it."""

    def __init__(self) -> None:
        self.buffers: list[bytes] = []

    def number(self, value: Any) -> float | str:
        """JSON has no NaN and no infinity: they go as text."""
        plain = float(value)
        return plain if plain - plain == 0 else repr(plain)

    def array(self, values: Any) -> dict[str, Any]:
        """An array of numbers, of booleans or of text; raises TypeError for any other."""
        plain = np.asarray(values)
        if plain.dtype.kind in "US" or (plain.dtype == object and all(isinstance(item, str) for item in plain.flat)):
            return {"text": [str(item) for item in plain.tolist()]}
        if plain.dtype.kind not in "biuf":
            raise TypeError(f"an array of {plain.dtype} cannot be shown; expected numbers or text")
        plain = np.ascontiguousarray(plain)
        self.buffers.append(plain.tobytes())
        return {"buffer": len(self.buffers) - 1, "dtype": plain.dtype.str, "shape": list(plain.shape)}

    def frame(self, frame: pl.DataFrame) -> dict[str, Any]:
        """A table; columns of nested values, of Python objects and of categories become text."""
        import polars as pl

        odd = [name for name, kind in frame.schema.items() if kind.is_nested() or kind in (pl.Object, pl.Binary)]
        odd += [name for name, kind in frame.schema.items() if kind in (pl.Categorical, pl.Enum)]
        texts = [pl.Series(name, [_text(item) for item in frame[name].to_list()], pl.String) for name in odd]
        stream = io.BytesIO()
        frame.with_columns(texts).write_ipc(stream)
        self.buffers.append(stream.getvalue())
        return {"buffer": len(self.buffers) - 1}


def _text(item: Any) -> str | None:
    return None if item is None else str(item)


def array(packed: dict[str, Any], buffers: Sequence[bytes]) -> np.ndarray:
    """The array that `Writer.array` packed; raises ValueError for bytes that are none."""
    if "text" in packed:
        return np.array([str(item) for item in packed["text"]], dtype=object)
    dtype = np.dtype(packed["dtype"])
    if dtype.kind not in "biuf":
        raise ValueError(f"an array of {dtype}")
    return np.frombuffer(buffers[packed["buffer"]], dtype).reshape(packed["shape"])


def frame(packed: dict[str, Any], buffers: Sequence[bytes]) -> pl.DataFrame:
    """The table that `Writer.frame` packed."""
    import polars as pl

    return pl.read_ipc(buffers[packed["buffer"]])
