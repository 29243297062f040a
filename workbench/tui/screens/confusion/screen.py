"""Confusion: each class on both test sets, the pairs that are confused, and the samples of a pair."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.widgets import ContentSwitcher, Static

from workbench.present.terminal import clean
from workbench.text import counted
from workbench.tui.screens.confusion import content
from workbench.tui.screens.confusion.content import Answer, Subject
from workbench.tui.shared.job_view import JobView
from workbench.tui.shared.predictions import said_words
from workbench.tui.shared.sample import SampleView
from workbench.tui.shell.screen import WorkbenchScreen, style_beside
from workbench.tui.widgets.states import EmptyState
from workbench.tui.widgets.table.panel import TablePanel

if TYPE_CHECKING:
    import polars as pl

    from workbench.tui.shell.session import Selection, Session


@dataclass
class CellRead(Message):
    """The samples of one pair of one test set."""

    split: str
    cell: tuple[int, int]
    frame: pl.DataFrame


class ConfusionScreen(WorkbenchScreen):
    """Classes and confused pairs on both test sets; from a pair to its samples, from a sample to its neighbours."""

    NAME = "confusion"
    HELP = """
Above, each class: recall (the fraction of its samples predicted correctly) on both test sets and its change; precision
(the fraction of the samples predicted as this class that belong to it), F1 and support. Below, the pairs of classes
confused: the count, the rate among the samples of the true class, and the change of the rate from test set 1 to 2.

v sorts the pairs by test set 1, by test set 2, or by the change. enter on a class shows only its pairs; enter on a
pair opens its samples (v: of the other test set), enter on a sample its neighbours; escape goes back.

