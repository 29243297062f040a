"""Train: set up a head, start and stop runs, and watch their curves; runs are found again where they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from textual import work
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import ContentSwitcher, Static

from workbench.errors import BadInput
from workbench.tui.screens.train import content as train_parts
from workbench.tui.screens.train.chart_actions import ChartActions
from workbench.tui.screens.train.charts import RunCharts
from workbench.tui.screens.train.comparison import CompareView
from workbench.tui.screens.train.curves import Curves, Shown
from workbench.tui.screens.train.head_form import HeadForm
from workbench.tui.screens.train.runs import RunsPanel
from workbench.tui.shared.runs import progress, remaining, short_name
from workbench.tui.shell import background
from workbench.tui.shell.bars import FooterBar
from workbench.tui.shell.messages import MetricsRead, RunRefused, RunStarted
from workbench.tui.shell.screen import WorkbenchScreen
from workbench.tui.shell.session import Session
from workbench.tui.widgets.states import EmptyState, ProgressLine
from workbench.tui.widgets.table.panel import TablePanel

if TYPE_CHECKING:
    from workbench.runs import RunSnapshot

TAIL_INTERVAL = 0.2  # seconds between two looks at the metrics of a run that trains
KEPT = 20  # runs whose curves are kept in memory


class TrainScreen(ChartActions, WorkbenchScreen):
    """Runs: a list, the one under the cursor in full, its curves, and a form for the next."""

    NAME = "train"
    HELP = """
Runs train in processes of their own: they go on when you leave, and are here again when you come back.

n opens the form for a new run; each setting says what it allows; enter in a field, ctrl+r or F5 starts. x stops the
run under the cursor (it keeps a checkpoint; u takes it up again), delete removes it, l shows its log. enter on a
finished run makes it the run that all screens look at, and goes to its confusions.

space marks runs: the charts then draw them over one another, each in a colour that it keeps, and d shows where their
settings differ. w shows the sweep of the run under the cursor: its runs, and accuracy against what was swept. / filters
by settings and results: head:nn1 lr>=1e-4 val>0.8, state:finished, tag:good, starred, -state:failed.

Charts: tab goes to one; left and right move a cursor that tells values, + and - zoom around it, < and > move the range,
0 shows all of it, m shows one chart alone. c brings loss, accuracy, learning rate, rows per second and memory, a counts
by epoch, step or seconds, y and Y make axes logarithmic, e smooths (a debiased moving average over the raw line).

