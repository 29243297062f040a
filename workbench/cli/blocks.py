"""Blocks printed on a terminal that only shows text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from rich import box
from rich.cells import cell_len, set_cell_size
from rich.table import Table as Grid
from rich.text import Text as Plain

from workbench.api import Block, Chart, HeatMap, Metric, Samples, Table, Text
from workbench.cli.common import make_console
from workbench.report.parts import (
    cells,
    given,
    heading,
    joined,
    metric_interval,
    metric_value,
    number,
    p_value,
    rows_shown,
)
from workbench.report.svg import scale_of
from workbench.text import clean

if TYPE_CHECKING:
    from rich.console import Console

BARS = "▁▂▃▄▅▆▇█"
SHADES = " ░▒▓█"
MOST = 44  # cells of a column


def show(title: str, params: Mapping[str, Any], run: str | None, blocks: Sequence[Block]) -> None:
    """Print a whole answer on stdout. Text of data is never read as markup."""
    console = make_console()
    console.print(Plain(clean(title), style="bold"))
    told = ", ".join(filter(None, [given(params), f"run {run}" if run else ""]))
    if told:
        console.print(Plain(clean(told), style="dim"))
    for block in blocks:
        _show(console, block)


def _show(console: Console, block: Block) -> None:
    match block:
        case Metric():
            line = (
                Plain(f"{clean(block.name)}: ")
                .append(metric_value(block), style="bold")
                .append(" " + metric_interval(block))
            )
            small = joined("" if block.p is None else p_value(block.p), block.note)
            console.print(line.append(f"  {small}" if small else "", style="dim"))
        case Table():
            _title(console, block.title, rows_shown(block), block.note)
            numeric = [kind.is_numeric() for kind in block.frame.dtypes]
            _grid(console, [heading(name) for name in block.frame.columns], cells(block), numeric)
        case Chart():
            _title(console, block.title, block.note)
            for line_ in block.series:
                console.print(Plain(f"{clean(line_.name):>16} {sparkline(np.asarray(line_.y, np.float64))}"))
        case HeatMap():
            _title(console, block.title, block.note)
            _heat_map(console, block)
        case Text():
            if block.title:
                _title(console, block.title)
            console.print(block.text)
        case Samples():
            _title(console, block.title)
            notes = list(block.notes) or [""] * len(block.rows)
            rows = [[clean(block.split), f"{row:,}", clean(note)] for row, note in zip(block.rows, notes, strict=True)]
            _grid(console, ["split", "row", "note"], rows, [False, True, False])


def _title(console: Console, title: str, *notes: str) -> None:
    line = Plain("\n").append(clean(title), style="bold")
    told = joined(*notes)
    console.print(line.append(f"  {told}" if told else "", style="dim"))


def _grid(console: Console, names: Sequence[str], rows: Sequence[Sequence[str]], numeric: Sequence[bool]) -> None:
    """A table; columns that do not fit the terminal are left out from the right, and named."""
    widths = [
        min(MOST, max(cell_len(text) for text in (name, *(row[i] for row in rows)))) + 3 for i, name in enumerate(names)
    ]
    fitting = [i for i in range(len(names)) if i == 0 or sum(widths[: i + 1]) <= console.width]
    grid = Grid(box=box.SIMPLE_HEAD, pad_edge=False)
    for i in fitting:
        justify: Literal["left", "right"] = "right" if numeric[i] else "left"
        grid.add_column(Plain(names[i]), justify=justify, no_wrap=True, overflow="ellipsis", max_width=MOST)
    for row in rows:
        grid.add_row(*(Plain(row[i]) for i in fitting))
    console.print(grid)
    if len(fitting) < len(names):
        left_out = ", ".join(names[len(fitting) :])
        console.print(Plain(f"no room for: {left_out} (--json and --out have all)", style="dim"))


def sparkline(values: np.ndarray, width: int = 60) -> str:
    """A line of at most `width` bars, each the mean of its stretch; a gap where nothing is finite."""
    out = []
    known = values[np.isfinite(values)]
    low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 1.0)
    for part in np.array_split(values, min(width, max(len(values), 1))):
        sound = part[np.isfinite(part)]
        share = (float(sound.mean()) - low) / (high - low) if len(sound) and high > low else 0.0
        out.append(BARS[round(share * (len(BARS) - 1))] if len(sound) else " ")
    return f"{''.join(out)}  {number(low)} to {number(high)}"


def _heat_map(console: Console, block: HeatMap) -> None:
    low, high = scale_of(block)
    names = [set_cell_size(clean(name), 14) for name in block.row_names] or [str(i) for i in range(len(block.values))]
    for name, row in zip(names, np.asarray(block.values, np.float64), strict=True):
        shares = (np.nan_to_num((row - low) / (high - low)).clip(0, 1) * (len(SHADES) - 1)).round().astype(int)
        console.print(Plain(f"{name:>14} " + "".join(SHADES[share] * 2 for share in shares)))
    console.print(Plain(f"{'':>14} {SHADES[0]!r} {number(low)} to {SHADES[-1]!r} {number(high)}", style="dim"))
