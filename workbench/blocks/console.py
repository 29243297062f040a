"""Titles and tables on a console that only shows text; no text is read as markup."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from workbench.blocks.labels import joined
from workbench.text import clean

if TYPE_CHECKING:
    from rich.console import Console

WIDEST = 44  # cells of a column


def title(console: Console, text: str, *notes: str) -> None:
    """The heading of a block, with its notes behind it."""
    from rich.text import Text

    line = joined(*notes)
    console.print(Text("\n").append(clean(text), style="bold").append(f"  {line}" if line else "", style="dim"))


def grid(console: Console, names: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[bool]) -> None:
    """A table; columns that do not fit the terminal are left out from the right, and named."""
    from rich import box
    from rich.cells import cell_len
    from rich.table import Table
    from rich.text import Text

    names = [clean(name) for name in names]
    rows = [[clean(cell) for cell in row] for row in rows]
    widths = [
        min(WIDEST, max(cell_len(text) for text in (name, *(row[i] for row in rows)))) + 3
        for i, name in enumerate(names)
    ]
    fitting = [i for i in range(len(names)) if i == 0 or sum(widths[: i + 1]) <= console.width]
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for i in fitting:
        justify: Literal["left", "right"] = "right" if right[i] else "left"
        table.add_column(Text(names[i]), justify=justify, no_wrap=True, overflow="ellipsis", max_width=WIDEST)
    for row in rows:
        table.add_row(*(Text(row[i]) for i in fitting))
    console.print(table)
    if len(fitting) < len(names):
        left_out = ", ".join(names[len(fitting) :])
        console.print(
            Text(f"columns not shown for lack of space: {left_out} (complete with --json or --out)", style="dim")
        )
