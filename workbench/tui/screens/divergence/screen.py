"""Divergence: how far each feature moved between two splits, and the histograms of the one under the cursor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl
from rich.console import Group
from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Container, Vertical
from textual.widgets import ContentSwitcher, Static

from workbench.present.numbers import duration
from workbench.present.terminal import clean
from workbench.tui.screens.divergence import content
from workbench.tui.screens.divergence.content import Ordering, Subject
from workbench.tui.screens.divergence.samples import FeatureSamples
from workbench.tui.shared.feature import FeatureReader, histogram_chart
from workbench.tui.shared.job_view import JobView
from workbench.tui.shell.bars import FooterBar
from workbench.tui.shell.dialogs import ChooseDialog
from workbench.tui.shell.question import Question
from workbench.tui.shell.screen import WorkbenchScreen, style_beside
from workbench.tui.shell.session import Session
from workbench.tui.widgets.chart import ChartView
from workbench.tui.widgets.states import EmptyState
from workbench.tui.widgets.table.panel import TablePanel

if TYPE_CHECKING:
    from workbench.features.summary import FeatureColumns

ON_FEATURES = ("next_measure", "previous_measure", "log_shares")


class DivergenceScreen(WorkbenchScreen):
    """The features by how far they moved from test set 1 to test set 2."""

    NAME = "divergence"
    HELP = """
Difference between the distributions of each feature on two splits.

KS is the largest distance between the two distribution functions, 0 to 1. Wasserstein is the area between them, in the
feature's unit and in pooled standard deviations. SMD is the standardised mean difference: the change of the mean in
pooled standard deviations. SD ratio is the ratio of the standard deviations. p adj. is the p value of KS, corrected for
the number of features (Holm): below 0.05 the feature differs, and its bar is bright.

m sorts by the next measure, M by the previous one (SMD and SD ratio by magnitude); the bars show it.
/ filters: ks>0.2, smd<0, p_adjusted<0.01, or part of a name. v compares other splits, l draws the histograms on a
logarithmic axis. The feature under the cursor is also selected on other screens.