Test sets have no curve, unless a run asked for it (test_curves): they are looked at once, when training is over.
"""

    DEFAULT_CSS = """
    TrainScreen ContentSwitcher { height: 1fr; }
    TrainScreen #runs-box { height: 6; min-height: 4; max-height: 50%; }
    TrainScreen #run-box { height: auto; max-height: 9; }
    TrainScreen #run-text { height: auto; }
    TrainScreen #charts { height: 3fr; }
    TrainScreen ProgressLine { display: none; }
    TrainScreen .-active ProgressLine { display: block; }
    TrainScreen.-low #charts { display: none; }
    TrainScreen.-narrow #accuracy { display: none; }
    TrainScreen.-alone #runs-box, TrainScreen.-alone #run-box { display: none; }
    TrainScreen.-alone #charts { display: block; }
    TrainScreen #form-page { height: 1fr; }
    """
    VERTICAL_BREAKPOINTS = [(0, "-low"), (16, "-short"), (32, "-tall")]
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (64, "-normal"), (110, "-wide")]

    def __init__(self) -> None:
        super().__init__()
        self._curves: dict[str, Curves] = {}
        self._looking_at: str | None = None
        self._follow: str | None = None  # a run just started: the cursor goes to it when it is listed
        self._reading: set[str] = set()

    def body(self) -> ComposeResult:
        with ContentSwitcher(initial="nothing"):
            yield EmptyState(id="nothing")
            with Vertical(id="runs-page"):
                with Vertical(id="runs-box", classes="panel") as box:
                    box.border_title = "Runs"
                    yield RunsPanel(id="runs")
                with Vertical(id="run-box", classes="panel") as box:
                    box.border_title = "Run"
                    yield Static(id="run-text", markup=False)
                    yield ProgressLine()
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
    def page(self) -> str:
        """What is on show: `nothing`, `runs-page`, `compare-page` or `form-page`."""
        switchers = self.query(ContentSwitcher)
        return str(switchers.first().current) if switchers else "nothing"

    def open_page(self, page: str) -> None:
        self.query_one(ContentSwitcher).current = page
        self.query_one(FooterBar).refresh()
        if page == "runs-page":
            self.runs.table.focus()

    def on_mount(self) -> None:
        super().on_mount()
        self.set_interval(TAIL_INTERVAL, self._tail)

    # ---- showing

    def show(self, session: Session, before: Session | None) -> None:
        if session.ready and session.runs:
            changed = before is None or any(
                getattr(session, name) is not getattr(before, name) for name in ("runs", "run_id", "pair", "dark")
            )
            if changed:
                self._fill(session)
            if self.page == "nothing":
                self.open_page("runs-page")
        elif self.page != "form-page":
            self._tell_empty(session)
            self.open_page("nothing")

    def _tell_empty(self, session: Session) -> None:
        empty = self.query_one(EmptyState)
        if session.ready:
            keys = (("n", "set up a head and train it"), ("?", "what this screen does"))
            empty.tell("no runs yet", "A run trains one head on top of the features.", *keys, palette=session.palette)
        else:
            empty.tell("the features come first", "see the Data screen", ("1", "Data"), palette=session.palette)

    def _fill(self, session: Session) -> None:
        panel = self.runs
        room = max(5, self.size.height // 3)
        self.query_one("#runs-box").styles.height = min(len(session.runs or ()) + 3, room)
        panel.show(session, self.size.width)
        if self._follow and panel.select_where("id", self._follow):
            self._follow = None
        self.show_run()
        if self.page == "compare-page":
            self.fill_comparison()

    @property
    def run(self) -> RunSnapshot | None:
        """The run under the cursor."""
        return self.runs.run

    def on_table_panel_moved(self, event: TablePanel.Moved) -> None:
        if event.panel is self.runs and event.row["id"] != self._looking_at:
            self.show_run()

    def on_table_panel_chosen(self, event: TablePanel.Chosen) -> None:
        if event.panel is not self.runs:  # from a comparison back to the run
            self.open_page("runs-page")
            self.runs.select_where("id", event.row["id"])
            return
        run = self.runs.by_id(event.row["id"])
        if run is None:
            return
        if run.state != "finished":
            self.bench.say(f"{run.id} is {run.state}: only a finished run can be looked at")
            return
        self.bench.choose_run(run.id)
        self.bench.go("confusion")

    def on_resize(self) -> None:
        if self.is_mounted and self.query("#run-text"):
            self.show_run()

    def show_run(self) -> None:
        """Show the run under the cursor, and the curves of the marked ones with its own."""
        run = self.run
        if run is None:
            return
        self._looking_at = run.id
        palette, width = self.palette, max(self.size.width - 2, 10)
        text = train_parts.run_text(run, self.session, width, short=self.size.height < 32)
        self.query_one("#run-text", Static).update(text)
        self.query_one("#run-box").set_class(run.active, "-active")
        if run.active:
            curves = self._curves.get(run.id)
            fraction = progress(run, curves.last_epoch if curves else 0.0)
            told = run.phase or run.state
            left = remaining(run, fraction)
            self.query_one(ProgressLine).tell(fraction, told, palette=palette, remaining=left)
        self._tail()
        self.draw()

    def draw(self) -> None:
        """Draw the curves of the marked runs and of the one under the cursor."""
        colours = self.runs.colours
        shown = [
            Shown(short_name(run), self._curves.get(run.id) or Curves(), colours.of(run.id, self.palette))
            for run in self.runs.drawn_runs
        ]
        self.charts.show(shown, self.palette)

    # ---- curves

    def _tail(self) -> None:
        """Read what the runs that are drawn have written since; nothing while the screen is not on show."""
        if self.bench.current is not self or not self.query(RunsPanel):
            return
        for run in self.runs.drawn_runs:
            curves = self._curves.get(run.id)
            if run.id not in self._reading and (curves is None or run.active):
                self._reading.add(run.id)
                self._read(run, curves.offset if curves else 0)

    @work(thread=True, group="metrics", exit_on_error=False)
    def _read(self, run: RunSnapshot, offset: int) -> None:
        try:
            background.read_metrics(run, offset, self.post_message)
        finally:
            self._reading.discard(run.id)

    def on_metrics_read(self, event: MetricsRead) -> None:
        curves = self._curves.setdefault(event.run_id, Curves())
        if curves.offset != event.start:
            return
        curves.add(event.rows, event.end)
        drawn = {run.id for run in self.runs.drawn_runs}
        for old in [run_id for run_id in self._curves if run_id not in drawn][: max(0, len(self._curves) - KEPT)]:
            del self._curves[old]
        run = self.run
        if event.rows and event.run_id in drawn:
            self.show_run() if run is not None and run.active and run.id == event.run_id else self.draw()

    # ---- actions

    def action_new_run(self) -> None:
        if not self.session.ready:
            self.bench.say("the features come first: see the Data screen (1)")
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
        store = self.session.store
        try:
            head, settings = self.query_one(HeadForm).answer()
        except BadInput as error:
            self.bench.say(str(error), severity="error")
            return
        if store is not None:
            self._start(head, settings)

    @work(thread=True, group="runs-made", exit_on_error=False)
    def _start(self, head: str, settings: dict[str, Any]) -> None:
        session = self.session
        if session.store is not None:
            background.start_run(session.workspace, session.store, head, settings, self.post_message)

    def on_run_started(self, event: RunStarted) -> None:
        """The app follows too, as the message bubbles on."""
        self._follow = event.run.id
        self._curves.pop(event.run.id, None)
        self.open_page("runs-page" if self.session.runs else "nothing")

    def on_run_refused(self, event: RunRefused) -> None:
        """The app shows it, as the message bubbles on."""

    @work(thread=True, group="runs-changed", exit_on_error=False)
    def _change(self, run: RunSnapshot, what: str) -> None:
        background.change_run(run, what, self.post_message)
        self.app.call_later(self.bench.look_at_runs)

    def action_stop(self) -> None:
        if self.run is not None:
            self._change(self.run, "stop")

    def action_resume(self) -> None:
        if self.run is not None:
            self._curves.pop(self.run.id, None)
            self._change(self.run, "resume")

    def action_remove(self) -> None:
        from workbench.tui.shell.dialogs import ask

        run = self.run
        if run is None:
            return
        if run.active:
            self.bench.say(f"{run.id} is {run.state}: stop it first (x)")
            return

        def answered(answer: str | None) -> None:
            if answer == "yes":
                self._change(run, "remove")

        self.bench.show_dialog(ask(f"Remove {run.id}?", [("no", "keep it"), ("yes", "remove it from disk")]), answered)

    def action_log(self) -> None:
        from workbench.runs import read_log
        from workbench.tui.shell.dialogs import TextDialog

        if self.run is not None:
            self.bench.show_dialog(TextDialog(f"Log of {self.run.id}", read_log(self.run.folder) or "the log is empty"))

    def go_back(self) -> bool:
        if self.page in ("form-page", "compare-page"):
            if self.page == "compare-page" and self.query_one("#compared", TablePanel).close_filter():
                return True
            self.open_page("runs-page" if self.session.runs else "nothing")
            return True
        return self.runs.close_filter() or self.end_alone() or self.charts.whole()
