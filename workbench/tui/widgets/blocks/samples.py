"""Samples as a table from which enter goes to the sample."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Static

from workbench.blocks import Samples
from workbench.present.colours import Palette
from workbench.present.terminal import data_text
from workbench.tui.shell.alive import Alive
from workbench.tui.widgets.blocks.titles import TABLE_ROWS


class SamplesBlock(Alive, Vertical):
    """Samples to look at: row, note; enter goes to the sample."""

    def __init__(self, blocks: Sequence[Samples], palette: Palette) -> None:
        super().__init__(classes="table")
        self.block = blocks[0]
        self.palette = palette

    def compose(self) -> ComposeResult:
        from workbench.tui.widgets.table.panel import TablePanel

        title = data_text(f"{self.block.title} of {self.block.split}", f"bold {self.palette.split(self.block.split)}")
        yield Static(title, classes="title")
        yield TablePanel(noun="sample")

    def on_mount(self) -> None:
        import polars as pl

        from workbench.tui.widgets.table.panel import TablePanel

        rows = [int(row) for row in self.block.rows]
        notes = [*self.block.notes, *[""] * len(rows)][: len(rows)]
        frame = pl.DataFrame({"row": rows, "note": notes}, schema={"row": pl.Int64, "note": pl.String})
        self.query_one(TablePanel).load(frame if self.block.notes else frame.drop("note"))
        self.styles.height = None if frame.height > TABLE_ROWS else frame.height + 4
