"""One analysis opened: what it answers, a form for its parameters, and under it the answer or what went wrong."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.containers import Container, Vertical, VerticalScroll
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Static

from workbench.present.colours import Palette
from workbench.present.numbers import duration
from workbench.present.terminal import clean
from workbench.tui.screens.plugins import content
from workbench.tui.shared.job_view import JobView
from workbench.tui.shell.actions import bindings_of
from workbench.tui.shell.alive import Alive
from workbench.tui.shell.dialogs import flowing
from workbench.tui.shell.jobs import Job
from workbench.tui.shell.session import Session
from workbench.tui.widgets.blocks import Blocks
from workbench.tui.widgets.form import Form

if TYPE_CHECKING:
    from workbench.plugins import PluginInfo


class Setup(Alive, VerticalScroll):
    """The upper (left) part: text and form. Enter anywhere in it but in a list runs the analysis."""

    class Submitted(Message):
        """The analysis is to be run."""

    BINDINGS = bindings_of("analysis")

    def action_ask(self) -> None:
        self.post_message(self.Submitted())

    def on_form_submitted(self, event: Form.Submitted) -> None:
        event.stop()
        self.post_message(self.Submitted())


class AnalysisView(Alive, Container):
    """Shows one analysis at a time; where room is short the form folds up while the answer has the focus."""

    DEFAULT_CSS = """
    AnalysisView { layout: vertical; height: 1fr; width: 1fr; }
    AnalysisView > #setup { height: auto; max-height: 50%; min-height: 3; scrollbar-size: 1 1; }
    AnalysisView > #setup > #about { height: auto; margin-bottom: 1; }
    AnalysisView > #setup > Form { height: auto; max-height: 999; }
    AnalysisView > #setup > #hint { height: auto; }
    AnalysisView > #result { height: 1fr; }
    AnalysisView.-reading > #setup { max-height: 1; min-height: 1; }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.info: PluginInfo | None = None
        self._job: Job | None = None
        self._palette = Palette()

    def compose(self) -> ComposeResult:
        yield Setup(Static(id="about", markup=False), Static(id="hint", markup=False), id="setup", classes="panel")
        with Vertical(id="result", classes="panel") as box:
            box.border_title = "Answer"
            yield JobView()

    async def open(self, info: PluginInfo, texts: Mapping[str, Any] | None, session: Session) -> None:
        """Show an analysis; `texts` are what stood in its form, None for its defaults and the selection's values."""
        self.info = info
        self._palette = palette = session.palette
        setup = self.query_one("#setup", Setup)
        setup.border_title = Text(clean(f"{info.title} ({info.name})" if info.title != info.name else info.name))
        self._tell_about()
        for form in setup.query(Form):
            await form.remove()
        if self.gone:
            return
        settings = {setting.name: setting for setting in info.settings or ()}
        if settings:
            values = texts if texts is not None else content.start_values(info.settings or (), session)
            await setup.mount(
                Form(settings, values, offers=content.offers(session), palette=palette),
                before="#hint",
            )
        self._tell_hint(session)
        setup.scroll_home(animate=False)

    def _tell_about(self) -> None:
        info, palette = self.info, self._palette
        if info is None:
            return
        about = Text(flowing(clean(info.doc, lines=True)), style=palette.text)
        about.append("\n" if info.doc else "").append(content.origin_words(info), style=palette.muted)
        self.query_one("#about", Static).update(about)

    def _tell_hint(self, session: Session) -> None:
        info, palette = self.info, session.palette
        if info is None:
            return
        text = Text(style=palette.muted)
        if not info.settings:
            text.append("takes no parameters\n" if info.settings is not None else content.UNREAD + "\n")
        if info.needs_run:
            run = session.run
            text.append(
                "of run " + clean(run.id) + "\n"
                if run
                else "requires a finished run: train one on the Train screen (2)\n"
            )
        text.rstrip()
        hint = self.query_one("#hint", Static)
        hint.display = bool(text.plain)
        hint.update(text)

    def follow(self, session: Session) -> None:
        """Show what the session changed: the run that is looked at, the colours."""
        again = self._palette != session.palette
        self._palette = session.palette
        self._tell_about()
        self._tell_hint(session)
        if again and self._job is not None:
            self.show_job(self._job)

    def show_job(self, job: Job | None) -> None:
        """Show the last job of this analysis, or what to press when there is none."""
        self._job = job
        view = self.query_one(JobView)
        if job is None:
            view.empty("not run yet", "", ("^r", "run it"), ("esc", "back to the list"), palette=self._palette)
            self.query_one(Blocks).show((), self._palette)
        else:
            view.show(job, self._palette)
        self.tell_time()

    def tell_time(self) -> None:
        """How long the job has been running, for those that tell no progress."""
        job = self._job
        time = f", running for {duration(job.running_for)} (x stops it)" if job and job.state == "running" else ""
        self.query_one("#result").border_title = f"Answer{time}"

    @property
    def form(self) -> Form | None:
        """The form, when the analysis takes parameters."""
        return next(iter(self.query(Form)), None)

    def focus_form(self) -> None:
        """Put the cursor into the first field, or onto the text when there is none."""
        first = next(iter(self.query("Form Input, Form Select").results(Widget)), None)
        (first or self.query_one("#setup", Setup)).focus()

    def focus_answer(self) -> None:
        """Put the cursor onto the answer."""
        blocks = self.query_one(Blocks)
        target = blocks if blocks.display else self.query_one("#failure", VerticalScroll)
        target.focus(scroll_visible=False)

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """Fold the form up while the answer is read, unfold it when it has the focus again."""
        in_answer = self.query_one("#result") in event.widget.ancestors
        self.set_class(in_answer and not self.screen.has_class("-tall"), "-reading")
