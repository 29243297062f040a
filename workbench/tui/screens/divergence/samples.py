"""The samples behind a feature: those of one split by their value of it, the way the feature moved first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import polars as pl
from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.widgets import Static

from workbench.present.terminal import clean, split_label
from workbench.text import counted
from workbench.tui.screens.divergence import content
from workbench.tui.screens.divergence.content import Ordering
from workbench.tui.shared.predictions import verdict
from workbench.tui.shared.sample import SampleView
from workbench.tui.shell.alive import Alive
from workbench.tui.shell.session import Session
from workbench.tui.widgets.table.panel import TablePanel


@dataclass
class SamplesRead(Message):
    """The samples behind a feature."""

    ordering: Ordering
    frame: pl.DataFrame


class FeatureSamples(Alive, Vertical):
    """A table of the samples, and the one under the cursor beside it where there is room."""

    DEFAULT_CSS = """
    FeatureSamples > #samples-facts { height: 1; padding: 0 1; text-wrap: nowrap; text-overflow: ellipsis; }
    FeatureSamples > #samples-rest { height: 1fr; }
    FeatureSamples #samples-box { width: 3fr; }
    FeatureSamples #sample-box { width: 2fr; max-width: 60; }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.ordering: Ordering | None = None

    def compose(self) -> ComposeResult:
        yield Static(id="samples-facts", markup=False)
        with Horizontal(id="samples-rest"):
            with Vertical(id="samples-box", classes="panel"):
                yield TablePanel(id="samples", noun="sample")
            with Vertical(id="sample-box", classes="panel") as box:
                box.border_title = "Sample"
                yield SampleView(id="sample")

    def open(self, ordering: Ordering) -> None:
        """Show the samples of `ordering`."""
        self.ordering = ordering
        palette, row = ordering.session.palette, ordering.row
        text = Text(no_wrap=True, overflow="ellipsis")
        text.append(clean(row["feature"]), style=f"bold {palette.strong}").append("   ")
        text.append_text(content.pair_label(ordering.pair, palette))
        if row["smd"] is not None:
            text.append(f"   SMD {content.signed(row['smd'], 2)}", style=palette.text)
        text.append(f" · the {'highest' if ordering.rising else 'lowest'} first", style=palette.muted)
        text.append(f" · in sd: relative to the mean of {clean(ordering.pair[0])}", style=palette.muted)
        self.query_one("#samples-facts", Static).update(text)
        self._title("reading")
        self._read(ordering)

    def again(self, session: Session) -> None:
        """The same samples, with what another run predicted or in other colours."""
        if self.ordering is not None:
            self.open(replace(self.ordering, session=session))

    def other_split(self) -> None:
        """The samples of the other of the two splits."""
        if self.ordering is not None:
            one, other = self.ordering.pair
            self.open(replace(self.ordering, split=other if self.ordering.split == one else one))

    def _title(self, state: str) -> None:
        assert self.ordering is not None
        palette = self.ordering.session.palette
        title = Text("Samples of ").append_text(split_label(self.ordering.split, palette))
        self.query_one("#samples-box").border_title = title.append(f"  {state}", style=palette.muted)

    @work(thread=True, exclusive=True, group="samples", exit_on_error=False)
    def _read(self, ordering: Ordering) -> None:
        self.post_message(SamplesRead(ordering, content.samples_by_feature(ordering)))

    def on_samples_read(self, event: SamplesRead) -> None:
        if event.ordering is not self.ordering:
            return
        panel = self.query_one("#samples", TablePanel)
        panel.load(event.frame, content.sample_columns(event.frame, event.ordering.session.palette))
        panel.move_to(0)
        self._title(counted(event.frame.height, "sample"))
        self._look(panel.row)

    def _look(self, row: Mapping[str, Any] | None) -> None:
        view, ordering = self.query_one(SampleView), self.ordering
        if row is None or "row" not in row or ordering is None or ordering.session.store is None:
            view.clear()
            return
        session, place = ordering.session, int(row["row"])
        note = verdict(session, ordering.split, place)
        view.look(session.workspace, ordering.session.store, ordering.split, place, session.palette, note)

    def on_table_panel_moved(self, event: TablePanel.Moved) -> None:
        event.stop()
        self._look(event.row)
