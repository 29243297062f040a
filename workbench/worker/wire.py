"""How messages and blocks travel between the worker and its parent, and lie in the result cache.

A message is a JSON object and any number of byte strings: tables go as Arrow IPC, arrays as their bytes. Never pickle:
what comes back from a plugin's process is data and cannot run code.
"""

from __future__ import annotations

import io
import json
import struct
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

HEADER = struct.Struct(">IQ")  # bytes of the JSON, bytes of everything behind it
LARGEST = 4 << 30

Message = tuple[dict[str, Any], list[bytes]]


def pack(message: dict[str, Any], buffers: Sequence[bytes] = ()) -> bytes:
    """A message as bytes."""
    whole = {**message, "sizes": [len(buffer) for buffer in buffers]}
    try:
        head = msgspec.json.encode(whole)
    except UnicodeEncodeError:  # a lone surrogate, as in a path that is not UTF-8
        head = json.dumps(whole).encode()
    return b"".join([HEADER.pack(len(head), sum(map(len, buffers))), head, *buffers])


def sizes(header: bytes) -> tuple[int, int]:
    """Bytes of the JSON and of what follows it; raises ValueError for what cannot be a header."""
    head, rest = HEADER.unpack(header)
    if head + rest > LARGEST:
        raise ValueError("a message larger than any that is sent")
    return head, rest


def unpack(head: bytes, body: bytes) -> Message:
    """The message in the two parts that `sizes` announced; raises ValueError when they hold none."""
    try:
        message = json.loads(head) if b"\\ud" in head.lower() else msgspec.json.decode(head)
        lengths = message.pop("sizes")
        ends = [sum(lengths[: i + 1]) for i in range(len(lengths))]
        if (ends[-1] if ends else 0) != len(body):
            raise ValueError
        return message, [body[end - length : end] for end, length in zip(ends, lengths, strict=True)]
    except (msgspec.DecodeError, AttributeError, KeyError, RecursionError, TypeError, ValueError):
        raise ValueError("a message that cannot be read") from None


def read(source: Callable[[int], bytes]) -> Message | None:
    """The next message from a blocking `source(n)` that gives n bytes or fewer at its end; None at the end."""
    header = source(HEADER.size)
    if len(header) < HEADER.size:
        return None
    head, body = sizes(header)
    return unpack(source(head), source(body))


class Writer:
    """Turns values into JSON and collects what goes beside it."""

    def __init__(self) -> None:
        self.buffers: list[bytes] = []

    def number(self, value: Any) -> float | str:
        """JSON has no NaN and no infinity: they go as text."""
        plain = float(value)
        return plain if plain - plain == 0 else repr(plain)

    def array(self, values: Any) -> dict[str, Any]:
        import numpy as np

        plain = np.asarray(values)
        if plain.dtype.kind in "US" or (plain.dtype == object and all(isinstance(item, str) for item in plain.flat)):
            return {"text": [str(item) for item in plain.tolist()]}
        if plain.dtype.kind not in "biuf":
            raise TypeError(f"an array of {plain.dtype} cannot be shown; give numbers or text")
        plain = np.ascontiguousarray(plain)
        self.buffers.append(plain.tobytes())
        return {"buffer": len(self.buffers) - 1, "dtype": plain.dtype.str, "shape": list(plain.shape)}

    def frame(self, frame: Any) -> dict[str, Any]:
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


def array(packed: dict[str, Any], buffers: Sequence[bytes]) -> Any:
    """The array that `Writer.array` packed."""
    import numpy as np

    if "text" in packed:
        return np.array([str(item) for item in packed["text"]], dtype=object)
    return np.frombuffer(buffers[packed["buffer"]], np.dtype(packed["dtype"])).reshape(packed["shape"])


def frame(packed: dict[str, Any], buffers: Sequence[bytes]) -> Any:
    """The table that `Writer.frame` packed."""
    import polars as pl

    return pl.read_ipc(buffers[packed["buffer"]])
