"""The charts of the Train screen: two side by side or one alone, looked at in the same way."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import ClassVar

import numpy as np
from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal

from workbench.tui.screens.train import curves as train_curves
from workbench.tui.screens.train.curves import QUANTITIES, Shown, View
from workbench.tui.shell.alive import Alive
from workbench.tui.theme import Palette
from workbench.tui.widgets.chart import ChartView, Line


class CurveView(ChartView, can_focus=True):
    """One of the charts; focus decides which one the keys are for."""

    help_text = (
        "Chart: left and right move the cursor, + and - zoom around it, < and > move the range, 0 shows all, m this "
        "chart alone; c another quantity, a another x axis, y and Y logarithms, e smoothing."
    )

    DEFAULT_CSS = "CurveView:focus { background: $surface; }"

    def __init__(self, quantity: str, *, id: str) -> None:
        super().__init__(id=id)
        self.quantity = quantity
        self.lines: Sequence[Line] = ()


class RunCharts(Alive, Horizontal):
    """Charts of the runs given to `show`; every action redraws both, since they share the x axis and the cursor."""

    DEFAULT_CSS = """
    RunCharts.-alone CurveView { display: none; }
    RunCharts.-alone CurveView.-current { display: block; }
    """

    NAMES: ClassVar[tuple[str, ...]] = tuple(QUANTITIES)

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.view = View()
        self._shown: Sequence[Shown] = ()
        self._palette = Palette()
        self._panes = (CurveView("loss", id="loss"), CurveView("accuracy", id="accuracy"))
        self.current = self._panes[0]

    def compose(self) -> ComposeResult:
        yield from self._panes

    def on_mount(self) -> None:
        self._mark_current(self.current)

    def show(self, shown: Sequence[Shown], palette: Palette) -> None:
        """Draw these runs."""
        self._shown, self._palette = tuple(shown), palette
        self._draw()

    def _draw(self) -> None:
        for pane in self._panes:
            lines, axes = train_curves.chart(self._shown, pane.quantity, self.view, self._palette)
            pane.lines = lines
            pane.set(lines, axes, self._palette)

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        if isinstance(event.widget, CurveView):
            self._mark_current(event.widget)

    def _mark_current(self, pane: CurveView) -> None:
        self.current = pane
        for other in self._panes:
            other.set_class(other is pane, "-current")

    # ---- what keys do

    def look(self, change: Callable[[View], View]) -> None:
        """Look at both charts in another way."""
        self.view = change(self.view)
        self._draw()

    def next_quantity(self, step: int = 1) -> str:
        """The current chart shows the next quantity that has values and is not in the other; its title."""
        other = next(pane.quantity for pane in self._panes if pane is not self.current)
        place = self.NAMES.index(self.current.quantity)
        for distance in range(1, len(self.NAMES) + 1):
            name = self.NAMES[(place + step * distance) % len(self.NAMES)]
            if name != other and self._has(name):
                self.current.quantity = name
                break
        self._draw()
        return QUANTITIES[self.current.quantity].title

    def _has(self, quantity: str) -> bool:
        columns = (run.curves.column(s.kind, s.key) for run in self._shown for s in QUANTITIES[quantity].sources)
        return any(np.isfinite(values).any() for values in columns)

    def move_cursor(self, step: int) -> None:
        """The cursor to the next column that has values, `step` ahead or back."""
        places = train_curves.spots(self.current.lines, self.view.zoom)
        columns = max(self.current.size.width - 8, 1)
        self.look(lambda view: replace(view, cursor=train_curves.moved(view.cursor, places, step, columns)))

    def zoom(self, factor: float) -> None:
        """Show a smaller (`factor` below 1) or larger range."""
        places = train_curves.spots(self.current.lines, None)
        log = self.view.log_x
        self.look(lambda view: train_curves.zoomed(view, places, factor, log=log))

    def pan(self, share: float) -> None:
        """Move the range by a share of its length."""
        places = train_curves.spots(self.current.lines, None)
        self.look(lambda view: train_curves.panned(view, places, share))

    def whole(self) -> bool:
        """Show the whole range, without a cursor; whether anything changed."""
        if self.view.zoom is None and self.view.cursor is None:
            return False
        self.look(lambda view: replace(view, zoom=None, cursor=None))
        return True
