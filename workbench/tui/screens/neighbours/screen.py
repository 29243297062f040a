"""Neighbours: the samples nearest to the selected one, and whether they are of its class."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from textual import work
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.widgets import ContentSwitcher, Static

from workbench.errors import BadInput
from workbench.tui.screens.neighbours import content
from workbench.tui.screens.neighbours.content import Answer, Query, Subject
from workbench.tui.screens.neighbours.messages import PictureSearched, WrongSearched
from workbench.tui.shared.job_view import JobView
from workbench.tui.shared.predictions import next_wrong, predictions, verdict
from workbench.tui.shared.sample import SampleView
from workbench.tui.shell.screen import WorkbenchScreen, style_beside
from workbench.tui.widgets.picture import find_picture
from workbench.tui.widgets.states import EmptyState, ProgressLine
from workbench.tui.widgets.table.panel import TablePanel

if TYPE_CHECKING:
    from workbench.features.store import Split
    from workbench.tui.shell.jobs import Job
    from workbench.tui.shell.session import Selection, Session

METRICS = ("cosine", "euclidean")


class NeighboursScreen(WorkbenchScreen):
    """Any sample and its nearest neighbours in any split, their pictures side by side."""

    NAME = "neighbours"
    HELP = """
The samples of a split nearest to the selected sample, by exact search in the feature space. A sample whose neighbours
are of another class is in a region where the head is likely to misclassify it, or it is mislabelled.

enter on a neighbour selects it, escape goes back to the previous sample. e chooses another sample, split, number
of neighbours or distance; r selects a random sample, n and p the next and previous one misclassified by the run.

