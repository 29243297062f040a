"""The pieces of an answer: data, never widgets. One file a block: what it holds, how it travels, how it is drawn.

A new block is one file here, which ends with its `KIND`, one line in `KINDS`, and one widget in
`workbench.tui.widgets.blocks`.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any, TypeAlias

from workbench.blocks import buffers, chart, heat_map, metric, samples, table, text
from workbench.blocks.chart import Chart, Series
from workbench.blocks.heat_map import HeatMap
from workbench.blocks.kind import Kind
from workbench.blocks.metric import Metric
from workbench.blocks.samples import Samples
from workbench.blocks.table import Table
from workbench.blocks.text import Text

__all__ = [
    "KINDS",
    "Block",
    "Chart",
    "HeatMap",
    "Kind",
    "Message",
    "Metric",
    "Samples",
    "Series",
    "Table",
    "Text",
    "decode",
    "encode",
    "grouped",
    "kind_of",
]

Block: TypeAlias = Metric | Table | Chart | HeatMap | Text | Samples
Message: TypeAlias = tuple[dict[str, Any], list[bytes]]

KINDS: dict[str, Kind[Any]] = {
    kind.name: kind
    for kind in (metric.KIND, table.KIND, chart.KIND, heat_map.KIND, text.KIND, samples.KIND)  # one entry a block
}


def kind_of(block: object) -> Kind[Any]:
    """The kind of a block; raises TypeError for what is no block."""
    for kind in KINDS.values():
        if isinstance(block, kind.block):
            return kind
    raise TypeError(f"a {type(block).__name__} is no block; a block is one of {', '.join(KINDS)}")


def encode(block: object) -> Message:
    """A block as a message and the buffers beside it.

    Raises TypeError or ValueError, saying what is wrong, when it is not a sound block.
    """
    try:
        kind = kind_of(block)
    except TypeError:
        raise TypeError(f"run() yielded a {type(block).__name__}; expected one of {', '.join(KINDS)}") from None
    kind.check(block)
    writer = buffers.Writer()
    return {"kind": "block", "block": kind.name, "body": kind.pack(block, writer)}, writer.buffers


def decode(message: dict[str, Any], parts: Sequence[bytes]) -> Block:
    """The block of a message; raises ValueError for a message that holds none, or one that is not sound."""
    from polars.exceptions import PolarsError

    try:
        kind = KINDS[message["block"]]
        block: Block = kind.read(dict(message["body"]), parts)
        kind.check(block)
    except (KeyError, ValueError, TypeError, IndexError, AttributeError, OverflowError, PolarsError) as error:
        raise ValueError(f"an invalid block ({error})") from None
    return block


def grouped(blocks: Sequence[Block]) -> list[tuple[Block, ...]]:
    """Blocks in their order, with neighbours of a kind that is drawn side by side together."""
    groups: list[tuple[Block, ...]] = []
    for kind, neighbours in itertools.groupby(blocks, kind_of):
        run = tuple(neighbours)
        groups += [run] if kind.grouped else [(block,) for block in run]
    return groups
