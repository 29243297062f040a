"""What the written forms share: sections, and how their parameters are named."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from workbench.blocks import Block
from workbench.text import clean


@dataclass(frozen=True)
class Section:
    """The answer of one analysis. `failure` says why it is missing or incomplete."""

    title: str
    blocks: Sequence[Block] = ()
    params: Mapping[str, Any] = field(default_factory=dict)
    failure: str = ""


def given(params: Mapping[str, Any]) -> str:
    """`limit = 20, split = test1`: the parameters that have a value."""
    return ", ".join(f"{clean(name)} = {clean(value)}" for name, value in params.items() if value is not None)
