"""Encoding of messages and blocks between the worker and its parent, and in the result cache.

A message is a JSON object and any number of byte strings, in which `workbench.blocks` puts arrays and tables.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import msgspec

HEADER = struct.Struct(">IQ")  # bytes of the JSON, bytes of everything behind it
LARGEST = 4 << 30

Message: TypeAlias = tuple[dict[str, Any], list[bytes]]  # as `workbench.blocks` makes them


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
        raise ValueError("a message above the size limit")
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
        raise ValueError("an invalid message") from None


def read(source: Callable[[int], bytes]) -> Message | None:
    """The next message from a blocking `source(n)` that gives n bytes or fewer at its end; None at the end."""
    header = source(HEADER.size)
    if len(header) < HEADER.size:
        return None
    head, body = sizes(header)
    return unpack(source(head), source(body))
