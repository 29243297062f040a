"""Train: set up a head, start and stop runs, and watch their curves; runs are found again where they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from textual import work
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.widgets import ContentSwitcher, Static

from workbench.errors import BadInput
from workbench.tui import background
from workbench.tui.formats import clean
from workbench.tui.messages import MetricsRead, RunRefused, RunStarted
from workbench.tui.screens import train_parts
from workbench.tui.screens.base import WorkbenchScreen
from workbench.tui.session import Session
from workbench.tui.widgets.blocks import metrics_text
from workbench.tui.widgets.chart import ChartView
from workbench.tui.widgets.head_form import HeadForm
from workbench.tui.widgets.states import EmptyState, ProgressLine
from workbench.tui.widgets.table import TablePanel

if TYPE_CHECKING:
    from workbench.runs import RunSnapshot

TAIL_INTERVAL = 0.2  # seconds between two looks at the metrics of a run that trains
KEPT = 20  # runs whose curves are kept in memory


class TrainScreen(WorkbenchScreen):
    """Runs: a list, the one under the cursor in full, and a form for the next."""

    NAME = "train"
    HELP = """
Runs train in processes of their own: they go on when you leave, and are here again when you come back.

n opens the form for a new run; each setting says what it allows; enter in a field, ctrl+r or F5 starts. x stops the
run under the cursor (it keeps a checkpoint; u takes it up again), delete removes it, l shows its log. enter on a
finished run makes it the run that all screens look at, and goes to its confusions.

