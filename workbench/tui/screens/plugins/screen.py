"""Plugins: all analyses there are, each to be opened, given its parameters and run; new files appear by themselves."""

from __future__ import annotations

import contextlib
import functools
from typing import TYPE_CHECKING, Any

from textual import work
from textual.app import ComposeResult
from textual.containers import Container, Vertical, VerticalScroll
from textual.widgets import ContentSwitcher, Static

from workbench.errors import BadInput
from workbench.text import one_line
from workbench.tui.screens.plugins import content
from workbench.tui.screens.plugins.analysis import AnalysisView, Setup
from workbench.tui.screens.plugins.messages import PluginsRead, ReviewRead, SampleLookedUp
from workbench.tui.screens.plugins.trust import TrustDialog
from workbench.tui.shell.dialogs import TextDialog
from workbench.tui.shell.jobs import Job
from workbench.tui.shell.messages import AnalysisRequested
from workbench.tui.shell.question import Question
from workbench.tui.shell.screen import WorkbenchScreen, style_beside
from workbench.tui.shell.session import Session
from workbench.tui.widgets.blocks.samples import SamplesBlock
from workbench.tui.widgets.blocks.table import TableBlock
from workbench.tui.widgets.table.panel import TablePanel

if TYPE_CHECKING:
    from workbench.plugins import PluginInfo, Review

LOOK_EVERY = 1.0  # seconds between two looks at the plugin folders while this screen is on show


