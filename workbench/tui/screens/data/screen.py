"""Data: the splits and their numbers, class balance, checks, and a browser over all samples of a split."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.widget import Widget
from textual.widgets import ContentSwitcher, Static

from workbench.present.terminal import clean
from workbench.tui.screens.data import content
from workbench.tui.screens.data.checks import ANALYSIS, ChecksView, cached_checks
from workbench.tui.screens.data.content import Subject
from workbench.tui.screens.data.messages import CachedChecksRead, SamplesRead
from workbench.tui.shared.predictions import verdict
from workbench.tui.shared.samples import sample_columns, samples_frame
from workbench.tui.shell.question import Question
from workbench.tui.shell.screen import WorkbenchScreen, style_beside
from workbench.tui.shell.session import Session
from workbench.tui.widgets.states import EmptyState, ProgressLine

if TYPE_CHECKING:
    from workbench.features.checks import Check
    from workbench.features.store import Store
    from workbench.tui.widgets.table.panel import TablePanel


class DataScreen(WorkbenchScreen):
    """The splits, their classes, the findings of the data checks, and their samples."""

    NAME = "data"
    HELP = """
The splits of the workspace: rows, classes, samples per class (min, median, max) and, for each test set, the number of
evaluations on it: choosing by results on a test set that is evaluated often makes its accuracy optimistic.

enter on a split opens its samples; enter on a sample searches its neighbours. With a run, its predictions are shown:
the filter correct=no confidence>90% shows confident errors. Below: samples of
each class in each split (enter opens the samples of a class), and data checks.

c shows all checks: what was observed, why it matters, how to fix it. Quick checks run automatically; enter there (or
^r on this screen) also checks for labels that do not match the features and for duplicates; x stops, d lists these.

