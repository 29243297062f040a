"""Divergence: how far each feature moved between two splits, and the histograms of the one under the cursor."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any

import polars as pl
from rich.console import Group
from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.containers import Container, Vertical
from textual.timer import Timer
from textual.widgets import ContentSwitcher, Static

from workbench.tui.formats import clean, duration
from workbench.tui.screens.divergence import content as parts
from workbench.tui.screens.divergence.samples import Asked, FeatureSamples
from workbench.tui.shared.job_view import JobView
from workbench.tui.shell.bars import FooterBar
from workbench.tui.shell.dialogs import ChooseDialog
from workbench.tui.shell.jobs import Job
from workbench.tui.shell.messages import FeatureLoaded
from workbench.tui.shell.screen import WorkbenchScreen
from workbench.tui.shell.session import Session
from workbench.tui.widgets.chart import ChartView
from workbench.tui.widgets.states import EmptyState
from workbench.tui.widgets.table.panel import TablePanel

if TYPE_CHECKING:
    from workbench.features.store import Store

PAUSE = 0.06  # seconds that the cursor rests on a feature before it is read
ON_FEATURES = ("next_measure", "previous_measure", "log_shares")
KEPT = 200  # features whose histograms are kept


class DivergenceScreen(WorkbenchScreen):
    """The features by how far they moved from test set 1 to test set 2."""

    NAME = "divergence"
    HELP = """
How far the distribution of each feature moved from one split to the other.

KS is the largest distance between the two distribution functions, 0 to 1. Wasserstein is the area between them, in the
feature's unit and in pooled standard deviations. SMD is the standardised mean difference: the change of the mean in
pooled standard deviations. SD ratio is the ratio of the standard deviations. p adj. is the p value of KS, corrected for
the number of features (Holm): below 0.05 the feature differs, and its bar is bright.

m sorts by the next measure, M by the one before (SMD and SD ratio by size, whichever way); the bars are drawn for it.
/ filters: ks>0.2, smd<0, p_adjusted<0.01, or part of a name. v compares other splits, l draws the histograms on a
logarithmic axis. The feature under the cursor is the one that other screens look at.

