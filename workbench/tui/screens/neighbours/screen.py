"""Neighbours: the samples nearest to the selected one, and whether they are of its class."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from textual import work
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.widgets import ContentSwitcher, Static

from workbench.errors import BadInput
from workbench.tui.screens.neighbours import content as parts
from workbench.tui.screens.neighbours.content import Question
from workbench.tui.shared.job_view import JobView
from workbench.tui.shared.predictions import next_wrong, predictions, verdict
from workbench.tui.shared.sample import SampleView
from workbench.tui.shell.screen import WorkbenchScreen
from workbench.tui.widgets.picture import find_picture
from workbench.tui.widgets.states import EmptyState, ProgressLine
from workbench.tui.widgets.table.panel import TablePanel

if TYPE_CHECKING:
    import polars as pl

    from workbench.features.store import Split
    from workbench.tui.shell.jobs import Job
    from workbench.tui.shell.session import Selection, Session

SLOW = 0.25  # seconds after which an answer counts as awaited, and the last one is taken away
METRICS = ("cosine", "euclidean")


@dataclass
class WrongFound(Message):
    """The next misclassified row of a split; None when there is none."""

    split: str
    row: int | None


@dataclass
class PictureSought(Message):
    """Whether the sample asked about has a picture."""

    query: tuple[str, int]
    found: bool


class NeighboursScreen(WorkbenchScreen):
    """Any sample and its nearest neighbours in any split, their pictures side by side."""

    NAME = "neighbours"
    HELP = """
The samples of one split nearest to the selected sample: exact search in the space of the features. A sample whose
neighbours are of another class lies where the head has to get it wrong, or bears a wrong label.

enter on a neighbour makes it the sample, escape goes back to the one before. e asks for another sample, split, number
of neighbours or distance; r takes any sample, n and p the next and previous one that the run misclassified.

