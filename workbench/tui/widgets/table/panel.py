"""Tables of any length: sorted by key, filtered by `/`, and always saying how many rows they show of how many."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl
from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.coordinate import Coordinate
from textual.message import Message
from textual.widgets import Input, Static
from textual_fastdatatable.data_table import DataTable

from workbench.errors import BadInput
from workbench.present.numbers import number
from workbench.text import counted
from workbench.tui.shell.alive import Alive
from workbench.tui.widgets.table.backend import Column, FrameBackend, columns_of
from workbench.tui.widgets.table.filtering import filter_rows
from workbench.tui.widgets.table.frame_table import FrameTable

__all__ = ["Column", "FrameTable", "TablePanel", "columns_of"]

LARGE = 50_000  # rows from which sorting and filtering would be felt, and so are done in a thread
PAUSE = 0.12  # seconds without a key before a long filter is tried


class TablePanel(Alive, Vertical):
    """A table with its filter line and a line that says how many rows of how many are shown.

    `load` gives it a frame. Posts `Moved` when the cursor comes to a row, `Chosen` when enter is pressed on one.
    """

    @dataclass
    class Moved(Message):
        """The cursor is on another row; `row` holds its values by column."""

        panel: TablePanel
        row: dict[str, Any]

        @property
        def control(self) -> TablePanel:
            return self.panel

    @dataclass
    class Chosen(Message):
        """Enter was pressed (or the row clicked twice); `row` holds its values by column."""

        panel: TablePanel
        row: dict[str, Any]

        @property
        def control(self) -> TablePanel:
            return self.panel

    DEFAULT_CSS = """
    TablePanel { height: 1fr; width: 1fr; }
    TablePanel > #filter { display: none; height: 1; border: none; padding: 0 1; background: $surface; }
    TablePanel.-filtering > #filter { display: block; }
    TablePanel > #count { height: 1; color: $muted; padding: 0 1; text-wrap: nowrap; text-overflow: ellipsis; }
    TablePanel.-bare > #count { display: none; }
    """

    def __init__(
        self, *, id: str | None = None, classes: str | None = None, noun: str = "row", nouns: str = ""
    ) -> None:
        """`noun` (plural `nouns`) is what a row is called in the count line.

        The class `-bare` hides that line while nothing is cut.
        """
        super().__init__(id=id, classes=classes)
        self.noun, self.nouns = noun, nouns
        self.table = FrameTable()
        self._filter = Input(placeholder="filter: words, column>0.5, column=cat, column:cat", id="filter", compact=True)
        self._count = Static(id="count")
        self._all = pl.DataFrame()
        self._columns: Sequence[Column] | None = None
        self._of: int | None = None
        self._key = ""
        self._note = ""
        self._filter_text = ""  # the last text of the filter line that could be read
        self._problem = ""  # why the present one cannot
        self._turn = 0  # of the latest arrangement asked for; answers to older ones are dropped
        self._busy = ""
        self._bare = "-bare" in (classes or "")

    def compose(self) -> ComposeResult:
        yield self.table
        yield self._filter
        yield self._count

    def load(
        self,
        frame: pl.DataFrame,
        columns: Sequence[Column] | None = None,
        *,
        of: int | None = None,
        key: str = "",
        note: str = "",
        sort: tuple[str, bool] | None = None,
    ) -> None:
        """Show `frame`; `columns` says which and how.

        `of` is the full count when the frame was cut; `key` names the column by which the cursor keeps its row when a
        newer frame comes; `sort` is (column, descending) to begin with, where the user has not chosen another.
        """
        self._all, self._columns, self._of, self._key, self._note = frame, columns, of, key, note
        if sort and self.table.sorted_by is None:
            self.table.sorted_by = sort
        if frame.height >= LARGE:
            self._show(frame, keep_row=True)  # at once, as it is
        self._refill()

    @property
    def row(self) -> dict[str, Any] | None:
        """The values of the row under the cursor."""
        index = self.table.cursor_row
        backend = self.table.frame_backend
        return backend.values(index) if 0 <= index < backend.row_count else None

    @property
    def rows_shown(self) -> pl.DataFrame:
        """The frame as shown: filtered and sorted."""
        return self.table.frame_backend.data

    @property
    def visible_now(self) -> bool:
        """Whether the panel and all that holds it are displayed."""
        return all(node.display for node in self.ancestors_with_self)

    def select_where(self, column: str, value: Any) -> bool:
        """Put the cursor on the first row whose `column` equals `value`."""
        frame = self.rows_shown
        if column not in frame.columns:
            return False
        place = frame.get_column(column).index_of(value)
        if place is not None:
            self.table.move_cursor(row=place, column=0)
            self.call_after_refresh(self.table.reveal_cursor)
        return place is not None

    def action_filter(self) -> None:
        """Open the filter line."""
        self.add_class("-filtering")
        self._filter_text = ""
        self._filter.focus()

    def matching(self, frame: pl.DataFrame, text: str) -> pl.DataFrame:
        """The rows of `frame` that the filter `text` means; raises BadInput for one that cannot be read."""
        return filter_rows(frame, text)

    def close_filter(self) -> bool:
        """Clear and close the filter; True when it was open."""
        if not self.has_class("-filtering"):
            return False
        self.remove_class("-filtering")
        self._filter.value = ""
        self.table.focus()
        return True

    def action_sort(self) -> None:
        """Sort by the marked column: numbers from the largest, text from A; again turns it round."""
        shown = self.table.frame_backend.shown
        if not shown or shown[self.table.marked].name not in self._all.columns:
            return
        name = shown[self.table.marked].name
        before = self.table.sorted_by
        if before and before[0] == name:
            self.table.sorted_by = (name, not before[1])
        else:
            self.table.sorted_by = (name, self._all.schema[name].is_numeric())
        self._refill(keep_row=False)

    def _refill(self, *, keep_row: bool = True) -> None:
        """Sort and filter anew; a long table keeps showing what it shows until that is done."""
        self._turn += 1
        self._busy = ""
        self._read_filter()
        if self._all.height < LARGE or not (self._by or self._filter_text):
            self._show(self._arrange(self._all), keep_row)
            return
        self._busy = "filtering ..." if self._filter_text else "sorting ..."
        self._tell_count()
        self._arrange_long(self._all, keep_row, self._turn)

    @property
    def _by(self) -> tuple[str, bool] | None:
        by = self.table.sorted_by
        return by if by and by[0] in self._all.columns else None

    def _read_filter(self) -> None:
        """Take over the filter line; while it cannot be read, what it meant before stays."""
        text = self._filter.value if self.has_class("-filtering") else ""
        self._problem = self._why_not(text)
        if not self._problem:
            self._filter_text = text
        elif self._why_not(self._filter_text):
            self._filter_text = ""  # the columns are others by now

    def _why_not(self, text: str) -> str:
        """Why a filter cannot be read; empty where it can."""
        try:
            self.matching(self._all.clear(), text)
        except BadInput as error:
            return str(error)
        return ""

    def _arrange(self, frame: pl.DataFrame) -> pl.DataFrame:
        by = self._by
        rows = self.matching(frame, self._filter_text) if self._filter_text else frame
        return rows.sort(by[0], descending=by[1], nulls_last=True, maintain_order=True) if by else rows

    @work(thread=True, exclusive=True, group="arrange", exit_on_error=False)
    def _arrange_long(self, frame: pl.DataFrame, keep_row: bool, turn: int) -> None:
        if self._filter_text:
            time.sleep(PAUSE)  # another key may follow
        if turn == self._turn:
            self.call_later(self._arranged, self._arrange(frame), keep_row, turn)

    def _arranged(self, frame: pl.DataFrame, keep_row: bool, turn: int) -> None:
        if turn == self._turn and self.is_attached:
            self._busy = ""
            self._show(frame, keep_row)

    def _show(self, frame: pl.DataFrame, keep_row: bool) -> None:
        before = self.row
        cursor = self.table.cursor_row if keep_row else 0
        if keep_row and self._key and before is not None and self._key in frame.columns:
            place = frame.get_column(self._key).index_of(before.get(self._key))
            cursor = place if place is not None else cursor
        self.table.set_backend(FrameBackend(frame, columns=self._columns), cursor)
        if self.is_mounted:
            self._tell_count()
        row = self.row
        if row is not None and row != before:
            self.post_message(self.Moved(self, row))

    def on_mount(self) -> None:
        self._tell_count()

    def on_resize(self) -> None:
        self._tell_count()

    def _tell_count(self) -> None:
        shown, everything = self.rows_shown.height, self._all.height
        parts = [counted(shown, self.noun, self.nouns)]
        if shown < everything:
            parts = [f"{number(shown)} of {counted(everything, self.noun, self.nouns)} match"]
        if self._of is not None and self._of > everything:
            parts.append(f"the first {number(everything)} of {number(self._of)}")
        parts = [part for part in (self._problem, self._busy) if part] + parts
        if self._note:
            parts.append(self._note)
        if self.table.wider:
            parts.append("more columns →")
        self._count.update(Text(" · ".join(parts), no_wrap=True, overflow="ellipsis"))
        cut = len(parts) > 1 or shown < everything
        self.set_class(self._bare and not cut, "-bare")

    @on(Input.Changed, "#filter")
    def _filter_changed(self, event: Input.Changed) -> None:
        event.stop()
        self._refill(keep_row=False)

    @on(Input.Submitted, "#filter")
    def _filter_done(self, event: Input.Submitted) -> None:
        event.stop()
        self.table.focus()

    @on(DataTable.RowHighlighted)
    def _moved(self, event: DataTable.RowHighlighted) -> None:
        event.stop()
        row = self.row
        if row is not None:
            self.post_message(self.Moved(self, row))

    @on(DataTable.RowSelected)
    def _chosen(self, event: DataTable.RowSelected) -> None:
        event.stop()
        row = self.row
        if row is not None:
            self.post_message(self.Chosen(self, row))

    @on(DataTable.HeaderSelected)
    def _header(self, event: DataTable.HeaderSelected) -> None:
        event.stop()
        self.table.marked = event.column_index
        self.action_sort()

    def move_to(self, index: int) -> None:
        """Put the cursor on the nth shown row."""
        self.table.cursor_coordinate = Coordinate(index, 0)
