"""The samples behind a feature: those of one split by their value of it, the way the feature moved first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl
from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.widgets import Static

from workbench.text import counted
from workbench.tui.formats import clean, split_label
from workbench.tui.screens.data.content import sample_columns, samples_frame
from workbench.tui.screens.divergence.content import pair_label, signed
from workbench.tui.shared.predictions import verdict
from workbench.tui.shared.sample import SampleView
from workbench.tui.shell.alive import Alive
from workbench.tui.shell.session import Session
from workbench.tui.theme import Palette
from workbench.tui.widgets.table.backend import Column, digits_for
from workbench.tui.widgets.table.panel import TablePanel


@dataclass(frozen=True)
class Asked:
    """A feature as the table of features has it (`row`), and the split whose samples are shown."""

    session: Session
    pair: tuple[str, str]
    row: Mapping[str, Any]
    split: str

    @property
    def rising(self) -> bool:
        """Whether the highest values come first: the mean is higher in the second split."""
        return (self.row["smd"] or 0.0) >= 0


@dataclass
class SamplesRead(Message):
    """The samples that were asked for."""

    asked: Asked
    frame: pl.DataFrame


def frame_of(asked: Asked) -> pl.DataFrame:
    """All samples of the split with `value`, sorted by it, and `off`: how many sd from the mean of the first split."""
    store = asked.session.store
    assert store is not None
    values = np.array(store.split(asked.split).features[:, asked.row["index"]], dtype=np.float32)
    mean, sd = asked.row["mean_a"], asked.row["sd_a"]
    off = (values - mean) / sd if sd else np.full(len(values), np.nan)
    frame = samples_frame(asked.session, asked.split)
    frame = frame.with_columns(value=pl.Series(values), off=pl.Series(off, dtype=pl.Float64).fill_nan(None))
    first = ["row", "value", "off"]
    frame = frame.select(*first, pl.exclude(first))
    return frame.sort("value", descending=asked.rising, nulls_last=True, maintain_order=True)


def columns_of(frame: pl.DataFrame, palette: Palette) -> list[Column]:
    """How they are shown."""

    def off(value: Any, _row: Any) -> Text:
        return Text(signed(value, 1))

    special = {
        "value": Column("value", digits=digits_for(frame["value"]), right=True),
        "off": Column("off", "in sd", cell=off, right=True),
    }
    return [special.get(column.name, column) for column in sample_columns(frame, palette)]


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
        self.asked: Asked | None = None

    def compose(self) -> ComposeResult:
        yield Static(id="samples-facts", markup=False)
        with Horizontal(id="samples-rest"):
            with Vertical(id="samples-box", classes="panel"):
                yield TablePanel(id="samples", noun="sample")
            with Vertical(id="sample-box", classes="panel") as box:
                box.border_title = "Sample"
                yield SampleView(id="sample")

    def open(self, asked: Asked) -> None:
        """Show the samples of `asked`."""
        self.asked = asked
        palette, row = asked.session.palette, asked.row
        text = Text(no_wrap=True, overflow="ellipsis")
        text.append(clean(row["feature"]), style=f"bold {palette.strong}").append("   ")
        text.append_text(pair_label(asked.pair, palette))
        if row["smd"] is not None:
            text.append(f"   SMD {signed(row['smd'], 2)}", style=palette.text)
        text.append(f" · the {'highest' if asked.rising else 'lowest'} first", style=palette.muted)
        text.append(f" · in sd: from the mean of {clean(asked.pair[0])}", style=palette.muted)
        self.query_one("#samples-facts", Static).update(text)
        self._title("reading")
        self._read(asked)

    def again(self, session: Session) -> None:
        """The same samples, with what another run predicted or in other colours."""
        if self.asked is not None:
            self.open(replace(self.asked, session=session))

    def other_split(self) -> None:
        """The samples of the other of the two splits."""
        if self.asked is not None:
            one, other = self.asked.pair
            self.open(replace(self.asked, split=other if self.asked.split == one else one))

    def _title(self, told: str) -> None:
        assert self.asked is not None
        palette = self.asked.session.palette
        title = Text("Samples of ").append_text(split_label(self.asked.split, palette))
        self.query_one("#samples-box").border_title = title.append(f"  {told}", style=palette.muted)

    @work(thread=True, exclusive=True, group="samples", exit_on_error=False)
    def _read(self, asked: Asked) -> None:
        self.post_message(SamplesRead(asked, frame_of(asked)))

    def on_samples_read(self, event: SamplesRead) -> None:
        if event.asked is not self.asked:
            return
        panel = self.query_one("#samples", TablePanel)
        panel.load(event.frame, columns_of(event.frame, event.asked.session.palette))
        panel.move_to(0)
        self._title(counted(event.frame.height, "sample"))
        self._look(panel.row)

    def _look(self, row: Mapping[str, Any] | None) -> None:
        view, asked = self.query_one(SampleView), self.asked
        if row is None or "row" not in row or asked is None or asked.session.store is None:
            view.clear()
            return
        session, place = asked.session, int(row["row"])
        note = verdict(session, asked.split, place)
        view.look(session.workspace, asked.session.store, asked.split, place, session.palette, note)

    def on_table_panel_moved(self, event: TablePanel.Moved) -> None:
        event.stop()
        self._look(event.row)
