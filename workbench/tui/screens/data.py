"""Data: the splits and their numbers, class balance, checks, and a browser over all samples of a split."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.widget import Widget
from textual.widgets import ContentSwitcher, Static

from workbench.tui.formats import clean
from workbench.tui.messages import RowsLoaded
from workbench.tui.screens import data_parts
from workbench.tui.screens.base import WorkbenchScreen
from workbench.tui.session import Session
from workbench.tui.widgets.states import EmptyState, ProgressLine

if TYPE_CHECKING:
    from workbench.features.store import Store
    from workbench.tui.widgets.table import TablePanel


class DataScreen(WorkbenchScreen):
    """The splits, their classes, what is odd about them, and their samples."""

    NAME = "data"
    HELP = """
The splits of the workspace: rows, classes, the number of samples a class (smallest, median, largest), and how often
each test set has been looked at: a test set that is looked at often is slowly being trained on.

enter on a split opens its samples; enter on a sample looks for its neighbours. Below: samples of each class in each
split, and checks of the data (c shows them in full: what was seen, why it matters, what to do).
"""

    DEFAULT_CSS = """
    DataScreen ContentSwitcher { height: 1fr; }
    DataScreen #reading { align: center middle; padding: 1 4; }
    DataScreen #reading > ProgressLine { margin-top: 1; max-width: 90; }
    DataScreen #facts { height: 1; padding: 0 2; color: $muted; }
    DataScreen #splits-box { height: auto; max-height: 40%; }
    DataScreen #lower { height: 1fr; }
    DataScreen #classes-box { width: 3fr; }
    DataScreen #checks-box { width: 2fr; }
    DataScreen #checks-text { width: 1fr; height: auto; }
    DataScreen #samples-box { width: 3fr; }
    DataScreen #sample-box { width: 2fr; max-width: 60; }
    DataScreen.-short #lower, DataScreen.-short #facts { display: none; }
    DataScreen.-short #splits-box { max-height: 100%; }
    DataScreen.-narrow #checks-box, DataScreen.-narrow #sample-box { display: none; }
    """
    VERTICAL_BREAKPOINTS = [(0, "-short"), (16, "-tall")]
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (64, "-normal"), (110, "-wide")]

    def __init__(self) -> None:
        super().__init__()
        self._built = False  # building has begun
        self._filled = False  # and is done
        self._browsed: str | None = None

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
            data_parts.tell_reading(self, session)
            switcher.current = "reading"
        elif not self._built:
            self._built = True
            self.call_later(self._build)
        elif self._filled:
            changed = before is None or any(
                getattr(session, name) != getattr(before, name) for name in ("store", "looks", "pair", "dark", "checks")
            )
            if changed:
                self._fill(session)
            if switcher.current in ("nothing", "reading"):
                switcher.current = "overview"

    def _tell_phase(self, session: Session) -> None:
        empty = self.query_one(EmptyState)
        told = {
            "opening": ("opening the store ...", "", ()),
            "failed": ("the feature files cannot be used", session.error, (("r", "read again"), ("q", "leave"))),
            "stopped": (
                "reading was stopped",
                "nothing was changed; the store is as it was",
                (("r", "read the files"), ("q", "leave")),
            ),
        }
        title, text, keys = told[session.phase]
        empty.tell(title, text, *keys, palette=session.palette)

    async def _build(self) -> None:
        """The widgets that need the store; their modules (Polars, Arrow) load only now, after the first paint."""
        from workbench.tui.widgets.sample import SampleView
        from workbench.tui.widgets.table import TablePanel

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
        browser.display = False
        switcher = self.query_one(ContentSwitcher)
        await switcher.mount(overview, browser)
        self._fill(self.session)
        self._filled = True
        switcher.current = "overview"
        self.query_one("#splits", TablePanel).table.focus()

    def _fill(self, session: Session) -> None:
        from workbench.tui.widgets.table import TablePanel

        store = session.store
        if store is None:
            return
        palette = session.palette
        self.query_one("#facts", Static).update(data_parts.facts_line(store, session))
        splits = self.query_one("#splits", TablePanel)
        complete = all(min(split.info.class_counts, default=0) > 0 for split in store.splits.values())
        columns = data_parts.split_columns(palette, complete)
        splits.load(data_parts.splits_frame(store, session), columns, key="split")
        self.query_one("#splits-box").styles.height = len(store.splits) + 3
        classes = self.query_one("#classes", TablePanel)
        classes.load(data_parts.classes_frame(store), data_parts.class_columns(store, palette), key="class")
        self.query_one("#checks-text", Static).update(data_parts.checks_text(session))
        box = self.query_one("#checks-box")
        box.border_title = data_parts.checks_title(session)

    # ---- the browser of samples

    def on_table_panel_chosen(self, event: TablePanel.Chosen) -> None:
        if event.panel.id == "splits":
            self.browse(str(event.row["split"]))
        elif event.panel.id == "classes":
            self.browse(self.selection.split or "train", class_name=str(event.row["class"]))
        elif event.panel.id == "samples" and self._browsed:
            selection = self.selection.with_(split=self._browsed, row=int(event.row["row"]))
            self.bench.go("neighbours", selection)

    def on_table_panel_moved(self, event: TablePanel.Moved) -> None:
        if event.panel.id == "splits":
            self.bench.select(split=str(event.row["split"]))
        elif event.panel.id == "samples" and self._browsed and self.session.store:
            self._look(self.session.store, self._browsed, event.row)

    def _look(self, store: Store, split: str, row: dict[str, Any]) -> None:
        from workbench.tui.widgets.sample import SampleView

        note = f"predicted {row['predicted']}" if row.get("predicted") is not None else ""
        view = self.query_one("#sample", SampleView)
        view.look(self.session.workspace, store, split, int(row["row"]), self.palette, note)

    def browse(self, split: str, class_name: str = "") -> None:
        """Show the samples of a split, of one class if it is given."""
        self._browsed = split
        self.bench.select(split=split)
        box = self.query_one("#samples-box")
        title = f"Samples of {split}" + (f", class {class_name}" if class_name else "")
        box.border_title = Text(clean(title))  # a str would be read as markup
        self.query_one(ContentSwitcher).current = "browser"
        self._load_samples(split, class_name)

    @work(thread=True, exclusive=True, group="samples", exit_on_error=False)
    def _load_samples(self, split: str, class_name: str) -> None:
        session = self.session
        if session.store is not None:
            frame = data_parts.samples_frame(session, split)
            of = frame.height
            if class_name:
                frame = data_parts.of_class(frame, class_name)
            self.post_message(RowsLoaded(split, frame, of))

    def on_rows_loaded(self, event: RowsLoaded) -> None:
        from workbench.tui.widgets.table import TablePanel

        if event.what == self._browsed:
            panel = self.query_one("#samples", TablePanel)
            note = f"of {event.of:,} in {event.what}" if event.of > event.frame.height else ""
            panel.load(event.frame, data_parts.sample_columns(event.frame, self.palette), note=note)
            panel.table.focus()

    def go_back(self) -> bool:
        from workbench.tui.widgets.table import TablePanel

        if any(panel.close_filter() for panel in self.query(TablePanel) if panel.visible_now):
            return True
        if self.query_one(ContentSwitcher).current == "browser":
            self._browsed = None
            self.query_one(ContentSwitcher).current = "overview"
            self.query_one("#splits", TablePanel).table.focus()
            return True
        return False

    def action_read_again(self) -> None:
        self.bench.open()

    def action_all_checks(self) -> None:
        from workbench.tui.screens.dialogs import TextDialog

        self.app.push_screen(TextDialog("Checks of the data", data_parts.checks_text(self.session, full=True)))


def _boxed(widget: Widget, box: str, title: str) -> Vertical:
    made = Vertical(widget, id=box, classes="panel")
    made.border_title = title
    return made