enter on a feature opens the samples of the second split by their value of it, the way it moved first (v: those of the
first split); enter on a sample its neighbours; escape goes back.
"""

    DEFAULT_CSS = """
    DivergenceScreen ContentSwitcher { height: 1fr; }
    DivergenceScreen #working { padding: 0 1; }
    DivergenceScreen #summary { height: 1; padding: 0 1; text-wrap: nowrap; text-overflow: ellipsis; }
    DivergenceScreen #parts { layout: vertical; height: 1fr; }
    DivergenceScreen #features-box { height: 1fr; min-height: 5; }
    DivergenceScreen #feature-box { layout: horizontal; height: 11; }
    DivergenceScreen #histograms { width: 1fr; height: 1fr; min-height: 5; }
    DivergenceScreen #numbers { width: 36; height: auto; margin-left: 2; }
    DivergenceScreen.-narrow #numbers { display: none; }
    DivergenceScreen.-wide #parts { layout: horizontal; }
    DivergenceScreen.-wide #features-box { width: 1fr; height: 1fr; }
    DivergenceScreen.-wide #feature-box { layout: vertical; width: 38%; max-width: 70; height: 1fr; }
    DivergenceScreen.-wide #histograms { max-height: 22; }
    DivergenceScreen.-wide #numbers { width: 1fr; margin-left: 0; margin-top: 1; }
    DivergenceScreen.-low #feature-box { display: none; }
    DivergenceScreen.-narrow #sample-box { display: none; }
    """
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (64, "-normal"), (120, "-wide")]
    VERTICAL_BREAKPOINTS = [(0, "-low"), (18, "-high")]

    def __init__(self) -> None:
        super().__init__()
        self._pair: tuple[str, str] | None = None  # what is compared
        self._asked: tuple[Any, ...] = ()  # what the answer on show, or awaited, is about
        self._job = ""
        self._frame: pl.DataFrame | None = None
        self._told: int | None = None  # the feature that this screen last put into the selection
        self._read: OrderedDict[tuple[tuple[str, str], int], parts.Feature] = OrderedDict()
        self._rest: Timer | None = None
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
            self._asked = ()
            self._nothing("no features yet", "divergence is between two splits", ("1", "see how reading them goes"))
            return
        if before is None or before.pair != session.pair or before.store is not store:
            self._pair = parts.default_pair(store, session.pair)
        if self._pair is None:
            self._nothing("nothing to compare", "the workspace has one split only; divergence takes two")
            return
        if self._asked != (store, self._pair):
            self._ask(store, self._pair)
        elif before is not None and before.palette != session.palette:
            self._fill()
        if session.selection.feature != self._told:
            self._follow(session.selection.feature)
        if self._behind and before is not None and (before.run, before.palette) != (session.run, session.palette):
            self.query_one(FeatureSamples).again(session)

    def _nothing(self, title: str, text: str, *keys: tuple[str, str]) -> None:
        self.query_one(EmptyState).tell(title, text, *keys, palette=self.palette)
        self.query_one(ContentSwitcher).current = "nothing"

    def _ask(self, store: Store, pair: tuple[str, str]) -> None:
        if self._asked[:1] != (store,):
            self._read.clear()
        self._stop()
        self._asked = (store, pair)
        self._frame = None
        job = self.analyse("divergence", {"a": pair[0], "b": pair[1], "limit": 0}, with_run=False)
        self._job = job.id
        self.job_changed(job)

    def job_changed(self, job: Job) -> None:
        if job.id != self._job:
            return
        if job.state == "done":
            self._answered(job)
        elif self._frame is None:
            self.query_one(ContentSwitcher).current = "working"
            self.query_one("#working", JobView).show(job, self.palette)

    def _answered(self, job: Job) -> None:
        from workbench.api import Table

        store = self.session.store
        table = next((block for block in job.blocks if isinstance(block, Table) and block.title == "features"), None)
        if table is None or store is None:
            self._nothing("no answer", "the analysis gave no table of features", ("^r", "ask again"))
            return
        self._frame = parts.features_frame(table.frame, store)
        self._fill()
        self.query_one(ContentSwitcher).current = "answer"
        panel = self.query_one("#features", TablePanel)
        if not self._follow(self.selection.feature):
            panel.move_to(0)
        panel.table.focus()
        if not job.cached and job.seconds > 1:
            self.bench.say(f"compared in {duration(job.seconds)}; kept for next time")

    def action_ask_again(self) -> None:
        self._asked = ()
        self.show(self.session, self.session)

    def action_stop_analysis(self) -> None:
        self._stop()

    def _stop(self) -> None:
        job = self.bench.jobs.get(self._job)
        if job is not None and not job.over:
            self.bench.jobs.cancel(job.id)

    # ---- the table

    def _fill(self) -> None:
        frame, pair = self._frame, self._pair
        if frame is None or pair is None:
            return
        panel = self.query_one("#features", TablePanel)
        columns = parts.feature_columns(
            frame, self.palette, panel.size.width or self.size.width, lambda: panel.table.sorted_by
        )
        panel.load(frame, columns, key="index", sort=("ks", True))
        self.query_one("#summary", Static).update(parts.summary_text(frame, pair, self.palette, self.size.width - 2))
        self._show_feature()

    def on_resize(self) -> None:
        if self._frame is not None:
            self.call_after_refresh(self._fill)

    def _follow(self, feature: int | None) -> bool:
        """Put the cursor on the selected feature; False when it is not in the table."""
        self._told = feature
        panel = self.query_one("#features", TablePanel)
        return self._frame is not None and feature is not None and panel.select_where("index", feature)

    def on_table_panel_moved(self, event: TablePanel.Moved) -> None:
        index = event.row.get("index")
        if index is not None:
            self._told = index
            self.bench.select(feature=index)
        self._show_feature()

    def action_next_measure(self) -> None:
        self._sort_by(1)

    def action_previous_measure(self) -> None:
        self._sort_by(-1)

    def _sort_by(self, step: int) -> None:
        panel = self.query_one("#features", TablePanel)
        shown = [column.name for column in panel.table.frame_backend.shown]
        measures = [name for name in parts.SORT_COLUMNS.values() if name in shown]
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
            behind.open(Asked(self.session, self._pair, event.row, self._pair[1]))
            self._open("behind", "#samples")
        elif event.panel.id == "samples" and behind.asked is not None:
            self.bench.go("neighbours", self.selection.with_(split=behind.asked.split, row=int(event.row["row"])))

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
        row = self.row
        if row is None or self._pair is None:
            return
        self.query_one("#feature-box").border_title = Text(f"Feature {clean(row['feature'])}")
        feature = self._read.get((self._pair, row["index"]))
        self._show_numbers(row, feature)
        if feature is not None:
            self._draw(row, feature)
            return
        if self._rest is not None:
            self._rest.stop()
        self._rest = self.set_timer(PAUSE, self._read_marked)

    def _show_numbers(self, row: dict[str, Any], feature: parts.Feature | None) -> None:
        store, pair = self.session.store, self._pair
        if store is None or pair is None:
            return
        numbers = self.query_one("#numbers", Static)
        splits = (store.splits[pair[0]], store.splits[pair[1]])
        table = parts.numbers_table(row, feature, splits, self.palette, numbers.size.width or 36)
        numbers.update(Group(table, Text(), parts.measures_text(row, self.palette)))

    def _draw(self, row: dict[str, Any], feature: parts.Feature) -> None:
        lines, axes = parts.chart_of(feature, str(row["feature"]), self.palette, log=self._log)
        self.query_one("#histograms", ChartView).set(lines, axes, self.palette)

    def _read_marked(self) -> None:
        self._rest = None
        row = self.row
        if row is not None and self._pair is not None:
            self._read_feature(self._pair, row["index"])

    @work(thread=True, exclusive=True, group="feature", exit_on_error=False)
    def _read_feature(self, pair: tuple[str, str], index: int) -> None:
        store = self.session.store
        if store is not None:
            self.post_message(FeatureLoaded(parts.read_feature(store, pair, index)))

    def on_feature_loaded(self, event: FeatureLoaded) -> None:
        feature, row = event.feature, self.row
        self._read[feature.pair, feature.index] = feature
        if len(self._read) > KEPT:
            self._read.popitem(last=False)
        if row is not None and (feature.pair, feature.index) == (self._pair, row["index"]):
            self._show_numbers(row, feature)
            self._draw(row, feature)

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
            self.bench.say("comparing needs two splits")
            return
        pairs = parts.pairs_of(store)
        options = [(f"{place}", parts.pair_label(pair, self.palette)) for place, pair in enumerate(pairs)]
        current = str(pairs.index(self._pair)) if self._pair in pairs else None

        def chosen(key: str | None) -> None:
            if key is not None:
                self._pair = pairs[int(key)]
                self.show(self.session, self.session)

        self.bench.show_dialog(ChooseDialog("Splits to compare", options, current), chosen)
