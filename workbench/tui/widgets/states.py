"""What a screen shows when there is nothing to show yet: an empty state, or work under way."""

from __future__ import annotations

import time

from rich.align import Align
from rich.console import Group, RenderableType
from rich.text import Text
from textual.widgets import Static

from workbench.present.colours import Palette
from workbench.present.numbers import duration
from workbench.present.terminal import bar, clean, keys_hint


class EmptyState(Static):
    """Says why there is nothing here and what to press."""

    DEFAULT_CSS = """
    EmptyState { width: 1fr; height: 1fr; content-align: center middle; padding: 1 2; }
    """

    def tell(self, title: str, text: str = "", *keys: tuple[str, str], palette: Palette) -> None:
        """`title` in a few words, `text` in a sentence, `keys` as (key, what it does)."""
        parts: list[RenderableType] = [Text(clean(title), style=f"bold {palette.strong}", justify="center")]
        if text:
            parts += [Text(""), Text(clean(text, lines=True), style=palette.muted, justify="center")]
        if keys:
            parts += [Text(""), Align.center(keys_hint(*keys, palette=palette))]
        self.update(Group(*parts))


class ProgressLine(Static):
    """One line of progress: what, a bar, percent, and the time that remains."""

    DEFAULT_CSS = "ProgressLine { width: 1fr; height: 1; }"

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._started: float | None = None

    def tell(self, fraction: float, text: str, *, palette: Palette, remaining: float | None = None) -> None:
        """Show `fraction` (0 to 1); `remaining` seconds, judged from the pace so far when not given."""
        now = time.monotonic()
        if self._started is None or fraction <= 0:
            self._started = now
        spent = now - self._started
        if remaining is None and fraction >= 0.02 and spent >= 0.5:
            remaining = spent * (1 - fraction) / fraction
        self.update(progress_text(fraction, text, self.size.width or 60, palette, remaining))


def progress_text(fraction: float, text: str, width: int, palette: Palette, remaining: float | None) -> Text:
    """`reading train  ━━━━━━━╺──  62 %  12 s left` in `width` cells."""
    left = f"{duration(remaining)} left" if remaining is not None and fraction < 1 else ""
    tail = f" {100 * fraction:3.0f} %  {left:<14}"
    label = clean(text)[: max(0, width - len(tail) - 12)]
    room = max(4, min(40, width - len(label) - len(tail) - 2))
    line = Text(no_wrap=True)
    line.append(f"{label}  " if label else "", style=palette.text)
    line.append_text(bar(fraction, room, palette.strong, palette.faint))
    return line.append(tail, style=palette.muted)