Curves: train and val, by epoch; the loss of single steps runs faintly behind. Test sets have no curve: they are
looked at once, when training is over.
"""

    DEFAULT_CSS = """
    TrainScreen ContentSwitcher { height: 1fr; }
    TrainScreen #runs-box { height: 6; min-height: 4; max-height: 50%; }
    TrainScreen #run-box { height: auto; max-height: 9; }
    TrainScreen #run-text { height: auto; }
    TrainScreen #charts { height: 3fr; }
    TrainScreen ProgressLine { display: none; }
    TrainScreen .-active ProgressLine { display: block; }
    TrainScreen.-short #charts { display: none; }
    TrainScreen.-narrow #accuracy { display: none; }
    TrainScreen #form-page { height: 1fr; }
    """
    VERTICAL_BREAKPOINTS = [(0, "-short"), (16, "-tall")]
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (64, "-normal"), (110, "-wide")]

    def __init__(self) -> None:
        super().__init__()
        self._curves: dict[str, train_parts.Curves] = {}
        self._looking_at: str | None = None
        self._follow: str | None = None  # a run just started: the cursor goes to it when it is listed
        self._reading = False

    def body(self) -> ComposeResult:
        with ContentSwitcher(initial="nothing"):
            yield EmptyState(id="nothing")
            with Vertical(id="runs-page"):
                with Vertical(id="runs-box", classes="panel") as box:
                    box.border_title = "Runs"
                    yield TablePanel(id="runs", noun="run")
                with Vertical(id="run-box", classes="panel") as box:
                    box.border_title = "Run"
                    yield Static(id="run-text", markup=False)
                    yield ProgressLine()
                with Horizontal(id="charts", classes="panel"):
                    yield ChartView(id="loss")
                    yield ChartView(id="accuracy")
            yield HeadForm(id="form-page")

    def on_mount(self) -> None:
        super().on_mount()
        self.set_interval(TAIL_INTERVAL, self._tail)

    # ---- showing

    def show(self, session: Session, before: Session | None) -> None:
        switcher = self.query_one(ContentSwitcher)
        if session.ready and session.runs:
            changed = before is None or any(
                getattr(session, name) is not getattr(before, name) for name in ("runs", "run_id", "pair", "dark")
            )
            if changed:
                self._fill(session)
            if switcher.current == "nothing":
                switcher.current = "runs-page"
                self.query_one("#runs", TablePanel).table.focus()
        elif switcher.current != "form-page":
            self._tell_empty(session)
            switcher.current = "nothing"

    def _tell_empty(self, session: Session) -> None:
        empty = self.query_one(EmptyState)
        if session.ready:
            keys = (("n", "set up a head and train it"), ("?", "what this screen does"))
            empty.tell("no runs yet", "A run trains one head on top of the features.", *keys, palette=session.palette)
        else:
            empty.tell("the features come first", "see the Data screen", ("1", "Data"), palette=session.palette)

    def _fill(self, session: Session) -> None:
        panel = self.query_one("#runs", TablePanel)
        room = max(5, self.size.height // 3)
        self.query_one("#runs-box").styles.height = min(len(session.runs or ()) + 3, room)
        panel.load(train_parts.runs_frame(session), train_parts.run_columns(session, self.size.width), key="id")
        if self._follow and panel.select_where("id", self._follow):
            self._follow = None
        self._show_run()

    @property
    def run(self) -> RunSnapshot | None:
        """The run under the cursor."""
        row = self.query_one("#runs", TablePanel).row
        return next((run for run in self.session.runs or () if row and run.id == row["id"]), None)

    def on_table_panel_moved(self, event: TablePanel.Moved) -> None:
        if event.row["id"] != self._looking_at:
            self._show_run()

    def on_table_panel_chosen(self, event: TablePanel.Chosen) -> None:
        run = next((run for run in self.session.runs or () if run.id == event.row["id"]), None)
        if run is None:
            return
        if run.state != "finished":
            self.bench.say(f"{run.id} is {run.state}: only a finished run can be looked at")
            return
        self.bench.choose_run(run.id)
        self.bench.go("confusion")

    def on_resize(self) -> None:
        if self.is_mounted and self.query("#run-text"):
            self._show_run()

    def _show_run(self) -> None:
        run = self.run
        if run is None:
            return
        self._looking_at = run.id
        curves = self._curves.get(run.id)
        palette, width = self.palette, max(self.size.width - 2, 10)
        text = train_parts.heading(run, width, palette)
        text.append("\n").append_text(train_parts.settings_text(run, width, palette))
        if run.error:
            text.append(f"\n{clean(run.error)}", style=palette.severities["error"])
        metrics = train_parts.result_metrics(run, self.session)
        if metrics and not run.active:
            text.append("\n").append_text(metrics_text(metrics, width, palette))
        self.query_one("#run-text", Static).update(text)
        self.query_one("#run-box").set_class(run.active, "-active")
        if run.active:
            fraction = train_parts.run_fraction(run, curves)
            told = run.phase or run.state
            left = train_parts.remaining(run, fraction)
            self.query_one(ProgressLine).tell(fraction, told, palette=palette, remaining=left)
        if curves is None or run.active:
            self._tail()
        self._draw(curves or train_parts.Curves())

    def _draw(self, curves: train_parts.Curves) -> None:
        self.query_one("#loss", ChartView).set(*train_parts.loss_chart(curves, self.palette), self.palette)
        self.query_one("#accuracy", ChartView).set(*train_parts.accuracy_chart(curves, self.palette), self.palette)

    # ---- curves

    def _tail(self) -> None:
        """Read what the run under the cursor has written since; nothing while the screen is not on show."""
        run = self.run
        if run is None or self._reading or self.bench.current is not self:
            return
        curves = self._curves.get(run.id)
        if curves is None or run.active:
            self._reading = True
            self._read(run, curves.offset if curves else 0)

    @work(thread=True, group="metrics", exit_on_error=False)
    def _read(self, run: RunSnapshot, offset: int) -> None:
        try:
            background.read_metrics(run, offset, self.post_message)
        finally:
            self._reading = False

    def on_metrics_read(self, event: MetricsRead) -> None:
        curves = self._curves.setdefault(event.run_id, train_parts.Curves())
        if curves.offset != event.start:
            return
        curves.add(event.rows, event.end)
        for old in list(self._curves)[: max(0, len(self._curves) - KEPT)]:
            del self._curves[old]
        run = self.run
        if event.rows and run is not None and run.id == event.run_id:
            self._show_run() if run.active else self._draw(curves)

    # ---- actions

    def action_new_run(self) -> None:
        if not self.session.ready:
            self.bench.say("the features come first: see the Data screen (1)")
            return
        form = self.query_one(HeadForm)
        form.open(self.palette, like=self.run)
        self.query_one(ContentSwitcher).current = "form-page"
        form.focus_first()

    def on_head_form_submitted(self, _event: HeadForm.Submitted) -> None:
        self.action_start()

    def action_start(self) -> None:
        if self.query_one(ContentSwitcher).current != "form-page":
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
        switcher = self.query_one(ContentSwitcher)
        switcher.current = "runs-page" if self.session.runs else "nothing"
        self.query_one("#runs", TablePanel).table.focus()

    def on_run_refused(self, event: RunRefused) -> None:
        """The app shows it, as the message bubbles on."""

    @work(thread=True, group="runs-changed", exit_on_error=False)
    def _change(self, run: RunSnapshot, what: str) -> None:
        background.change_run(run, what, self.post_message)
        self.app.call_from_thread(self.bench.look_at_runs)

    def action_stop(self) -> None:
        if self.run is not None:
            self._change(self.run, "stop")

    def action_resume(self) -> None:
        if self.run is not None:
            self._curves.pop(self.run.id, None)
            self._change(self.run, "resume")

    def action_remove(self) -> None:
        from workbench.tui.screens.dialogs import ask

        run = self.run
        if run is None:
            return
        if run.active:
            self.bench.say(f"{run.id} is {run.state}: stop it first (x)")
            return

        def answered(answer: str | None) -> None:
            if answer == "yes":
                self._change(run, "remove")

        self.app.push_screen(ask(f"Remove {run.id}?", [("no", "keep it"), ("yes", "remove it from disk")]), answered)

    def action_log(self) -> None:
        from workbench.tui.screens.dialogs import TextDialog

        if self.run is not None:
            self.app.push_screen(TextDialog(f"Log of {self.run.id}", read_log(self.run)))

    def go_back(self) -> bool:
        if self.query_one("#runs", TablePanel).close_filter():
            return True
        switcher = self.query_one(ContentSwitcher)
        if switcher.current == "form-page":
            switcher.current = "runs-page" if self.session.runs else "nothing"
            self.query_one("#runs", TablePanel).table.focus()
            return True
        return False


def read_log(run: RunSnapshot, most: int = 64_000) -> str:
    """The end of a run's log."""
    try:
        with (run.folder / "log.txt").open("rb") as file:
            file.seek(0, 2)
            start = max(0, file.tell() - most)
            file.seek(start)
            text = file.read().decode("utf-8", "replace")
    except OSError as error:
        return f"the log cannot be read: {error.strerror}"
    return ("... the end of it:\n" if start else "") + text