enter on a feature opens the samples of the second split sorted by its value, starting in the direction of the shift
(v: of the first split); enter on a sample its neighbours; escape goes back.
"""

    DEFAULT_CSS = style_beside(__file__)
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (64, "-normal"), (120, "-wide")]
    VERTICAL_BREAKPOINTS = [(0, "-low"), (18, "-high")]

    def __init__(self) -> None:
        super().__init__()
        self._pair: tuple[str, str] | None = None  # what is compared
        self._question: Question[Subject, pl.DataFrame] = self.question(self._follow_question, content.read_answer)
        self._reader = FeatureReader(self, self._show_feature)
        self._log = False

    def body(self) -> ComposeResult:
        with ContentSwitcher(initial="nothing"):
            yield EmptyState(id="nothing")
            yield JobView(id="working")
            with Vertical(id="answer"):
                yield Static(id="summary", markup=False)
                with Container(id="parts"):
                    with Vertical(id="features-box", classes="panel") as box:
                        box.border_title = "Features"
                        yield TablePanel(id="features", noun="feature")
                    with Container(id="feature-box", classes="panel"):
                        yield ChartView(id="histograms")
                        yield Static(id="numbers", markup=False)
            yield FeatureSamples(id="behind")

    # ---- asking

    def show(self, session: Session, before: Session | None) -> None:
        store = session.store
        if not session.ready or store is None:
            self._question.drop()
            self._nothing("no features yet", "divergence compares two splits", ("1", "show reading progress"))
            return
        if before is None or before.pair != session.pair or before.store is not store:
            self._pair = content.default_pair(store, session.pair)
        if self._pair is None:
            self._question.drop()
            self._nothing("nothing to compare", "divergence compares two splits, and the workspace has only one")
            return
        if self._question.about != (store, self._pair):
            self._ask(Subject(store, self._pair))
        elif before is not None and before.palette != session.palette:
            self._fill()
        if before is None or before.selection.feature != session.selection.feature:
            self._follow(session.selection.feature)
        if self._behind and before is not None and (before.run, before.palette) != (session.run, session.palette):
            self.query_one(FeatureSamples).again(session)

    def _nothing(self, title: str, text: str, *keys: tuple[str, str]) -> None:
        self.query_one(EmptyState).tell(title, text, *keys, palette=self.palette)
        self.query_one(ContentSwitcher).current = "nothing"

    def _ask(self, about: Subject) -> None:
        self._question.stop()  # comparing every feature may take minutes, and nobody waits for it any more
        params = {"a": about.pair[0], "b": about.pair[1], "limit": 0}
        self._question.ask(about, "divergence", params, with_run=False)

    def _follow_question(self) -> None:
        """Show how far the question is, or its answer."""
        question, job = self._question, self._question.job
        if job is None:
            return
        if question.state in ("working", "failed"):
            self.query_one(ContentSwitcher).current = "working"
            self.query_one("#working", JobView).show(job, self.palette)
        elif question.state == "answered":
            self._fill()
            self.query_one(ContentSwitcher).current = "answer"
            panel = self.query_one("#features", TablePanel)
            if not self._follow(self.selection.feature):
                panel.move_to(0)
            panel.table.focus()
            if not job.cached and job.seconds > 1:
                self.bench.say(f"compared in {duration(job.seconds)}; result cached")

    def action_ask_again(self) -> None:
        """Ask once more, as after a failure."""
        self._question.ask_again()

    def action_stop_analysis(self) -> None:
        """Stop the analysis that is at work."""
        self._question.stop()

    @property
    def _frame(self) -> pl.DataFrame | None:
        return self._question.answer

    @property
    def _current(self) -> bool:
        """Whether the table on show is the answer to the question, and not the last one's."""
        return self._question.state == "answered"

    # ---- the table

    def _fill(self) -> None:
        frame, pair = self._frame, self._pair
        if frame is None or pair is None or not self._current:
            return
        panel = self.query_one("#features", TablePanel)
        columns = content.feature_columns(
            frame, self.palette, panel.size.width or self.size.width, lambda: panel.table.sorted_by
        )
        panel.load(frame, columns, key="index", sort=("ks", True))
        self.query_one("#summary", Static).update(content.summary_text(frame, pair, self.palette, self.size.width - 2))
        self._show_feature()

    def on_resize(self) -> None:
        if self._frame is not None:
            self.call_after_refresh(self._fill)

    def _follow(self, feature: int | None) -> bool:
        """Put the cursor on the selected feature; False when it is not in the table."""
        panel = self.query_one("#features", TablePanel)
        if self._frame is None or feature is None:
            return False
        row = panel.row
        return (row is not None and row["index"] == feature) or panel.select_where("index", feature)

    def on_table_panel_moved(self, event: TablePanel.Moved) -> None:
        row = self.row  # where the cursor is now: it may have moved on since
        if event.panel.id == "features" and row is not None and row["index"] is not None:
            self.bench.select(feature=row["index"])
        self._show_feature()

    def action_next_measure(self) -> None:
        self._sort_by(1)

    def action_previous_measure(self) -> None:
        self._sort_by(-1)

    def _sort_by(self, step: int) -> None:
        panel = self.query_one("#features", TablePanel)
        shown = [column.name for column in panel.table.frame_backend.shown]
        measures = [name for name in content.SORT_COLUMNS.values() if name in shown]
        if not measures:
            return
        by = panel.table.sorted_by
        place = measures.index(by[0]) + step if by and by[0] in measures else 0
        panel.table.marked = shown.index(measures[place % len(measures)])
        panel.action_sort()

    # ---- the samples behind a feature

    def on_table_panel_chosen(self, event: TablePanel.Chosen) -> None:
        behind = self.query_one(FeatureSamples)
        if event.panel.id == "features" and self._pair is not None and event.row.get("index") is not None:
            behind.open(Ordering(self.session, self._pair, event.row, self._pair[1]))
            self._open("behind", "#samples")
        elif event.panel.id == "samples" and behind.ordering is not None:
            self.bench.go("neighbours", self.selection.with_(split=behind.ordering.split, row=int(event.row["row"])))

    @property
    def _behind(self) -> bool:
        return self.is_mounted and self.query_one(ContentSwitcher).current == "behind"

    def go_back(self) -> bool:
        if not self._behind:
            return self.query_one("#features", TablePanel).close_filter()
        if not self.query_one("#samples", TablePanel).close_filter():
            self._open("answer", "#features")
        return True

    def _open(self, page: str, table: str) -> None:
        self.query_one(ContentSwitcher).current = page
        self.query_one(table, TablePanel).table.focus()
        self.query_one(FooterBar).refresh()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Keys that are for the table of features do nothing where it is not on show."""
        return action not in ON_FEATURES if self._behind else super().check_action(action, parameters)

    # ---- the feature under the cursor

    @property
    def row(self) -> dict[str, Any] | None:
        """The row under the cursor."""
        return self.query_one("#features", TablePanel).row if self._frame is not None else None

    def _show_feature(self) -> None:
        """Show the feature under the cursor: its numbers at once, its histograms when it has been read."""
        row, store = self.row, self.session.store
        if row is None or self._pair is None or store is None or not self._current:
            return
        self.query_one("#feature-box").border_title = Text(f"Feature {clean(row['feature'])}")
        feature = self._reader.get(store, self._pair, row["index"])
        self._show_numbers(row, feature)
        if feature is not None:
            lines, axes = histogram_chart(feature, str(row["feature"]), self.palette, log=self._log)
            self.query_one("#histograms", ChartView).set(lines, axes, self.palette)

    def _show_numbers(self, row: dict[str, Any], feature: FeatureColumns | None) -> None:
        store, pair = self.session.store, self._pair
        if store is None or pair is None:
            return
        numbers = self.query_one("#numbers", Static)
        splits = (store.splits[pair[0]], store.splits[pair[1]])
        table = content.numbers_table(row, feature, splits, self.palette, numbers.size.width or 36)
        numbers.update(Group(table, Text(), content.measures_text(row, self.palette)))

    def action_log_shares(self) -> None:
        """Shares on a logarithmic axis, or back on a plain one."""
        self._log = not self._log
        self._show_feature()

    # ---- other splits

    def action_other_splits(self) -> None:
        """Choose which two splits are compared; P chooses the pair of test sets for all screens."""
        if self._behind:
            self.query_one(FeatureSamples).other_split()
            return
        store = self.session.store
        if store is None or len(store.splits) < 2:
            self.bench.say("a comparison requires two splits")
            return
        pairs = content.pairs_of(store)
        options = [(f"{place}", content.pair_label(pair, self.palette)) for place, pair in enumerate(pairs)]
        current = str(pairs.index(self._pair)) if self._pair in pairs else None

        def choose(key: str | None) -> None:
            if key is not None:
                self._pair = pairs[int(key)]
                self.show(self.session, self.session)

        self.bench.show_dialog(ChooseDialog("Splits to compare", options, current), choose)
