"""Blocks as objects for JSON."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from workbench.blocks import Block, kind_of


def to_objects(blocks: Iterable[Block]) -> list[dict[str, Any]]:
    """`to_object` of each block."""
    return [to_object(block) for block in blocks]


def to_object(block: Block) -> dict[str, Any]:
    """One block as plain lists, dictionaries, numbers and text; `kind` says which. NaN and infinity become None.

    Raises TypeError for what is no block.
    """
    return kind_of(block).json(block)