f lists the features: range, mean and sd in train, and the histogram of the selected one in train and in the two test
sets compared (P chooses them; l uses a logarithmic axis). enter opens the feature on Divergence.
"""

    DEFAULT_CSS = style_beside(__file__)
    VERTICAL_BREAKPOINTS = [(0, "-short"), (16, "-tall")]
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (64, "-normal"), (110, "-wide")]

    def __init__(self) -> None:
        super().__init__()
        self._built = False  # building has begun
        self._filled = False  # and is done
        self._browsed: str | None = None
        self._browsed_class = ""
        self._browsed_run: str | None = None  # whose predictions stand beside the samples
        self._all_checks: Question[Subject, tuple[Check, ...]] = self.question(
            self._tell_checks, lambda job, _about: content.read_checks(job.blocks)
        )
        self._checks_about: Subject | None = None

    def body(self) -> ComposeResult:
        with ContentSwitcher(initial="nothing"):
            yield EmptyState(id="nothing")
            with Vertical(id="reading"):
                yield Static(id="reading-text", markup=False)
                yield ProgressLine()

    def show(self, session: Session, before: Session | None) -> None:
        switcher = self.query_one(ContentSwitcher)
        if session.phase in ("opening", "failed", "stopped"):
            self._tell_phase(session)
            switcher.current = "nothing"
        elif session.phase == "reading":
            if session.progress is not None:
                progress, palette = session.progress, session.palette
                self.query_one("#reading-text", Static).update(content.reading_text(progress, palette))
                line = self.query_one(ProgressLine)
                line.tell(progress.fraction, "", palette=palette, remaining=progress.remaining)
            switcher.current = "reading"
        elif not self._built:
            self._built = True
            self.call_later(self._build)
        elif self._filled:
            changed = before is None or any(
                getattr(session, name) != getattr(before, name)
                for name in ("store", "looks", "pair", "dark", "checks", "run", "sources_missing")
            )
            if changed:
                self._follow(session)
            if switcher.current in ("nothing", "reading"):
                self._open_part("overview")
            if switcher.current == "features" and before is not None:
                from workbench.tui.screens.data.features import FeaturesView

                if session.selection.feature != before.selection.feature:
                    self.query_one(FeaturesView).follow(session.selection.feature)

    def _tell_phase(self, session: Session) -> None:
        title, text, keys = content.phase_words(session)
        self.query_one(EmptyState).tell(title, text, *keys, palette=session.palette)

    async def _build(self) -> None:
        """The widgets that need the store; their modules (Polars, Arrow) load only now, after the first paint."""
        from workbench.tui.screens.data.features import FeaturesView
        from workbench.tui.shared.sample import SampleView
        from workbench.tui.widgets.table.panel import TablePanel

        checks = VerticalScroll(Static(id="checks-text", markup=False), id="checks-box", classes="panel")
        overview = Vertical(
            Static(id="facts", markup=False),
            _boxed(TablePanel(id="splits", classes="-bare", noun="split"), "splits-box", "Splits"),
            Horizontal(
                _boxed(TablePanel(id="classes", noun="class", nouns="classes"), "classes-box", "Classes"),
                checks,
                id="lower",
            ),
            id="overview",
        )
        checks.border_title = "Checks"
        browser = Horizontal(
            _boxed(TablePanel(id="samples", noun="sample"), "samples-box", "Samples"),
            _boxed(SampleView(id="sample"), "sample-box", "Sample"),
            id="browser",
        )
        others = (browser, ChecksView(id="all-checks", classes="panel"), FeaturesView(id="features"))
        for part in others:
            part.display = False
        await self.query_one(ContentSwitcher).mount(overview, *others)
        if self.gone:
            return
        self._filled = True
        self._follow(self.session)
        self._open_part("overview")

    @property
    def part(self) -> str | None:
        """What is open: overview, browser, all-checks or features."""
        return self.query_one(ContentSwitcher).current

    def _open_part(self, part: str) -> None:
        from workbench.tui.widgets.table.panel import TablePanel

        self.query_one(ContentSwitcher).current = part
        if part == "all-checks":
            self.query_one(ChecksView).focus_text()
        else:
            first = {"overview": "#splits", "browser": "#samples", "features": "#features-table"}[part]
            self.query_one(first, TablePanel).table.focus()

    def _follow(self, session: Session) -> None:
        """Bring every part that is open up to the session."""
        from workbench.tui.screens.data.features import FeaturesView

        if self._checks_about != content.subject_of(session):
            self._checks_about = content.subject_of(session)
            self._all_checks.drop()
            self._read_cached_checks(session, self._checks_about)
        self._fill(session)
        self._tell_checks()
        if self.part == "features":
            self.query_one(FeaturesView).open(session)
        gone = session.store is not None and self._browsed not in session.store.splits
        if self.part == "browser" and gone:
            self.go_back()
        elif self._browsed and session.run_id != self._browsed_run:
            self._browsed_run = session.run_id
            self._load_samples(self._browsed, self._browsed_class)

    def _fill(self, session: Session) -> None:
        from workbench.tui.widgets.table.panel import TablePanel

        store = session.store
        if store is None:
            return
        palette = session.palette
        self.query_one("#overview > #facts", Static).update(content.facts_line(store, session))
        splits = self.query_one("#splits", TablePanel)
        complete = all(min(split.info.class_counts, default=0) > 0 for split in store.splits.values())
        columns = content.split_columns(palette, complete)
        splits.load(content.splits_frame(store, session), columns, key="split")
        self.query_one("#splits-box").styles.height = len(store.splits) + 3
        classes = self.query_one("#classes", TablePanel)
        classes.load(
            content.classes_frame(store),
            content.class_columns(store, palette, 10 if self.size.width >= 110 else 0),
            key="class",
        )

    # ---- checks

    @property
    def checks(self) -> tuple[Check, ...] | None:
        """The findings of all checks where they are known, else of the quick ones."""
        return self._all_checks.answer or self.session.checks

    def _tell_checks(self) -> None:
        session, question = self.session, self._all_checks
        notes = content.notes_of(session)
        self.query_one("#checks-text", Static).update(content.findings(self.checks, notes, session.palette))
        box, view = self.query_one("#checks-box"), self.query_one(ChecksView)
        box.border_title = content.checks_title(self.checks, question.answer is not None)
        view.border_title = content.checks_title(self.checks, complete=True)
        view.tell(session, question.answer, question.job)

    @work(thread=True, exclusive=True, group="checks", exit_on_error=False)
    def _read_cached_checks(self, session: Session, about: Subject) -> None:
        self.post_message(CachedChecksRead(about, cached_checks(session)))

    def on_cached_checks_read(self, event: CachedChecksRead) -> None:
        if event.about == self._checks_about and event.checks is not None and self._all_checks.answer is None:
            self._all_checks.settle(event.about, event.checks)

    def action_all_checks(self) -> None:
        if self._filled and self.session.ready:
            self._open_part("all-checks")

    def action_run_checks(self) -> None:
        """Look at labels and leakage too; the worker process does it."""
        if not self._filled or not self.session.ready:
            return
        self._open_part("all-checks")
        if self._all_checks.answer is None and not self._all_checks.running and self._checks_about is not None:
            self._all_checks.ask(self._checks_about, ANALYSIS, {})

    def action_stop_analysis(self) -> None:
        self._all_checks.stop()

    def action_name_duplicates(self) -> None:
        if self.session.ready:
            self.bench.open_analysis("duplicates")

    # ---- features

    def action_features(self) -> None:
        from workbench.tui.screens.data.features import FeaturesView

        if self._filled and self.session.ready:
            self.query_one(FeaturesView).open(self.session)
            self._open_part("features")

    def action_log_shares(self) -> None:
        from workbench.tui.screens.data.features import FeaturesView

        if self.part == "features":
            self.query_one(FeaturesView).turn_log()

    # ---- the browser of samples

    def on_table_panel_chosen(self, event: TablePanel.Chosen) -> None:
        if event.panel.id == "splits":
            self.browse(str(event.row["split"]))
        elif event.panel.id == "classes":
            self.browse(self.selection.split or "train", class_name=str(event.row["class"]))
        elif event.panel.id == "samples" and self._browsed:
            selection = self.selection.with_(split=self._browsed, row=int(event.row["row"]))
            self.bench.go("neighbours", selection)
        elif event.panel.id == "features-table":
            self.bench.go("divergence", self.selection.with_(feature=int(event.row["index"])))

    def on_table_panel_moved(self, event: TablePanel.Moved) -> None:
        if event.panel.id == "splits":
            self.bench.select(split=str(event.row["split"]))
        elif event.panel.id == "samples" and self._browsed and self.session.store:
            self._look(self.session.store, self._browsed, event.row)
        elif event.panel.id == "features-table":
            from workbench.tui.screens.data.features import FeaturesView

            view = self.query_one(FeaturesView)
            view.show_feature()
            if view.row is not None:  # where the cursor is now: it may have moved on since
                self.bench.select(feature=int(view.row["index"]))

    def _look(self, store: Store, split: str, row: dict[str, Any]) -> None:
        from workbench.tui.shared.sample import SampleView

        note = verdict(self.session, split, int(row["row"]))
        view = self.query_one("#sample", SampleView)
        view.look(self.session.workspace, store, split, int(row["row"]), self.palette, note)

    def browse(self, split: str, class_name: str = "") -> None:
        """Show the samples of a split, of one class if it is given."""
        from workbench.tui.widgets.table.panel import TablePanel

        self._browsed, self._browsed_class, self._browsed_run = split, class_name, self.session.run_id
        self.bench.select(split=split)
        self._title_samples(" (reading ...)")
        panel = self.query_one("#samples", TablePanel)
        panel.load(panel.rows_shown.clear())  # those of another split have no place under this title
        self._open_part("browser")
        self._load_samples(split, class_name)

    def _title_samples(self, more: str = "") -> None:
        title = f"Samples of {self._browsed}" + (f", class {self._browsed_class}" if self._browsed_class else "")
        self.query_one("#samples-box").border_title = Text(clean(title + more))  # a str would be read as markup

    @work(thread=True, exclusive=True, group="samples", exit_on_error=False)
    def _load_samples(self, split: str, class_name: str) -> None:
        session = self.session
        if session.store is not None:
            frame = samples_frame(session, split)
            of = frame.height
            if class_name:
                frame = content.of_class(frame, class_name)
            self.post_message(SamplesRead(split, frame, of))

    def on_samples_read(self, event: SamplesRead) -> None:
        from workbench.tui.widgets.table.panel import TablePanel

        if event.split == self._browsed:
            panel = self.query_one("#samples", TablePanel)
            note = f"of {event.of:,} in {event.split}" if event.of > event.frame.height else ""
            self._title_samples()
            panel.load(event.frame, sample_columns(event.frame, self.palette), note=note, key="row")

    def go_back(self) -> bool:
        from workbench.tui.widgets.table.panel import TablePanel

        if any(panel.close_filter() for panel in self.query(TablePanel) if panel.visible_now):
            return True
        if self.part in ("browser", "all-checks", "features"):
            self._browsed = None
            self._open_part("overview")
            return True
        return False

    def action_read_again(self) -> None:
        self.bench.open()


def _boxed(widget: Widget, box: str, title: str) -> Vertical:
    panel = Vertical(widget, id=box, classes="panel")
    panel.border_title = title
    return panel
