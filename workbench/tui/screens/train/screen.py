"""Train: set up a head, start, stop and resume runs, watch their curves, and compare them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from textual import work
from textual.actions import parse
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widget import Widget
from textual.widgets import ContentSwitcher

from workbench.errors import BadInput
from workbench.tui.screens.train.charts import RunCharts
from workbench.tui.screens.train.comparison import CompareView
from workbench.tui.screens.train.details import RunDetails
from workbench.tui.screens.train.head_form import HeadForm
from workbench.tui.screens.train.messages import AloneChanged, MetricsRead
from workbench.tui.screens.train.runs import RunsPanel
from workbench.tui.shell import background
from workbench.tui.shell.actions import ACTIONS
from workbench.tui.shell.bars import FooterBar
from workbench.tui.shell.messages import RunStarted
from workbench.tui.shell.screen import WorkbenchScreen, style_beside
from workbench.tui.shell.session import Session
from workbench.tui.widgets.states import EmptyState
from workbench.tui.widgets.table.panel import TablePanel

if TYPE_CHECKING:
    from workbench.runs import RunSnapshot

OWN_ACTIONS = frozenset(parse(action.action)[1] for action in ACTIONS if "train" in action.screens)
ON_EVERY_PAGE = ("new_run", "start")
# whose actions the keys of charts are; on the form there are none
CHARTS_OF_PAGE: dict[str, type[Widget]] = {"nothing": RunCharts, "runs-page": RunCharts, "compare-page": CompareView}


class TrainScreen(WorkbenchScreen):
    """Runs: a list, the one under the cursor in detail, its curves, and a form for the next one."""

    NAME = "train"
    DEFAULT_CSS = style_beside(__file__)
    HELP = """
Each run trains in a process of its own: it continues when you quit the workbench, and is listed when you open it again.

n opens the form for a new run; each setting shows the allowed values; enter in a field, ctrl+r or F5 starts. x
stops the run under the cursor, which keeps a checkpoint; u resumes it. delete removes it, l shows its log. enter on a
finished run selects it for all screens and opens its confusion matrix.

space marks runs: the charts draw marked runs over one another, each in its own colour, and d shows the settings in
which they differ. w shows the sweep of the run under the cursor: its runs, and accuracy against the swept setting.
/ filters by settings and results: head:nn1 lr>=1e-4 val>0.8, state:finished, tag:good, starred, -state:failed.

Charts: tab moves the focus to a chart; left and right move a cursor that shows values, + and - zoom around it, < and >
move the range, 0 shows the whole range, m shows one chart alone. c changes the quantity: loss, accuracy, learning rate,
rows per second or memory; a changes the x axis: epoch, step or seconds; y and Y make the axes logarithmic; e smooths (a
debiased exponential moving average over the raw line).