Distances: cosine is 1 - the cosine of the angle; euclidean is the length of the difference. A sample is never its
own neighbour.
"""

    DEFAULT_CSS = style_beside(__file__)
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (64, "-normal"), (110, "-wide")]
    VERTICAL_BREAKPOINTS = [(0, "-short"), (20, "-medium"), (34, "-tall")]

    def __init__(self) -> None:
        super().__init__()
        self._into, self._k, self._metric = "train", 20, METRICS[0]
        self._question = self.question(self._follow_question, self._read_answer)
        self._ranks: dict[Query, int] = {}  # where the cursor was among the neighbours of each sample

    def body(self) -> ComposeResult:
        with ContentSwitcher(initial="nothing"):
            yield EmptyState(id="nothing")
            with Vertical(id="search"):
                yield Static(id="question")
                with Horizontal(id="looks"):
                    for name, title in (("query", "Sample"), ("near", "Neighbour")):
                        box = Vertical(SampleView(id=name), id=f"{name}-box", classes="panel")
                        box.border_title = title
                        yield box
                with Vertical(id="neighbours-box", classes="panel") as box:
                    box.border_title = "Neighbours"
                    yield Static(id="agreement")
                    yield ProgressLine()
                    yield TablePanel(id="neighbours", noun="neighbour")
                    yield JobView(id="failed")

    # ---- the question

    def show(self, session: Session, before: Session | None) -> None:
        switcher = self.query_one(ContentSwitcher)
        sample = content.sample_of(session)
        if not session.ready or session.store is None or sample is None:
            self._tell_empty(session)
            switcher.current = "nothing"
            return
        if self._into not in session.store.splits:
            self._into = "train"
        switcher.current = "search"
        subject = Subject(session.store, Query(*sample, self._into, self._k, self._metric))
        changed = subject != self._question.about
        if changed:
            self._ask(subject)
        if changed or before is None or any(
            getattr(before, name) != getattr(session, name) for name in ("run_id", "pair", "dark")
        ):  # fmt: skip
            self._draw(session, subject.query)

    def _tell_empty(self, session: Session) -> None:
        empty = self.query_one(EmptyState)
        if not session.ready:
            empty.tell("no features yet", "nearest neighbours are searched in the feature space",
                       ("1", "show reading progress"), palette=session.palette)  # fmt: skip
            return
        split = self._usual_split(session)
        keys = [("r", f"random sample of {split}"), ("e", "choose a sample by row")]
        if session.run is not None:
            keys += [("n", f"first misclassified sample of {split}"), ("4", "choose one on Confusion")]
        keys.append(("1", "choose one on Data"))
        empty.tell("no sample selected", "Select a sample to search its neighbours.", *keys, palette=session.palette)

    def _usual_split(self, session: Session) -> str:
        """The split that samples are taken from: that of the selected one, else test set 2."""
        assert session.store is not None
        sample = content.sample_of(session)
        return sample[0] if sample else (*session.pair, "train")[min(len(session.pair), 2) - 1 if session.pair else 0]

    def _ask(self, subject: Subject) -> None:
        self._question.ask(subject, "neighbours", subject.query.params, with_run=False)

    @property
    def _query(self) -> Query | None:
        """What is on show, or awaited."""
        return self._question.about.query if self._question.about is not None else None

    def _draw(self, session: Session, query: Query) -> None:
        self.query_one("#question", Static).update(content.question_line(query, session))
        self._look("#query", query.split, query.row)
        if session.store is not None:
            self._search_picture(session, session.store.split(query.split), query.row)
        if self._question.state in ("answered", "failed"):
            self._question.read_again()  # with what another run predicted, in other colours

    @work(thread=True, exclusive=True, group="picture", exit_on_error=False)
    def _search_picture(self, session: Session, split: Split, row: int) -> None:
        picture = find_picture(session.workspace, split.sample(row).get("path"))
        self.post_message(PictureSearched((split.name, row), picture is not None))

    def on_picture_searched(self, event: PictureSearched) -> None:
        """Without a picture the room for it goes to the neighbours."""
        if event.sample == content.sample_of(self.session):
            self.query_one("#looks").set_class(not event.there, "-plain")

    def _look(self, view: str, split: str, row: int) -> None:
        session = self.session
        if session.store is not None:
            note = verdict(session, split, row)
            self.query_one(view, SampleView).look(session.workspace, session.store, split, row, session.palette, note)

    # ---- the answer

    def _read_answer(self, job: Job, about: Subject) -> Answer:
        return content.read_answer(job, about, predictions(self.session, about.query.into))

    def _follow_question(self) -> None:
        """Show how far the question is, or its answer."""
        question, job = self._question, self._question.job
        if question.state in ("idle", "asked") or job is None:
            return
        box = self.query_one("#neighbours-box")
        box.set_class(question.state == "working", "-working")
        box.set_class(question.state == "failed", "-failed")
        if question.answer is not None and question.about is not None:
            self._show_answer(question.answer, question.about.query)
            return
        self._tell_agreement()
        self.query_one("#near", SampleView).clear()
        if question.state == "failed":
            self.query_one("#failed", JobView).show(job, self.palette)
        else:
            panel = self.query_one("#neighbours", TablePanel)
            if panel.rows_shown.height:
                panel.load(panel.rows_shown.clear())
            self._tell_progress(job)

    def _tell_progress(self, job: Job) -> None:
        text = job.text or ("waiting in the queue" if job.state == "queued" else "searching")
        self.query_one(ProgressLine).tell(job.fraction, text, palette=self.palette, remaining=job.remaining)

    def _show_answer(self, answer: Answer, query: Query) -> None:
        self._tell_agreement()
        panel = self.query_one("#neighbours", TablePanel)
        rank = self._ranks.get(query, 1)
        panel.load(answer.frame, content.neighbour_columns(answer.frame, self.palette, drawn=self.has_class("-wide")))
        if not panel.select_where("rank", rank):
            panel.move_to(0)
        if self.focused is None:
            panel.table.focus()
        self._look_near(panel.row)

    def _tell_agreement(self) -> None:
        line, store, answer = self.query_one("#agreement", Static), self.session.store, self._question.answer
        if answer is None or store is None:
            line.update("")
        else:
            width = max(self.size.width - 4, 20)
            line.update(content.agreement_line(answer.frame, answer.label, store, self.palette, width))

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
        if self._query is not None and self._question.state == "answered":
            self._ranks[self._query] = int(event.row["rank"])
        self._look_near(event.row)

    def on_table_panel_chosen(self, event: TablePanel.Chosen) -> None:
        self.bench.go("neighbours", self._selection(str(event.row["split"]), int(event.row["row"])))

    # ---- other questions

    def _selection(self, split: str, row: int) -> Selection:
        return self.selection.with_(split=split, row=row)

    def _change(self, **changes: Any) -> None:
        """Ask the same of the same sample, in another way."""
        about = self._question.about
        if about is None:
            return
        query = replace(about.query, **changes)
        self._into, self._k, self._metric = query.into, query.k, query.metric
        self._ask(Subject(about.store, query))
        self._draw(self.session, query)

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
            self.bench.say("no finished run: train a head first (2)")
            return
        sample = content.sample_of(session)
        split = self._usual_split(session)
        self._read_wrong(session, split, sample[1] if sample else -1, step)

    @work(thread=True, exclusive=True, group="wrong", exit_on_error=False)
    def _read_wrong(self, session: Session, split: str, row: int, step: int) -> None:
        self.post_message(WrongSearched(split, next_wrong(session, split, row, step)))

    def on_wrong_searched(self, event: WrongSearched) -> None:
        if event.row is None:
            self.bench.say(f"the run has no misclassified samples in {event.split}")
        else:
            self.bench.select(split=event.split, row=event.row)

    def action_next_into(self) -> None:
        """Search the next split."""
        if self.session.store is not None and self._query is not None:
            splits = list(self.session.store.splits)
            self._change(into=splits[(splits.index(self._into) + 1) % len(splits)])

    def action_other_metric(self) -> None:
        self._change(metric=METRICS[(METRICS.index(self._metric) + 1) % len(METRICS)])

    def action_ask_sample(self) -> None:
        """A form for all of the question."""
        from workbench.tui.screens.neighbours.query_form import QueryDialog

        store = self.session.store
        if store is None:
            return
        sample = content.sample_of(self.session) or (self._usual_split(self.session), 0)
        query = Query(*sample, self._into, self._k, self._metric)
        self.bench.show_dialog(QueryDialog(self.session, query, self._answer_form))

    def _answer_form(self, values: dict[str, Any]) -> None:
        """Take over what the form holds; raises BadInput for a row that the split does not have."""
        store = self.session.store
        assert store is not None
        split = store.split(values["split"])
        if values["row"] >= split.rows:
            raise BadInput(f"{split.name} has rows 0 to {split.rows - 1:,}")
        self._into, self._k, self._metric = values["into"], values["k"], values["metric"]
        if content.sample_of(self.session) == (split.name, values["row"]):
            self._change()
        else:
            # Later, when the form that asks here whether its values will do is closed.
            self.call_later(self.bench.go, "neighbours", self._selection(split.name, values["row"]))

    def action_ask_again(self) -> None:
        """Ask once more, as after a failure."""
        self._question.ask_again()

    def action_stop_analysis(self) -> None:
        """Stop the search that is at work."""
        self._question.stop()

    def go_back(self) -> bool:
        return any(panel.close_filter() for panel in self.query(TablePanel) if panel.visible_now)
