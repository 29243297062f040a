"""What keys do to marks, stars, comparisons and charts of the Train screen."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from textual import work

from workbench.tui.screens.train.comparison import CompareView
from workbench.tui.shell import background
from workbench.tui.shell.screen import WorkbenchScreen
from workbench.tui.widgets.table.panel import TablePanel

if TYPE_CHECKING:
    from workbench.runs import RunSnapshot
    from workbench.tui.screens.train.charts import RunCharts
    from workbench.tui.screens.train.runs import RunsPanel

ZOOM, PAN = 0.6, 0.25
ON_FORM = ("new_run", "start")  # of this screen's own actions, those that mean something while the form is open
ON_COMPARISON = ("next_x", "new_run", "start", "sort")


class ChartActions(WorkbenchScreen):
    """The part of the Train screen that answers keys for marks and charts."""

    if TYPE_CHECKING:

        @property
        def runs(self) -> RunsPanel: ...

        @property
        def charts(self) -> RunCharts: ...

        @property
        def page(self) -> str: ...

        def open_page(self, page: str) -> None: ...

        def show_run(self) -> None: ...

        def draw(self) -> None: ...

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Keys that are for the list and its charts do nothing on other pages, where a field may have the focus."""
        own = hasattr(self, f"action_{action}") and action in _OWN
        if own and self.page == "form-page":
            return action in ON_FORM
        if own and self.page == "compare-page":
            return action in ON_COMPARISON
        return super().check_action(action, parameters)

    # ---- marks

    def _listed_anew(self) -> None:
        self.runs.show(self.session, self.size.width)
        self.show_run()

    def action_mark_run(self) -> None:
        self.runs.turn_mark()
        self._listed_anew()

    def action_unmark_runs(self) -> None:
        self.runs.marked = []
        self._listed_anew()

    def action_star_run(self) -> None:
        if self.runs.run is not None:
            self._note(self.runs.run, "star")

    def action_tag_run(self) -> None:
        from workbench.tui.shell.dialogs import InputDialog

        run = self.runs.run
        if run is None:
            return

        def answered(name: str | None) -> None:
            if name:
                self._note(run, "tag", name)

        has = f"has: {', '.join(run.tags)}; a tag that it has is taken away" if run.tags else "one word"
        self.bench.show_dialog(InputDialog(f"Tag {run.id}", has), answered)

    @work(thread=True, group="runs-changed", exit_on_error=False)
    def _note(self, run: RunSnapshot, what: str, name: str = "") -> None:
        background.note_run(run, what, name, self.post_message)
        self.app.call_later(self.bench.look_at_runs)

    # ---- comparisons

    def action_compare_runs(self) -> None:
        if len(self.runs.drawn_runs) < 2:
            self.bench.say("mark runs first (space): their settings are then compared")
            return
        self._compared = ""
        self._open_comparison()

    def action_show_sweep(self) -> None:
        run = self.runs.run
        if run is None or not run.sweep:
            self.bench.say("this run is of no sweep; workbench sweep FOLDER --head NAME --grid lr=1e-4,1e-3 makes one")
            return
        self._compared = run.sweep
        self._open_comparison()

    _compared = ""  # the sweep that is compared; empty for the marked runs

    def _open_comparison(self) -> None:
        self.fill_comparison()
        self.open_page("compare-page")
        self.query_one("#compared", TablePanel).table.focus()

    def fill_comparison(self) -> None:
        """Show the runs that are compared as they are now."""
        if self._compared:
            runs = [run for run in self.session.runs or () if run.sweep == self._compared]
            title = f"Sweep {self._compared}"
        else:
            runs, title = list(self.runs.drawn_runs), "Where the settings differ"
        self.query_one(CompareView).show(runs, self.session, self.runs.colours, title)

    # ---- charts

    def action_next_chart(self) -> None:
        self.charts.next_quantity()

    def action_previous_chart(self) -> None:
        self.charts.next_quantity(-1)

    def action_next_x(self) -> None:
        if self.page == "compare-page":
            self.query_one(CompareView).next_setting()
        else:
            self.charts.look(lambda view: view.next_x())

    def action_log_x(self) -> None:
        self.charts.look(lambda view: replace(view, log_x=not view.log_x))

    def action_log_y(self) -> None:
        quantity = self.charts.current.quantity
        self.charts.look(lambda view: view.turn_log_y(quantity))

    def action_smooth(self) -> None:
        self.charts.look(lambda view: view.next_smoothing())

    def action_cursor_left(self) -> None:
        self.charts.move_cursor(-1)

    def action_cursor_right(self) -> None:
        self.charts.move_cursor(1)

    def action_zoom_in(self) -> None:
        self.charts.zoom(ZOOM)

    def action_zoom_out(self) -> None:
        self.charts.zoom(1 / ZOOM)

    def action_zoom_whole(self) -> None:
        self.charts.whole()

    def action_range_left(self) -> None:
        self.charts.pan(-PAN)

    def action_range_right(self) -> None:
        self.charts.pan(PAN)

    def action_chart_alone(self) -> None:
        if self.end_alone():
            return
        self.add_class("-alone")
        self.charts.add_class("-alone")
        self.charts.current.focus()

    def end_alone(self) -> bool:
        """Show list and charts again after one chart alone; whether it was."""
        was = self.has_class("-alone")
        if was:
            self.remove_class("-alone")
            self.charts.remove_class("-alone")
            self.runs.table.focus()
        return was


def _own() -> frozenset[str]:
    from workbench.tui.shell.actions import ACTIONS

    return frozenset(action.action for action in ACTIONS if "train" in action.screens)


_OWN = _own()