class PluginsScreen(WorkbenchScreen):
    """The analyses: built in, shipped, from packages, the user's own and the workspace's."""

    NAME = "plugins"
    HELP = """
All analyses: built in, shipped with the workbench, from installed packages, from your own folder and from the
workspace. A file placed in a plugin folder appears here automatically; a changed file is read again.

enter opens an analysis: its description, a form for its parameters, and the result. ^r (or enter in a field)
runs it, x stops it, tab moves between the form and the result, escape goes back to the list; the result is kept.
enter on a row of a sample opens that sample.

Analyses run in a separate process. One that raises, hangs or kills its process shows what happened in place of its
result, and nothing else is affected. Code that came with a workspace does not run until you have read and trusted it
(t), and after a change not until you have reviewed the difference.
"""

    DEFAULT_CSS = style_beside(__file__)
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (64, "-normal"), (120, "-wide")]
    VERTICAL_BREAKPOINTS = [(0, "-low"), (16, "-high"), (36, "-tall")]

    def __init__(self) -> None:
        super().__init__()
        self._plugins: dict[str, PluginInfo] = {}
        self._signature: tuple[tuple[str, int, int], ...] | None = None
        self._runs: dict[str, Question[str, Job]] = {}  # by analysis key
        self._texts: dict[str, dict[str, str]] = {}  # analysis key -> what stood in its form
        self._opened: str | None = None
        self._requested: str | None = None  # the name of an analysis to be opened and run once the list is there

    def body(self) -> ComposeResult:
        with ContentSwitcher(initial="list"):
            with Container(id="list"):
                with Vertical(id="list-box", classes="panel") as box:
                    box.border_title = "Analyses"
                    yield TablePanel(id="plugins", noun="analysis", nouns="analyses")
                with VerticalScroll(id="detail-box", classes="panel"):
                    yield Static(id="detail", markup=False)
            yield AnalysisView(id="opened")

    def on_mount(self) -> None:
        super().on_mount()
        self._look()
        self.set_interval(LOOK_EVERY, self._tick)
        self.query_one("#plugins", TablePanel).table.focus()

    # ---- the list

    def show(self, session: Session, before: Session | None) -> None:
        if before is None or any(getattr(session, name) != getattr(before, name) for name in ("run", "dark", "pair")):
            self._fill()
            self.query_one(AnalysisView).follow(session)

    async def on_analysis_requested(self, event: AnalysisRequested) -> None:
        """Another screen wants an analysis opened and run."""
        self._requested = event.name
        await self._open_requested()

    async def _open_requested(self) -> None:
        name = self._requested
        if name is None or not self._plugins:
            return
        self._requested = None
        key = next((key for key, info in self._plugins.items() if info.name == name and info.usable), None)
        if key is None:
            self.bench.say(f"the analysis {name} is not available here", severity="warning")
            return
        await self._open(key)
        self._run()

    def _tick(self) -> None:
        if self.bench.current is self:
            self._look()
            self.query_one(AnalysisView).tell_time()

    @work(thread=True, exclusive=True, group="plugins", exit_on_error=False)
    def _look(self) -> None:
        """Read the plugin folders when something in them has changed since the last look."""
        from workbench import plugins

        workspace = self.session.workspace
        seen = plugins.signature(workspace)
        if seen != self._signature:
            try:
                self.post_message(PluginsRead(tuple(plugins.discover(workspace)), seen))
            except BadInput as error:
                self.post_message(PluginsRead((), seen, str(error)))

    def on_plugins_read(self, event: PluginsRead) -> None:
        first, before = self._signature is None, self._plugins
        self._signature = event.signature
        if event.error:
            self.bench.say(event.error, severity="error")
            self.query_one("#detail", Static).update(one_line(event.error))
            return
        self._plugins = {content.key_of(info): info for info in content.own_first(event.plugins)}
        self._fill()
        self.call_later(self._open_requested)
        if not first:
            self._tell_news(before)
        opened = self._plugins.get(self._opened or "")
        if opened is not None and self._opened and opened != before.get(self._opened):
            self.call_later(self._open, self._opened)

    def _tell_news(self, before: dict[str, PluginInfo]) -> None:
        new = [info for key, info in self._plugins.items() if key not in before]
        for info in new[:3]:
            self.bench.say(f"new: {info.title} ({content.state_words(info, self.session)[0]})")

    def _fill(self) -> None:
        session = self.session
        last = {key: question.job for key, question in self._runs.items() if question.job is not None}
        panel = self.query_one("#plugins", TablePanel)
        frame = content.plugins_frame(list(self._plugins.values()), session, last)
        panel.load(
            frame,
            content.plugin_columns(frame, session.palette, panel.size.width or self.size.width),
            key="key",
            note=f"place a .py file in {content.short_path(content.user_folder())}",
        )
        self._tell_detail()

    def on_resize(self) -> None:
        if self._plugins:
            self.call_after_refresh(self._fill)

    @property
    def marked(self) -> PluginInfo | None:
        """The analysis that is open, else the one under the cursor."""
        row = self.query_one("#plugins", TablePanel).row
        return self._plugins.get(self._opened or (row["key"] if row else ""))

    def _tell_detail(self) -> None:
        row = self.query_one("#plugins", TablePanel).row
        info = self._plugins.get(row["key"]) if row else None
        if info is not None:
            self.query_one("#detail", Static).update(content.detail_text(info, self.session))

    def on_table_panel_moved(self, event: TablePanel.Moved) -> None:
        if event.panel.id == "plugins":
            self._tell_detail()
            self.query_one("#detail-box", VerticalScroll).scroll_home(animate=False)

    async def on_table_panel_chosen(self, event: TablePanel.Chosen) -> None:
        if event.panel.id == "plugins":
            await self._open(event.row["key"])
        elif isinstance(event.panel.parent, TableBlock | SamplesBlock):
            named = content.named_sample(event.panel.parent.block, event.row)
            if named is not None:
                self._find_sample(*named)

    @work(thread=True, exclusive=True, group="sample", exit_on_error=False)
    def _find_sample(self, split: str, which: Any) -> None:
        store = self.session.store
        if store is not None:
            sample = content.find_sample(store, self.session.pair, split, which)
            self.post_message(SampleLookedUp(sample, f"{which} of {split}" if split else str(which)))

    def on_sample_looked_up(self, event: SampleLookedUp) -> None:
        if event.sample is None:
            self.bench.say(f"no sample {event.name} in this workspace", severity="warning")
        else:
            split, row = event.sample
            self.bench.go("neighbours", self.selection.with_(split=split, row=row))

    # ---- one analysis

    async def _open(self, key: str) -> None:
        info = self._plugins.get(key)
        if info is None:
            return
        if not info.trusted:
            self.action_trust()
        elif info.error:
            self.bench.show_dialog(TextDialog(f"{info.name} is disabled", content.aside_text(info), from_end=False))
        else:
            self._keep_texts()
            again = self._opened == key
            self._opened = key
            view = self.query_one(AnalysisView)
            await view.open(info, self._texts.get(key), self.session)
            if self.gone:
                return
            view.show_job(self._runs[key].job if key in self._runs else None)
            self.query_one(ContentSwitcher).current = "opened"
            if not again or self.focused is None:
                view.focus_form()

    def _keep_texts(self) -> None:
        form = self.query_one(AnalysisView).form
        if self._opened and form is not None:
            self._texts[self._opened] = form.texts()

    async def action_run_analysis(self) -> None:
        if self._opened is None:
            marked = self.marked
            if marked is None or not marked.usable:
                return
            await self._open(content.key_of(marked))
        self._run()

    def on_setup_submitted(self, event: Setup.Submitted) -> None:
        event.stop()
        self._run()

    def _run(self) -> None:
        if self.gone:  # since its form was opened
            return
        view = self.query_one(AnalysisView)
        if view.info is None or self._opened is None:
            return
        if not self.session.ready:
            self.bench.say("the features are not loaded yet: see the Data screen (1)", severity="warning")
            return
        key = self._opened
        if key not in self._runs:
            self._runs[key] = self.question(functools.partial(self._follow_question, key), lambda job, _key: job)
        if self._runs[key].running:
            self.bench.say("it is already running; x stops it")
            return
        with contextlib.suppress(BadInput):  # the form shows what is wrong, in the field
            values = view.form.values() if view.form is not None else {}
            self._runs[key].ask(key, view.info.name, values)
            view.focus_answer()

    def _follow_question(self, key: str) -> None:
        """Show how far an analysis is, its blocks as they come, or what went wrong."""
        job = self._runs[key].job
        if job is None:
            return
        if key == self._opened:
            view = self.query_one(AnalysisView)
            in_answer = self.focused is None or view.query_one("#result") in self.focused.ancestors
            view.show_job(job)
            if job.over and in_answer and self.bench.screen is self:
                view.focus_answer()
        if job.over or job.state == "queued" or self._opened is None:
            self._fill()

    def action_stop(self) -> None:
        marked = self.marked
        if marked is not None and (question := self._runs.get(content.key_of(marked))):
            question.stop()

    def go_back(self) -> bool:
        if any(panel.close_filter() for panel in self.query(TablePanel) if panel.visible_now):
            return True
        if self._opened is None:
            return False
        self._keep_texts()
        self._opened = None
        self.query_one(ContentSwitcher).current = "list"
        self._fill()
        self.query_one("#plugins", TablePanel).table.focus()
        return True

    # ---- trust, and writing one

    def action_trust(self) -> None:
        """Ask whether the code of this workspace may run, as it is now."""
        if all(info.trusted for info in self._plugins.values()):
            self.bench.say("there is no untrusted code here")
        else:
            self._read_review()

    @work(thread=True, exclusive=True, group="review", exit_on_error=False)
    def _read_review(self) -> None:
        from workbench import plugins

        try:
            review = plugins.review(self.session.workspace.root)
            self.post_message(ReviewRead(review, tuple(plugins.changes(review))))
        except BadInput as error:
            self.post_message(ReviewRead(None, error=str(error)))

    def on_review_read(self, event: ReviewRead) -> None:
        if event.review is None:
            self.bench.say(event.error, severity="error")
        elif self.bench.screen is self:  # typed ahead, it may have been left, or asked twice
            dialog = TrustDialog(event.review, event.changes, self.session.palette)
            self.bench.show_dialog(dialog, lambda answer: self._trusted(dialog.review, answer))

    def _trusted(self, review: Review, answer: str | None) -> None:
        from workbench import plugins

        if answer != "yes":
            return
        try:
            plugins.trust(review)
        except BadInput as error:
            self.bench.say(str(error), severity="error")
        else:
            self.bench.say("these files of the workspace are now trusted")
            self._look()

    def action_write_plugin(self) -> None:
        text = content.writing_text(self.session.workspace)
        self.bench.show_dialog(TextDialog("Write an analysis", text, from_end=False))
