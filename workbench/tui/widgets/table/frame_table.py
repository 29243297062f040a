"""The rows of a frame, drawn by textual-fastdatatable; another frame can take the place of the first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl
from rich.text import Text
from textual.geometry import Size
from textual_fastdatatable.column import Column as TableColumn
from textual_fastdatatable.data_table import DataTable

from workbench.tui.shell.actions import bindings_of
from workbench.tui.shell.alive import Pointed
from workbench.tui.widgets.table.backend import Column, FrameBackend


class FrameTable(Pointed, DataTable, inherit_bindings=False):
    """The rows of a frame under a row cursor; left and right move the marked column, by which `s` sorts."""

    help_text = (
        "Table: up, down, page up, page down, home, end move; left and right mark a column and s sorts by it; / "
        "filters: words that some column contains, or column=cat, column!=cat, column:cat (contains), column>0.5, "
        "column<=90%, column=yes; all of them must hold, - in front negates, the start of a column's name is enough, "
        'and quotes hold words together (class="great white"). enter goes into the row.'
    )

    BINDINGS = bindings_of("table")

    DEFAULT_CSS = """
    FrameTable { height: 1fr; max-height: 100%; background: $background; color: $foreground; scrollbar-size: 0 1; }
    FrameTable:dark { background: $background; }
    FrameTable > .datatable--header { background: $background; color: $muted; text-style: bold; }
    FrameTable > .datatable--even-row, FrameTable:dark > .datatable--even-row { background: $background; }
    FrameTable > .datatable--cursor { background: $secondary; color: $strong; text-style: none; }
    FrameTable:focus > .datatable--cursor { background: $cursor; color: $strong; text-style: bold; }
    FrameTable > .datatable--hover { background: $surface; }
    FrameTable > .datatable--header-cursor, FrameTable > .datatable--header-hover { background: $background; }
    """

    # Defaults of the class, since the base class asks for the columns while it is being made.
    _headed: list[TableColumn] | None = None
    marked = 0  # the place of the column that s sorts by
    sorted_by: tuple[str, bool] | None = None  # column and whether the largest come first

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(
            backend=FrameBackend(pl.DataFrame()), id=id, cursor_type="row", render_markup=False,
            cursor_foreground_priority="renderable", cursor_background_priority="css",
        )  # fmt: skip

    def on_mount(self) -> None:
        # Of 16 colours, one is the cursor's background, and any of the others may vanish on it.
        if self.app.console.color_system in ("standard", "windows"):
            self.cursor_foreground_priority = "css"

    def holds(self, meta: Mapping[str, Any]) -> bool:
        """Whether the frame has a cell at the row and column that were drawn with this `meta`."""
        backend = self.frame_backend
        row, column = int(meta.get("row", -1)), int(meta.get("column", -1))
        return row < backend.row_count and column < len(backend.shown)

    @property
    def frame_backend(self) -> FrameBackend:
        assert isinstance(self.backend, FrameBackend)
        return self.backend

    def set_backend(self, backend: FrameBackend, cursor: int) -> None:
        """Show another frame, cursor on row `cursor`, without losing the place on screen."""
        self.backend = backend
        self.backend.render_markup = False
        self.marked = min(self.marked, max(len(backend.shown) - 1, 0))
        self._relabel()
        row = min(max(cursor, 0), max(backend.row_count - 1, 0))
        if self.cursor_coordinate.row != row:
            self.move_cursor(row=row, column=0)
        self.refresh(layout=True)

    def reveal_cursor(self) -> None:
        """Scroll to the cursor: what moves it right after a new frame scrolls by the height of the frame before."""
        self.move_cursor()

    @property
    def wider(self) -> bool:
        """Whether there are columns beyond the right edge."""
        return sum(column.render_width for column in self.ordered_columns) > self.size.width > 0

    @property
    def ordered_columns(self) -> list[TableColumn]:
        """The columns as textual-fastdatatable draws them; it would keep those of the first frame."""
        if self._headed is None:
            backend = self.frame_backend
            labels = [self._label(place, column) for place, column in enumerate(backend.shown)]
            self._headed = [
                TableColumn(label, content_width=max(label.cell_len, width), auto_width=True)
                for label, width in zip(labels, backend.column_content_widths, strict=True)
            ]
        return self._headed

    def _relabel(self) -> None:
        self._headed = None
        self.notify_style_update()  # the one public call that drops what was drawn before
        width = sum(column.render_width for column in self.ordered_columns)
        self.virtual_size = Size(width, self.frame_backend.row_count + self.header_height)

    def _label(self, place: int, column: Column) -> Text:
        arrow = ""
        if self.sorted_by and self.sorted_by[0] == column.name:
            arrow = "▼" if self.sorted_by[1] else "▲"
        text = Text(column.label + arrow, no_wrap=True)
        if place == self.marked and len(self.frame_backend.shown) > 1:
            text.stylize("underline")
        if self.frame_backend.right[place]:
            text.justify = "right"
        return text

    def action_mark(self, step: int) -> None:
        """Mark the next column, scrolling to it."""
        count = len(self.frame_backend.shown)
        if not count:
            return
        self.marked = min(max(self.marked + step, 0), count - 1)
        self._relabel()
        widths = [column.render_width for column in self.ordered_columns]
        start, end = sum(widths[: self.marked]), sum(widths[: self.marked + 1])
        if start < self.scroll_offset.x or end > self.scroll_offset.x + self.size.width:
            target = 0 if end <= self.size.width else (start if step < 0 else end - self.size.width)
            self.scroll_to(x=target, animate=False)