Distances: cosine is 1 less the cosine of the angle; euclidean is the length of the difference. A sample is never its
own neighbour.
"""

    DEFAULT_CSS = """
    NeighboursScreen ContentSwitcher { height: 1fr; }
    NeighboursScreen #question, NeighboursScreen #agreement { height: 1; padding: 0 1; }
    NeighboursScreen #looks { height: 15; }
    NeighboursScreen #looks > .panel { width: 1fr; }
    NeighboursScreen SampleView { layout: horizontal; padding: 0; }
    NeighboursScreen SampleView > #facts {
        width: 1fr; margin-right: 1; text-wrap: nowrap; text-overflow: ellipsis;
    }
    NeighboursScreen SampleView > Picture { width: 28; height: 100%; min-height: 1; margin: 0; }
    NeighboursScreen #found-box { height: 1fr; }
    NeighboursScreen #found-box > ProgressLine { display: none; }
    NeighboursScreen #found-box.-working > ProgressLine { display: block; }
    NeighboursScreen #failed { display: none; }
    NeighboursScreen #found-box.-failed > #failed { display: block; }
    NeighboursScreen #found-box.-failed > #found { display: none; }
    NeighboursScreen.-medium #looks { height: 9; }
    NeighboursScreen.-medium SampleView > Picture { width: 16; }
    NeighboursScreen.-short #looks { display: none; }
    NeighboursScreen.-narrow #looks > #near-box { display: none; }
    NeighboursScreen #looks.-plain { height: 9; }
    NeighboursScreen #looks.-plain Picture { display: none; }
    """
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (64, "-normal"), (110, "-wide")]
    VERTICAL_BREAKPOINTS = [(0, "-short"), (20, "-medium"), (34, "-tall")]

    def __init__(self) -> None:
        super().__init__()
        self._into, self._k, self._metric = "train", 20, METRICS[0]
        self._asked: Question | None = None
        self._job = ""
        self._frame: pl.DataFrame | None = None  # the neighbours on show
        self._ranks: dict[Question, int] = {}  # where the cursor was among the neighbours of each sample

    def body(self) -> ComposeResult:
        with ContentSwitcher(initial="nothing"):
            yield EmptyState(id="nothing")
            with Vertical(id="asked"):
                yield Static(id="question")
                with Horizontal(id="looks"):
                    for name, title in (("query", "Sample"), ("near", "Neighbour")):
                        box = Vertical(SampleView(id=name), id=f"{name}-box", classes="panel")
                        box.border_title = title
                        yield box
                with Vertical(id="found-box", classes="panel") as box:
                    box.border_title = "Neighbours"
                    yield Static(id="agreement")
                    yield ProgressLine()
                    yield TablePanel(id="found", noun="neighbour")
                    yield JobView(id="failed")

    # ---- the question

    def show(self, session: Session, before: Session | None) -> None:
        switcher = self.query_one(ContentSwitcher)
        query = parts.query_of(session)
        if not session.ready or session.store is None or query is None:
            self._tell_empty(session)
            switcher.current = "nothing"
            return
        if self._into not in session.store.splits:
            self._into = "train"
        switcher.current = "asked"
        question = Question(*query, self._into, self._k, self._metric)
        if before is None or before.store is not session.store:
            self._asked = None
        changed = question != self._asked
        if changed:
            self._ask(question)
        if changed or before is None or any(
            getattr(before, name) != getattr(session, name) for name in ("run_id", "pair", "dark")
        ):  # fmt: skip
            self._draw(session, question)

    def _tell_empty(self, session: Session) -> None:
        empty = self.query_one(EmptyState)
        if not session.ready:
            empty.tell("no features yet", "the neighbours of a sample are searched among its features",
                       ("1", "see how reading them goes"), palette=session.palette)  # fmt: skip
            return
        split = self._usual_split(session)
        keys = [("r", f"any sample of {split}"), ("e", "a sample by its row")]
        if session.run is not None:
            keys += [("n", f"the first sample of {split} that the run misclassified"), ("4", "pick one on Confusion")]
        keys.append(("1", "pick one on Data"))
        empty.tell("no sample selected", "Whose neighbours?", *keys, palette=session.palette)

    def _usual_split(self, session: Session) -> str:
        """The split that samples are taken from: that of the selected one, else test set 2."""
        assert session.store is not None
        query = parts.query_of(session)
        return query[0] if query else (*session.pair, "train")[min(len(session.pair), 2) - 1 if session.pair else 0]

    def _ask(self, question: Question) -> None:
        self._asked = question
        self._job = self.analyse("neighbours", question.params, with_run=False).id
        self.set_timer(SLOW, lambda job=self._job: self._await(job))

    def _await(self, job_id: str) -> None:
        """The answer takes its time: take the last one away and say how far it is."""
        job = self.bench.jobs.get(self._job)
        if job_id == self._job and job is not None and not job.over:
            self.query_one("#found-box").add_class("-working").remove_class("-failed")
            self._frame = None
            self._tell_agreement()
            self.query_one("#found", TablePanel).load(self.query_one("#found", TablePanel).rows_shown.clear())
            self.query_one("#near", SampleView).clear()
            self._tell_progress(job)

    def _draw(self, session: Session, question: Question) -> None:
        self.query_one("#question", Static).update(parts.question_line(question, session))
        self._look("#query", question.split, question.row)
        if session.store is not None:
            self._seek_picture(session, session.store.split(question.split), question.row)
        job = self.bench.jobs.get(self._job)
        if job is not None and job.over:
            self.job_changed(job)

    @work(thread=True, exclusive=True, group="sought", exit_on_error=False)
    def _seek_picture(self, session: Session, split: Split, row: int) -> None:
        found = find_picture(session.workspace, split.sample(row).get("path"))
        self.post_message(PictureSought((split.name, row), found is not None))

    def on_picture_sought(self, event: PictureSought) -> None:
        """Without a picture the room for it goes to the neighbours."""
        if event.query == parts.query_of(self.session):
            self.query_one("#looks").set_class(not event.found, "-plain")

    def _look(self, view: str, split: str, row: int) -> None:
        session = self.session
        if session.store is not None:
            note = verdict(session, split, row)
            self.query_one(view, SampleView).look(session.workspace, session.store, split, row, session.palette, note)

    # ---- the answer

    def job_changed(self, job: Job) -> None:
        if job.id != self._job or self._asked is None:
            return
        box = self.query_one("#found-box")
        if not job.over:
            if box.has_class("-working"):
                self._tell_progress(job)
            return
        box.remove_class("-working")
        box.set_class(job.state != "done", "-failed")
        if job.state == "done":
            self._show_found(job, self._asked)
        else:
            self._frame = None
            self._tell_agreement()
            self.query_one("#near", SampleView).clear()
            self.query_one("#failed", JobView).show(job, self.palette)

    def _tell_progress(self, job: Job) -> None:
        told = job.text or ("waiting for its turn" if job.state == "queued" else "searching")
        self.query_one(ProgressLine).tell(job.fraction, told, palette=self.palette, remaining=job.remaining)

    def _show_found(self, job: Job, question: Question) -> None:
        store = self.session.store
        if store is None:
            return
        label = int(store.split(question.split).labels[question.row])
        frame = parts.found_frame(job, store, label, predictions(self.session, question.into))
        self._frame = frame
        self._tell_agreement()
        panel = self.query_one("#found", TablePanel)
        rank = self._ranks.get(question, 1)
        panel.load(frame, parts.found_columns(frame, self.palette, drawn=self.has_class("-wide")))
        if not panel.select_where("rank", rank):
            panel.move_to(0)
        if self.focused is None:
            panel.table.focus()
        self._look_near(panel.row)

    def _tell_agreement(self) -> None:
        line, store, question = self.query_one("#agreement", Static), self.session.store, self._asked
        if self._frame is None or store is None or question is None:
            line.update("")
        else:
            label = int(store.split(question.split).labels[question.row])
            line.update(parts.agreement_line(self._frame, label, store, self.palette, max(self.size.width - 4, 20)))

    def on_resize(self) -> None:
        self._tell_agreement()

    def _look_near(self, row: dict[str, Any] | None) -> None:
        box = self.query_one("#near-box")
        if row is None:
            box.border_title = "Neighbour"
            self.query_one("#near", SampleView).clear()
            return
        box.border_title = f"Neighbour {row['rank']}, {row['agreement']}"
        self._look("#near", str(row["split"]), int(row["row"]))

    def on_table_panel_moved(self, event: TablePanel.Moved) -> None:
        if self._asked is not None:
            self._ranks[self._asked] = int(event.row["rank"])
        self._look_near(event.row)

    def on_table_panel_chosen(self, event: TablePanel.Chosen) -> None:
        self.bench.go("neighbours", self._selection(str(event.row["split"]), int(event.row["row"])))

    # ---- other questions

    def _selection(self, split: str, row: int) -> Selection:
        return self.selection.with_(split=split, row=row)

    def _change(self, **changes: Any) -> None:
        """Ask the same of the same sample, in another way."""
        if self._asked is None:
            return
        question = replace(self._asked, **changes)
        self._into, self._k, self._metric = question.into, question.k, question.metric
        self._ask(question)
        self._draw(self.session, question)

    def action_random_sample(self) -> None:
        store = self.session.store
        if store is not None:
            split = self._usual_split(self.session)
            self.bench.select(split=split, row=random.randrange(store.split(split).rows))

    def action_next_wrong(self) -> None:
        self._find_wrong(1)

    def action_previous_wrong(self) -> None:
        self._find_wrong(-1)

    def _find_wrong(self, step: int) -> None:
        session = self.session
        if not session.ready:
            return
        if session.run is None:
            self.bench.say("which samples are misclassified is known once a head was trained (2)")
            return
        query = parts.query_of(session)
        split = self._usual_split(session)
        self._read_wrong(session, split, query[1] if query else -1, step)

    @work(thread=True, exclusive=True, group="wrong", exit_on_error=False)
    def _read_wrong(self, session: Session, split: str, row: int, step: int) -> None:
        self.post_message(WrongFound(split, next_wrong(session, split, row, step)))

    def on_wrong_found(self, event: WrongFound) -> None:
        if event.row is None:
            self.bench.say(f"the run has no misclassified sample of {event.split}")
        else:
            self.bench.select(split=event.split, row=event.row)

    def action_next_into(self) -> None:
        """Search the next split."""
        if self.session.store is not None and self._asked is not None:
            splits = list(self.session.store.splits)
            self._change(into=splits[(splits.index(self._into) + 1) % len(splits)])

    def action_other_metric(self) -> None:
        self._change(metric=METRICS[(METRICS.index(self._metric) + 1) % len(METRICS)])

    def action_ask_sample(self) -> None:
        """A form for all of the question."""
        from workbench.tui.screens.neighbours.question_form import QuestionDialog

        store = self.session.store
        if store is None:
            return
        query = parts.query_of(self.session) or (self._usual_split(self.session), 0)
        question = Question(*query, self._into, self._k, self._metric)
        self.bench.show_dialog(QuestionDialog(self.session, question, self._answer_form))

    def _answer_form(self, values: dict[str, Any]) -> None:
        """Take over what the form holds; raises BadInput for a row that the split does not have."""
        store = self.session.store
        assert store is not None
        held = store.split(values["split"])
        if values["row"] >= held.rows:
            raise BadInput(f"{held.name} has rows 0 to {held.rows - 1:,}")
        self._into, self._k, self._metric = values["into"], values["k"], values["metric"]
        if parts.query_of(self.session) == (held.name, values["row"]):
            self._change()
        else:
            # Later, when the form that asks here whether its values will do is closed.
            self.call_later(self.bench.go, "neighbours", self._selection(held.name, values["row"]))

    def action_ask_again(self) -> None:
        """Ask once more, as after a failure."""
        self._change()

    def action_stop_analysis(self) -> None:
        """Stop the search that is at work."""
        self.bench.jobs.cancel(self._job)

    def go_back(self) -> bool:
        return any(panel.close_filter() for panel in self.query(TablePanel) if panel.visible_now)
