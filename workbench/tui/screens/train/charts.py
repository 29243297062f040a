"""The charts of the Train screen: the curves of several runs, read as they grow, with their x axis and cursor."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from textual import events, work
from textual.app import ComposeResult
from textual.containers import Horizontal

from workbench.present.colours import Palette
from workbench.tui.screens.train import curves
from workbench.tui.screens.train.curves import QUANTITIES, Curves, RunCurves, View
from workbench.tui.screens.train.messages import AloneChanged, MetricsRead
from workbench.tui.shared.runs import RunColours, short_name
from workbench.tui.shell.alive import Alive
from workbench.tui.widgets.chart import ChartView, Line

if TYPE_CHECKING:
    from workbench.runs import RunSnapshot

READ_INTERVAL = 0.2  # seconds between two readings of the metrics of active runs
MAX_CACHED = 20  # runs whose curves stay in memory
ZOOM, PAN = 0.6, 0.25  # of the range
NAMES = tuple(QUANTITIES)


class CurveView(ChartView, can_focus=True):
    """One of the charts; the one with the focus is the current one."""

    help_text = (
        "Chart: left and right move the cursor, + and - zoom around it, < and > move the range, 0 shows the whole "
        "range, m shows this chart alone; c selects another quantity, a another x axis, y and Y make axes "
        "logarithmic, e smooths."
    )

    def __init__(self, quantity: str, *, id: str) -> None:
        super().__init__(id=id)
        self.quantity = quantity
        self.lines: Sequence[Line] = ()


class RunCharts(Alive, Horizontal):
    """Two charts of the same runs, side by side or one alone; they share the x axis, the zoom and the cursor.

    The curves of active runs are read again and again while the screen is on show. The keys of the charts are the
    actions of this widget. Posts MetricsRead when there are new rows, AloneChanged.
    """

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.view = View()
        self.curves: dict[str, Curves] = {}  # by the id of the run
        self._runs: Sequence[RunSnapshot] = ()
        self._reading: set[str] = set()  # ids of the runs whose metrics are being read
        self._colours = RunColours()
        self._palette = Palette()
        self._panes = (CurveView("loss", id="loss"), CurveView("accuracy", id="accuracy"))
        self.current = self._panes[0]

    def compose(self) -> ComposeResult:
        yield from self._panes

    def on_mount(self) -> None:
        self._set_current(self.current)
        self.set_interval(READ_INTERVAL, self._read_all)

    def show(self, runs: Sequence[RunSnapshot], colours: RunColours, palette: Palette) -> None:
        """Draw these runs, as far as their curves have been read."""
        self._runs, self._colours, self._palette = tuple(runs), colours, palette
        self._read_all()
        self._draw()

    def epoch_of(self, run_id: str) -> float:
        """The epoch of the last row in a run's curves, in part of the one that is running; 0 without curves."""
        return self.curves[run_id].last_epoch if run_id in self.curves else 0.0

    def forget(self, run_id: str) -> None:
        """Read a run's curves anew, as it starts or resumes."""
        self.curves.pop(run_id, None)

    # ---- reading

    def _read_all(self) -> None:
        """Read what the runs have written since; nothing while the screen is not on show."""
        if not self.screen.is_current:
            return
        for run in self._runs:
            cached = self.curves.get(run.id)
            if run.id not in self._reading and (cached is None or run.active):
                self._reading.add(run.id)
                self._read(run, cached.offset if cached else 0)

    @work(thread=True, group="metrics", exit_on_error=False)
    def _read(self, run: RunSnapshot, start: int) -> None:
        from workbench import runs

        try:
            rows, end = runs.read_metrics(run.folder, start)
            self.post_message(MetricsRead(run.id, rows, start, end))
        finally:
            self._reading.discard(run.id)

    def on_metrics_read(self, event: MetricsRead) -> None:
        """Add the new rows; the screen gets the message after this widget."""
        own = self.curves.setdefault(event.run_id, Curves())
        if own.offset != event.start:
            return
        own.add(event.rows, event.end)
        drawn = {run.id for run in self._runs}
        others = [run_id for run_id in self.curves if run_id not in drawn]
        for run_id in others[: max(0, len(self.curves) - MAX_CACHED)]:
            del self.curves[run_id]
        if event.rows and event.run_id in drawn:
            self._draw()

    # ---- drawing

    def _draw(self) -> None:
        for pane in self._panes:
            pane.lines, axes = curves.chart(self._run_curves, pane.quantity, self.view, self._palette)
            pane.set(pane.lines, axes, self._palette)

    @property
    def _run_curves(self) -> list[RunCurves]:
        return [
            RunCurves(short_name(run), self.curves.get(run.id) or Curves(), self._colours.of(run.id, self._palette))
            for run in self._runs
        ]

    def _set_view(self, change: Callable[[View], View]) -> None:
        self.view = change(self.view)
        self._draw()

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        if isinstance(event.widget, CurveView):
            self._set_current(event.widget)

    def _set_current(self, pane: CurveView) -> None:
        self.current = pane
        for other in self._panes:
            other.set_class(other is pane, "-current")

    # ---- keys: what is drawn

    def action_next_chart(self) -> None:
        self._change_quantity(1)

    def action_previous_chart(self) -> None:
        self._change_quantity(-1)

    def _change_quantity(self, step: int) -> None:
        """Show in the current chart the next quantity that has values and is not in the other chart."""
        other = next(pane.quantity for pane in self._panes if pane is not self.current)
        index = NAMES.index(self.current.quantity)
        for distance in range(1, len(NAMES) + 1):
            name = NAMES[(index + step * distance) % len(NAMES)]
            if name != other and self._has_values(name):
                self.current.quantity = name
                break
        self._draw()

    def _has_values(self, quantity: str) -> bool:
        sources = QUANTITIES[quantity].sources
        columns = (run.curves.column(source.kind, source.key) for run in self._run_curves for source in sources)
        return any(np.isfinite(values).any() for values in columns)

    def action_next_x(self) -> None:
        self._set_view(View.next_x)

    def action_log_x(self) -> None:
        self._set_view(lambda view: replace(view, log_x=not view.log_x))

    def action_log_y(self) -> None:
        self._set_view(lambda view: view.toggle_log_y(self.current.quantity))

    def action_smooth(self) -> None:
        self._set_view(View.next_smoothing)

    # ---- keys: cursor and range

    def action_cursor_left(self) -> None:
        self._move_cursor(-1)

    def action_cursor_right(self) -> None:
        self._move_cursor(1)

    def _move_cursor(self, step: int) -> None:
        """Move the cursor `step` columns to the right, to a place that has values."""
        places = curves.cursor_places(self.current.lines, self.view.zoom)
        columns = max(self.current.size.width - 8, 1)
        self._set_view(lambda view: replace(view, cursor=curves.move_cursor(view.cursor, places, step, columns)))

    def action_zoom_in(self) -> None:
        self._zoom(ZOOM)

    def action_zoom_out(self) -> None:
        self._zoom(1 / ZOOM)

    def _zoom(self, factor: float) -> None:
        places = curves.cursor_places(self.current.lines, None)
        self._set_view(lambda view: curves.zoom(view, places, factor, log=view.log_x))

    def action_zoom_whole(self) -> None:
        self.reset_zoom()

    def reset_zoom(self) -> bool:
        """Show the whole range, without a cursor; False where it was so already."""
        if self.view.zoom is None and self.view.cursor is None:
            return False
        self._set_view(lambda view: replace(view, zoom=None, cursor=None))
        return True

    def action_range_left(self) -> None:
        self._pan(-PAN)

    def action_range_right(self) -> None:
        self._pan(PAN)

    def _pan(self, share: float) -> None:
        places = curves.cursor_places(self.current.lines, None)
        self._set_view(lambda view: curves.pan(view, places, share))

    # ---- keys: one chart alone

    def action_chart_alone(self) -> None:
        if not self.restore():
            self.add_class("-alone")
            self.post_message(AloneChanged(True))

    def restore(self) -> bool:
        """Show both charts again after one alone; False where none was."""
        if not self.has_class("-alone"):
            return False
        self.remove_class("-alone")
        self.post_message(AloneChanged(False))
        return True