Test sets have no curve unless test_curves is enabled: they are evaluated once, after training.
"""
    VERTICAL_BREAKPOINTS = [(0, "-low"), (16, "-short"), (32, "-tall")]
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (64, "-normal"), (110, "-wide")]

    def __init__(self) -> None:
        super().__init__()
        self._run_id: str | None = None  # of the run whose details are on screen
        self._new_run_id: str | None = None  # of a run that was just started: it gets the cursor when it is listed

    def body(self) -> ComposeResult:
        with ContentSwitcher(initial="nothing"):
            yield EmptyState(id="nothing")
            with Vertical(id="runs-page"):
                with Vertical(id="runs-box", classes="panel") as box:
                    box.border_title = "Runs"
                    yield RunsPanel(id="runs")
                yield RunDetails(id="run-box")
                yield RunCharts(id="charts", classes="panel")
            yield CompareView(id="compare-page")
            yield HeadForm(id="form-page")

    @property
    def runs(self) -> RunsPanel:
        return self.query_one(RunsPanel)

    @property
    def charts(self) -> RunCharts:
        return self.query_one(RunCharts)

    @property
    def comparison(self) -> CompareView:
        return self.query_one(CompareView)

    @property
    def run(self) -> RunSnapshot | None:
        """The run under the cursor."""
        return self.runs.run

    # ---- pages

    @property
    def page(self) -> str:
        """The page on show: `nothing`, `runs-page`, `compare-page` or `form-page`."""
        switchers = self.query(ContentSwitcher)
        return str(switchers.first().current) if switchers else "nothing"

    def open_page(self, page: str) -> None:
        self.query_one(ContentSwitcher).current = page
        self.query_one(FooterBar).refresh()
        if page == "runs-page":
            self.runs.table.focus()

    async def action_chart(self, action: str) -> None:
        """Run an action of the charts on the page on show."""
        await self.query_one(CHARTS_OF_PAGE[self.page]).run_action(action)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Keys of the list and the charts do nothing on other pages, where a field may have the focus."""
        if action == "chart":
            return hasattr(CHARTS_OF_PAGE.get(self.page), f"action_{parameters[0]}")
        if self.page in ("form-page", "compare-page") and action in OWN_ACTIONS:
            return action in ON_EVERY_PAGE
        return super().check_action(action, parameters)

    def go_back(self) -> bool:
        if self.page in ("form-page", "compare-page"):
            if self.page == "compare-page" and self.comparison.panel.close_filter():
                return True
            self.open_page("runs-page" if self.session.runs else "nothing")
            return True
        return self.runs.close_filter() or self.charts.restore() or self.charts.reset_zoom()

    # ---- the session

    def show(self, session: Session, before: Session | None) -> None:
        if session.ready and session.runs:
            names = ("runs", "run_id", "pair", "dark")
            if before is None or any(getattr(session, name) is not getattr(before, name) for name in names):
                self._fill(session)
            if self.page == "nothing":
                self.open_page("runs-page")
        elif self.page != "form-page":
            self._show_empty(session)
            self.open_page("nothing")

    def _show_empty(self, session: Session) -> None:
        empty = self.query_one(EmptyState)
        if session.ready:
            keys = (("n", "set up a head and train it"), ("?", "help on this screen"))
            empty.tell("no runs yet", "A run trains one head on the features.", *keys, palette=session.palette)
        else:
            empty.tell("no features yet", "See the Data screen.", ("1", "Data"), palette=session.palette)

    def _fill(self, session: Session) -> None:
        max_height = max(5, self.size.height // 3)
        self.query_one("#runs-box").styles.height = min(len(session.runs or ()) + 3, max_height)
        self.runs.show(session, self.size.width)
        if self._new_run_id and self.runs.select_where("id", self._new_run_id):
            self._new_run_id = None
        self._show_run()
        if self.page == "compare-page":
            self._fill_comparison()

    # ---- the run under the cursor

    def _show_run(self) -> None:
        """Show the run under the cursor, and the curves of the marked runs with its own."""
        run = self.run
        if run is not None:
            self._run_id = run.id
            self.query_one(RunDetails).show(run, self.session, self.charts.epoch_of(run.id))
            self.charts.show(self.runs.chart_runs, self.runs.colours, self.palette)

    def on_table_panel_moved(self, event: TablePanel.Moved) -> None:
        if event.panel is self.runs and event.row["id"] != self._run_id:
            self._show_run()

    def on_table_panel_chosen(self, event: TablePanel.Chosen) -> None:
        if event.panel is not self.runs:  # from a comparison back to the run
            self.open_page("runs-page")
            self.runs.select_where("id", event.row["id"])
            return
        run = self.runs.by_id(event.row["id"])
        if run is None:
            return
        if run.state != "finished":
            self.bench.say(f"{run.id} is {run.state}: only a finished run can be opened")
            return
        self.bench.choose_run(run.id)
        self.bench.go("confusion")

    def on_resize(self) -> None:
        if self.is_mounted and self.query("#run-text"):
            self._show_run()

    def on_metrics_read(self, event: MetricsRead) -> None:
        run = self.run
        if event.rows and run is not None and run.active and run.id == event.run_id:
            self.query_one(RunDetails).show(run, self.session, self.charts.epoch_of(run.id))

    def on_alone_changed(self, event: AloneChanged) -> None:
        self.set_class(event.alone, "-alone")
        (self.charts.current if event.alone else self.runs.table).focus()

    # ---- new runs

    def action_new_run(self) -> None:
        if not self.session.ready:
            self.bench.say("no features yet: see the Data screen (1)")
            return
        form = self.query_one(HeadForm)
        form.open(self.palette, like=self.run)
        self.open_page("form-page")
        form.focus_first()

    def on_head_form_submitted(self, _event: HeadForm.Submitted) -> None:
        self.action_start()

    def action_start(self) -> None:
        if self.page != "form-page":
            self.action_new_run()
            return
        try:
            head, settings = self.query_one(HeadForm).answer()
        except BadInput as error:
            self.bench.say(str(error), severity="error")
        else:
            self._start(head, settings)

    @work(thread=True, group="runs-made", exit_on_error=False)
    def _start(self, head: str, settings: dict[str, Any]) -> None:
        session = self.session
        if session.store is not None:
            background.start_run(session.workspace, session.store, head, settings, self.post_message)

    def on_run_started(self, event: RunStarted) -> None:
        """The app gets the message after this screen, and lists the run."""
        self._new_run_id = event.run.id
        self.charts.forget(event.run.id)
        self.open_page("runs-page" if self.session.runs else "nothing")

    # ---- changes of a run

    @work(thread=True, group="runs-changed", exit_on_error=False)
    def _change(self, run: RunSnapshot, what: str) -> None:
        background.change_run(run, what, self.post_message)
        self.app.call_later(self.bench.look_at_runs)

    def action_stop(self) -> None:
        if self.run is not None:
            self._change(self.run, "stop")

    def action_resume(self) -> None:
        if self.run is not None:
            self._change(self.run, "resume")

    def action_remove(self) -> None:
        from workbench.tui.shell.dialogs import ask

        run = self.run
        if run is None:
            return
        if run.active:
            self.bench.say(f"{run.id} is {run.state}: stop it first (x)")
            return

        def remove(answer: str | None) -> None:
            if answer == "yes":
                self._change(run, "remove")

        self.bench.show_dialog(ask(f"Remove {run.id}?", [("no", "keep it"), ("yes", "remove it from disk")]), remove)

    def action_log(self) -> None:
        from workbench.runs import read_log
        from workbench.tui.shell.dialogs import TextDialog

        run = self.run
        if run is not None:
            self.bench.show_dialog(TextDialog(f"Log of {run.id}", read_log(run.folder) or "the log is empty"))

    @work(thread=True, group="runs-changed", exit_on_error=False)
    def _note(self, run: RunSnapshot, what: str, name: str = "") -> None:
        background.note_run(run, what, name, self.post_message)
        self.app.call_later(self.bench.look_at_runs)

    def action_star_run(self) -> None:
        if self.run is not None:
            self._note(self.run, "star")

    def action_tag_run(self) -> None:
        from workbench.tui.shell.dialogs import InputDialog

        run = self.run
        if run is None:
            return

        def tag(name: str | None) -> None:
            if name:
                self._note(run, "tag", name)

        hint = f"tags: {', '.join(run.tags)}; enter one again to remove it" if run.tags else "one word"
        self.bench.show_dialog(InputDialog(f"Tag {run.id}", hint), tag)

    # ---- marks and comparisons

    def action_mark_run(self) -> None:
        self.runs.toggle_mark()
        self._refresh_marks()

    def action_unmark_runs(self) -> None:
        self.runs.clear_marks()
        self._refresh_marks()

    def _refresh_marks(self) -> None:
        self.runs.show(self.session, self.size.width)
        self._show_run()

    def action_compare_runs(self) -> None:
        if len(self.runs.chart_runs) < 2:
            self.bench.say("mark runs first (space), then compare their settings")
        else:
            self._compare("")

    def action_show_sweep(self) -> None:
        run = self.run
        if run is None or not run.sweep:
            self.bench.say("this run is not part of a sweep; see workbench sweep --help")
        else:
            self._compare(run.sweep)

    def _compare(self, sweep: str) -> None:
        self.comparison.sweep = sweep
        self._fill_comparison()
        self.open_page("compare-page")
        self.comparison.panel.table.focus()

    def _fill_comparison(self) -> None:
        self.comparison.show(self.runs.chart_runs, self.session, self.runs.colours)
