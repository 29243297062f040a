"""What the written forms share: sections, and numbers as people read them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from workbench.api import Block, Metric, Table
from workbench.text import clean, one_line


@dataclass(frozen=True)
class Section:
    """The answer of one analysis. `failure` says why it is missing or incomplete."""

    title: str
    blocks: Sequence[Block] = ()
    params: Mapping[str, Any] = field(default_factory=dict)
    failure: str = ""


def number(value: Any, percent: bool = False) -> str:
    """A cell as text: whole numbers grouped, others to four significant digits, fractions in percent where asked."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int) and not percent:
        return f"{value:,}"
    if not isinstance(value, int | float):
        return clean(value)
    if not math.isfinite(value):
        return "–" if math.isnan(value) else ("∞" if value > 0 else "-∞")
    if percent:
        return f"{100 * value:.1f}%"
    if value == int(value) and abs(value) < 1e6:
        return f"{value:,.0f}"
    if not 1e-3 <= abs(value) < 1e6:
        return f"{value:.2e}"
    return f"{value:,.{max(0, 3 - math.floor(math.log10(abs(value))))}f}"


def p_value(p: float) -> str:
    """`p = 0.012`, `p = 3e-12`, and `p < 1e-300` where it is too small for a double."""
    if math.isnan(p):
        return "p unknown"
    if p < 1e-300:
        return "p < 1e-300"
    return f"p = {p:.2g}"


def metric_value(block: Metric) -> str:
    """The value with its unit."""
    shown = _in_unit(block, block.value)
    return shown if block.unit in ("", "%") else f"{shown} {clean(block.unit)}"


def metric_interval(block: Metric) -> str:
    """`[71.2%, 73.0%]`, empty without an interval."""
    if block.ci is None:
        return ""
    return f"[{_in_unit(block, block.ci[0])}, {_in_unit(block, block.ci[1])}]"


def _in_unit(block: Metric, value: float) -> str:
    shown = number(value, percent=block.unit in ("%", "pts"))
    return shown.removesuffix("%") if block.unit == "pts" else shown


def cells(block: Table) -> list[list[str]]:
    """The cells of a table as text, row by row."""
    percent = [name in block.percent for name in block.frame.columns]
    return [
        [number(value, share) for value, share in zip(row, percent, strict=True)] for row in block.frame.iter_rows()
    ]


def heading(name: str) -> str:
    """A column's name as people read it."""
    return clean(name).replace("_", " ")


def given(params: Mapping[str, Any]) -> str:
    """`limit = 20, split = test1`: the parameters that have a value."""
    return ", ".join(f"{clean(name)} = {clean(value)}" for name, value in params.items() if value is not None)


def joined(*notes: str) -> str:
    """Notes as one line of prose; those that are empty are left out."""
    return "; ".join(filter(None, map(one_line, notes)))


def rows_shown(block: Table) -> str:
    """`the first 20 of 1,280 rows`, empty when all are there."""
    shown = len(block.frame)
    return f"the first {shown:,} of {block.of:,} rows" if block.of is not None and block.of > shown else ""
