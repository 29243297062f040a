"""One sample: its picture, label, path, metadata, and its feature vector as a line with its norm."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.message import Message
from textual.widgets import Static

from workbench.present.numbers import number, percent
from workbench.present.terminal import clean, shorten, sparkline
from workbench.text import counted
from workbench.tui.shell.alive import Alive
from workbench.tui.widgets.picture import Picture, find_picture

if TYPE_CHECKING:
    from workbench.features.store import Store
    from workbench.present.colours import Palette
    from workbench.workspace import Workspace


@dataclass
class SampleLoaded(Message):
    """One sample's label, path, metadata and feature vector, and where its picture lies if it was found."""

    split: str
    row: int
    fields: dict[str, Any]
    vector: np.ndarray  # float32 [D]
    picture: str | None


class SampleView(Alive, Vertical):
    """Shows the sample that `look` names; everything is read off the main thread."""

    DEFAULT_CSS = """
    SampleView { height: 1fr; width: 1fr; padding: 0 1; }
    SampleView > #facts { height: auto; width: 1fr; }
    SampleView > Picture { height: 1fr; min-height: 4; margin-top: 1; }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._wanted: tuple[str, int] | None = None
        self._shown: tuple[SampleLoaded, Store, Palette, str] | None = None

    def compose(self) -> ComposeResult:
        yield Static(id="facts", markup=False)
        yield Picture()

    def look(self, workspace: Workspace, store: Store, split: str, row: int, palette: Palette, note: str = "") -> None:
        """Show row `row` of `split`; `note` is one line more, such as what the head said of it."""
        self._wanted = (split, row)
        self._read(workspace, store, split, row, palette, note)

    def clear(self) -> None:
        """Show no sample."""
        self._wanted, self._shown = None, None
        self.query_one("#facts", Static).update("")
        self.query_one(Picture).load(None, "")

    @work(thread=True, exclusive=True, group="sample", exit_on_error=False)
    def _read(self, workspace: Workspace, store: Store, split: str, row: int, palette: Palette, note: str) -> None:
        held = store.split(split)
        fields = held.sample(row)
        vector = np.asarray(held.features[row], dtype=np.float32)
        message = SampleLoaded(split, row, fields, vector, find_picture(workspace, fields.get("path")))
        self.call_later(self._loaded, message, store, palette, note)

    def _loaded(self, message: SampleLoaded, store: Store, palette: Palette, note: str) -> None:
        if self._wanted != (message.split, message.row):
            return
        self._shown = (message, store, palette, note)
        self.query_one(Picture).load(message.picture, "" if message.fields.get("path") is None else "no picture found")
        self._draw()

    def on_resize(self) -> None:
        self._draw()

    def _draw(self) -> None:
        if self._shown is not None:
            message, store, palette, note = self._shown
            facts = self.query_one("#facts", Static)
            facts.update(sample_text(message, store, max(facts.size.width, 10), palette, note))


def sample_text(message: SampleLoaded, store: Store, width: int, palette: Palette, note: str = "") -> Text:
    """The words about a sample in lines of `width` cells."""
    fields = dict(message.fields)
    label = fields.pop("label", None)
    path = fields.pop("path", None)
    text = Text(no_wrap=True, overflow="ellipsis")
    text.append(f"{palette.mark(message.split)} {clean(message.split)}", style=f"bold {palette.split(message.split)}")
    text.append(f"  row {message.row:,}\n", style=palette.muted)
    if label is not None:
        text.append(shorten(store.classes[int(label)], width) + "\n", style=f"bold {palette.strong}")
    if note:
        text.append(shorten(note, width) + "\n", style=palette.text)
    if path is not None:
        text.append(shorten(path, width, keep_end=True) + "\n", style=palette.muted)
    for name, value in fields.items():
        text.append(f"{clean(name)} ", style=palette.muted).append(f"{_value_text(value)}\n", style=palette.text)
    text.append_text(vector_text(message.vector, width, palette, palette.split(message.split)))
    return text


def vector_text(vector: np.ndarray, width: int, palette: Palette, colour: str) -> Text:
    """A feature vector as a line, with its norm and range."""
    norm = float(np.linalg.norm(vector.astype(np.float64)))
    zeros = int((vector == 0).sum())
    text = sparkline(vector.tolist(), width, style=colour)
    text.append(f"\nnorm {number(norm)}", style=palette.text)
    text.append(f"  {number(float(vector.min()))} to {number(float(vector.max()))}", style=palette.muted)
    if zeros:
        zero = f"{counted(len(vector), 'feature')}, {percent(zeros / len(vector), digits=0)} of them zero"
        text.append(f"\n{shorten(zero, width)}", palette.muted)
    return text


def _value_text(value: Any) -> str:
    if isinstance(value, float):
        return number(value) if math.isfinite(value) else "NaN"
    return clean(value)