A change is drawn with its 95% interval (Newcombe) around a line at zero; bright where the interval excludes zero.
Intervals are for single classes or pairs; p adj. is adjusted for testing all pairs (Benjamini and Hochberg).
"""

    DEFAULT_CSS = style_beside(__file__)
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (64, "-normal"), (110, "-wide")]
    VERTICAL_BREAKPOINTS = [(0, "-short"), (18, "-medium"), (34, "-tall")]

    def __init__(self) -> None:
        super().__init__()
        self._question = self.question(self._follow_question, content.read_answer, in_thread=True)
        self._view = content.CHANGE
        self._class: int | None = None
        self._cell: tuple[int, int] | None = None
        self._split = ""

    def body(self) -> ComposeResult:
        with ContentSwitcher(initial="nothing"):
            yield EmptyState(id="nothing")
            yield JobView(id="working")
            with Vertical(id="overview"):
                yield Static(id="summary", markup=False)
                yield _boxed("classes-box", "Classes", TablePanel(id="classes", noun="class", nouns="classes"))
                yield _boxed("pairs-box", "Confused pairs", TablePanel(id="pairs", noun="pair"))
            with Vertical(id="cell"):
                yield Static(id="cell-facts", markup=False)
                with Horizontal(id="cell-rest"):
                    yield _boxed("samples-box", "Samples", TablePanel(id="samples", noun="sample"))
                    yield _boxed("sample-box", "Sample", SampleView(id="sample"))

    # ---- asking

    def show(self, session: Session, before: Session | None) -> None:
        if not session.ready or session.run is None or session.run.state != "finished" or not session.pair:
            self._question.drop()
            self._tell_empty(session)
            self.query_one(ContentSwitcher).current = "nothing"
            return
        assert session.store is not None
        subject = Subject(session.store, session.run_id, session.pair)
        if subject != self._question.about:
            self._question.ask(subject, "confusion", content.PARAMS)
        elif before is not None and before.dark != session.dark:
            self._fill()
            self._load_cell()
        self._follow(session.selection)

    def _tell_empty(self, session: Session) -> None:
        empty, palette = self.query_one(EmptyState), session.palette
        if not session.ready:
            empty.tell("no features yet", "the confusion matrix compares the predictions of a run with the labels",
                       ("1", "show reading progress"), palette=palette)  # fmt: skip
        elif not session.pair:
            empty.tell(
                "no test set", "the confusion matrix requires a test set, and this workspace has none", palette=palette
            )
        elif session.run is not None:
            empty.tell(f"run {session.run.id} is {session.run.state}", "the confusion matrix requires a finished run",
                       ("2", "show its progress"), ("R", "choose another run"), palette=palette)  # fmt: skip
        elif session.runs is None:
            empty.tell("loading runs ...", palette=palette)
        else:
            finished = [run for run in session.runs if run.state == "finished"]
            keys = [("R", "choose a run")] if finished else []
            empty.tell("no finished run yet", "the confusion matrix is available once a head is trained",
                       ("2", "train a head"), *keys, palette=palette)  # fmt: skip

    def _follow_question(self) -> None:
        """Show how far the question is, or its answer."""
        question = self._question
        if question.state in ("working", "failed") and question.job is not None:
            # An answer is shown once all of it is there.
            self.query_one("#working", JobView).show(replace(question.job, blocks=()), self.palette)
            self.query_one(ContentSwitcher).current = "working"
        elif question.answer is not None and question.state == "answered":
            if self._view not in content.views_of(question.answer):
                self._view = content.views_of(question.answer)[0]
            self._fill()
            self._load_cell()
            self._show_level()

    def action_ask_again(self) -> None:
        """Ask once more, as after a failure."""
        self._question.ask_again()

    def action_stop_analysis(self) -> None:
        """Stop the analysis that is at work."""
        self._question.stop()

    @property
    def _answer(self) -> Answer | None:
        return self._question.answer

    # ---- showing

    def _fill(self) -> None:
        answer, palette = self._answer, self.palette
        if answer is None:
            return
        self._tell_summary()
        classes = self.query_one("#classes", TablePanel)
        sort = (content.CHANGE, False) if len(answer.tests) > 1 else ("recall1", False)
        classes.load(answer.classes, content.class_columns(answer, palette), key="index", sort=sort)
        self.query_one("#classes-box").styles.height = answer.classes.height + 3
        self._fill_pairs()

    def _tell_summary(self) -> None:
        if self._answer is not None:
            summary = self.query_one("#summary", Static)
            summary.update(content.summary_text(self._answer, self.palette, max(self.size.width - 2, 20)))

    def _fill_pairs(self, *, anew: bool = False) -> None:
        """Show the pairs in the order of the view; `anew` forgets where the cursor was and how they were sorted."""
        answer, store = self._answer, self.session.store
        if answer is None or store is None:
            return
        panel = self.query_one("#pairs", TablePanel)
        if anew:
            panel.table.sorted_by = None
        frame = content.view_pairs(answer, self._view, self._class)
        frame = frame.with_columns(key=frame["true_index"] * len(store.classes) + frame["predicted_index"])
        panel.load(frame, content.pair_columns(answer, self.palette), key="" if anew else "key")
        if anew:
            panel.move_to(0)
        title = content.pairs_title(answer, self._view, self._class, store, self.palette)
        self.query_one("#pairs-box").border_title = title

    def on_resize(self) -> None:
        self._tell_summary()

    def _show_level(self) -> None:
        """Show the samples of the open pair, or else the tables."""
        level = "overview" if self._cell is None else "cell"
        switcher = self.query_one(ContentSwitcher)
        if switcher.current != level:
            switcher.current = level
            self.query_one("#pairs" if level == "overview" else "#samples", TablePanel).table.focus()

    # ---- a class, a pair, a sample

    def _follow(self, selection: Selection) -> None:
        """Open the pair that is selected, wherever it was selected, or close it."""
        cell = None
        if selection.true is not None and selection.predicted is not None:
            cell = (selection.true, selection.predicted)
        tests = self.session.store.tests if self.session.store else {}
        if cell != self._cell:
            self._cell = cell
            self._split = selection.split if selection.split in tests else self.session.pair[-1]
            self._load_cell()
        if self._answer is not None and self.query_one(ContentSwitcher).current != "working":
            self._show_level()

    def _load_cell(self) -> None:
        store, session = self.session.store, self.session
        if self._cell is None or store is None:
            return
        true, predicted = self._cell
        facts = content.cell_text(self._answer, store, true, predicted, self.palette)
        self.query_one("#cell-facts", Static).update(facts)
        self._read_cell(session, self._split, self._cell)

    @work(thread=True, exclusive=True, group="cell", exit_on_error=False)
    def _read_cell(self, session: Session, split: str, cell: tuple[int, int]) -> None:
        self.post_message(CellRead(split, cell, content.cell_frame(session, split, *cell)))

    def on_cell_read(self, event: CellRead) -> None:
        if event.cell != self._cell or event.split != self._split:
            return
        palette = self.palette
        panel = self.query_one("#samples", TablePanel)
        panel.load(event.frame, content.cell_columns(event.frame, palette), key="row")
        title = Text(f"{palette.mark(event.split)} {clean(event.split)}", style=f"bold {palette.split(event.split)}")
        title.append(f"  {counted(event.frame.height, 'sample')}", style=palette.muted)
        self.query_one("#samples-box").border_title = title
        self._look(panel.row)

    def _look(self, row: dict[str, Any] | None) -> None:
        view = self.query_one("#sample", SampleView)
        session = self.session
        if row is None or session.store is None or self._cell is None:
            view.clear()
            return
        prediction = {
            "predicted": self._cell[1],
            "confidence": row["confidence"],
            "correct": self._cell[0] == self._cell[1],
        }
        note = f"predicted {said_words(prediction, session.store)}"
        view.look(session.workspace, session.store, self._split, int(row["row"]), session.palette, note)

    def on_table_panel_moved(self, event: TablePanel.Moved) -> None:
        if event.panel.id == "samples":
            self._look(event.row)

    def on_table_panel_chosen(self, event: TablePanel.Chosen) -> None:
        row = event.row
        if event.panel.id == "classes":
            self._keep_class(int(row["index"]))
        elif event.panel.id == "pairs" and self._answer is not None:
            split = content.view_test(self._answer, self._view, row)
            self.bench.select(split=split, row=None, true=int(row["true_index"]), predicted=int(row["predicted_index"]))
        elif event.panel.id == "samples":
            self.bench.go("neighbours", self.selection.with_(split=self._split, row=int(row["row"])))

    def _keep_class(self, index: int | None) -> None:
        """Show only the pairs of one class; None shows all again."""
        self._class = index
        self.bench.select(true=index, predicted=None)
        self._fill_pairs(anew=True)
        self.query_one("#pairs" if index is not None else "#classes", TablePanel).table.focus()

    # ---- keys

    def action_next_view(self) -> None:
        if self._cell is not None:
            self._other_test()
        elif self._answer is not None:
            views: Sequence[str] = content.views_of(self._answer)
            self._view = views[(views.index(self._view) + 1) % len(views)]
            self._fill_pairs(anew=True)

    def _other_test(self) -> None:
        """The open pair's samples of the other test set."""
        pair = self.session.pair
        if len(pair) > 1:
            self._split = pair[0] if self._split != pair[0] else pair[1]
            self._load_cell()
            self.bench.select(split=self._split, row=None)

    def go_back(self) -> bool:
        current = self.query_one(ContentSwitcher).current
        panels = [panel for panel in self.query(TablePanel) if panel.visible_now]
        # The focused part's own filter closes first; that of another part stays until it has its turn.
        for panel in sorted(panels, key=lambda panel: not panel.has_focus_within):
            if panel.close_filter():
                return True
        if self._cell is not None and current in ("cell", "working"):
            self.bench.select(true=self._class, predicted=None, row=None)
            return True
        if self._class is not None and current == "overview":
            self._keep_class(None)
            return True
        return False


def _boxed(box: str, title: str, widget: TablePanel | SampleView) -> Vertical:
    panel = Vertical(widget, id=box, classes="panel")
    panel.border_title = title
    return panel
