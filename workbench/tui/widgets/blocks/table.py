"""A table block as a table that can be walked, sorted and filtered."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Static

from workbench.blocks import Table
from workbench.present.colours import Palette
from workbench.tui.shell.alive import Alive
from workbench.tui.widgets.blocks.titles import TABLE_ROWS, title_text


class TableBlock(Alive, Vertical):
    """A table block: its title, then the table; a chosen row that names a sample is gone into."""

    DEFAULT_CSS = "TableBlock > .title { height: 1; }"

    def __init__(self, blocks: Sequence[Table], palette: Palette) -> None:
        super().__init__(classes="table")
        self.block = blocks[0]
        self.palette = palette

    def compose(self) -> ComposeResult:
        from workbench.tui.widgets.table.panel import TablePanel

        yield Static(title_text(self.block.title, self.palette, self.block.note), classes="title")
        yield TablePanel()

    def on_mount(self) -> None:
        from workbench.tui.widgets.table.panel import TablePanel, columns_of

        block = self.block
        self.query_one(TablePanel).load(block.frame, columns_of(block.frame, block.percent), of=block.of)
        self.styles.height = None if block.frame.height > TABLE_ROWS else block.frame.height + 4
