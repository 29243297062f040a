"""The application: paints first, then opens the store in a thread, watches the runs, and hands out analyses.

It alone changes the `Session`; workers post messages, the handlers here turn them into the next session.
"""

from __future__ import annotations

import asyncio
import functools
import signal
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from rich.text import Text
from textual import work
from textual.binding import BindingType
from textual.worker import Worker as TextualWorker
from textual.worker import get_current_worker

from workbench import termination
from workbench.errors import BadInput
from workbench.runs import newest_to_look_at
from workbench.text import counted
from workbench.tui.screens import build
from workbench.tui.shell import background, messages
from workbench.tui.shell.actions import bindings, read_keymap
from workbench.tui.shell.frame import Shell
from workbench.tui.shell.jobs import Job, JobChanged, Jobs
from workbench.tui.shell.session import Phase, Selection, Session
from workbench.tui.shell.terminal import Terminal
from workbench.tui.theme import DARK, LIGHT

if TYPE_CHECKING:
    import polars as pl

    from workbench.features.store import Store
    from workbench.tui.widgets.table.panel import TablePanel
    from workbench.workspace import Workspace

POLL_BUSY, POLL_IDLE = 0.5, 2.0  # seconds between two looks at the run folders
TRAIL = 50  # how many steps back escape remembers


class WorkbenchApp(Shell):
    """The workbench on one workspace."""

    CSS_PATH = "workbench.tcss"
    TITLE = "workbench"
    BINDINGS: ClassVar[list[BindingType]] = list(bindings(None))
    ENABLE_COMMAND_PALETTE = False  # Textual's; ours is opened by the table of actions

    def __init__(self, workspace: Workspace, *, first: str = "data", warm: bool = False) -> None:
        """`first` names the screen shown first; `warm` starts what runs beside it: the worker process before it
        is first asked, and the watch of how busy the machine is.

        Raises BadInput when the user's keymap is wrong.
        """
        keymap = read_keymap()
        self.session = Session(workspace)
        self._warm = warm
        self._over = threading.Event()
        self._trail: list[tuple[str, Selection]] = []
        self._opening: TextualWorker[None] | None = None
        self._store_before: Store | None = None  # the one on show before the files were read again
        self._next_poll = 0.0
        super().__init__(first, build, keymap)
        self.jobs = Jobs(self, workspace)
        self.register_theme(DARK)
        self.register_theme(LIGHT)
        self.theme = DARK.name

    # ---- screens

    def go(self, name: str, selection: Selection | None = None) -> None:
        """Show a screen, with a selection to go into; escape comes back to where the user was.

        Nothing while a dialog is open: what was typed ahead of it comes too late.
        """
        current = self.current
        if self.screen is not current:
            return
        if current is not None and (name != current.NAME or selection is not None):
            self._trail = [*self._trail[-TRAIL:], (current.NAME, self.session.selection)]
        self._show(name, self.session.selection if selection is None else selection)

    def _show(self, name: str, selection: Selection) -> None:
        """Show a screen with a selection; the screen being left does not follow it."""
        current = self.current
        if current is not None and name == current.NAME:
            self.update_session(selection=selection)
        else:
            self.session = self.session.with_(selection=selection)
            self.switch_screen(self._screen(name))

    def action_go(self, name: str) -> None:
        self.go(name)

    def action_step_back(self) -> None:
        current = self.current
        if self.screen is not current:
            return
        if self.session.phase in ("opening", "reading") and (current is None or current.NAME == "data"):
            self.stop_reading()
        elif current is not None and current.go_back():
            return
        elif self._trail:
            self._show(*self._trail.pop())

    def action_leave(self) -> None:
        self._leave(0)

    def _leave(self, code: int, *reasons: str) -> None:
        running = [run for run in self.session.runs or () if run.active]
        still = f"{counted(len(running), 'run')} still training; open the workbench again to see the progress."
        text = "\n".join([*reasons, still] if running else reasons)
        self.exit(code, return_code=code, message=Text(text) if text else None)

    def leave_on_signal(self, number: int) -> None:
        """Leave with the exit code of a process that a signal ended."""
        reasons = [] if number == signal.SIGINT else [f"workbench: ended by {signal.Signals(number).name}"]
        self._leave(termination.exit_code(number), *reasons)

    def open_analysis(self, name: str) -> None:
        """Show an analysis on the Plugins screen, and run it; nothing while a dialog is open."""
        if self.screen is self.current:
            self.go("plugins")
            self._screen("plugins").post_message(messages.AnalysisRequested(name))

    # ---- the session

    def update_session(self, **changes: Any) -> None:
        """Replace the session; the screen on show follows at once, the others when they are shown again."""
        self.session = self.session.with_(**changes)
        current = None if self._exit else self.current
        if current is not None and current.is_mounted:
            current.sync()

    def select(self, **changes: Any) -> None:
        """Change parts of the selection: `split`, `true`, `predicted`, `row`, `feature`.

        Another split leaves no row selected, unless one is given too: rows are counted within their split.
        """
        if changes.get("split", self.session.selection.split) != self.session.selection.split:
            changes.setdefault("row", None)
        self.update_session(selection=self.session.selection.with_(**changes))

    def choose_run(self, run_id: str | None) -> None:
        """Let the screens look at this run; None follows the newest finished one."""
        if run_id is None:
            self.update_session(run_id=newest_to_look_at(self.session.runs or ()), run_pinned=False)
        else:
            self.update_session(run_id=run_id, run_pinned=True)

    # ---- opening

    def on_mount(self) -> None:
        self.set_keymap(self.keymap_of_user)
        self.call_after_refresh(self.open)

    def open(self) -> None:
        """Open the store, reading the feature files when they are new or changed."""
        if self._opening is None or self._opening.is_finished:
            self._store_before = self.session.store
            self.update_session(phase="opening", error="", progress=None, waiting="")
            self._opening = self._open_store()
            self._find_device()

    def stop_reading(self) -> None:
        """Ask the reading of feature files to stop; the store stays as it was."""
        if self._opening is not None:
            self._opening.cancel()

    @work(thread=True, group="store", exit_on_error=False)
    def _open_store(self) -> None:
        worker = get_current_worker()
        background.open_store(self.session.workspace, self.post_message, lambda: worker.is_cancelled)

    @work(thread=True, group="device", exit_on_error=False)
    def _find_device(self) -> None:
        self.post_message(messages.DeviceFound(background.find_device()))

    @work(thread=True, group="usage", exclusive=True, exit_on_error=False)
    def _watch_usage(self) -> None:
        worker = get_current_worker()
        background.watch_usage(self.post_message, lambda seconds: self._over.wait(seconds) or worker.is_cancelled)

    @work(thread=True, group="checks", exit_on_error=False)
    def _make_checks(self) -> None:
        store = self.session.store
        if store is not None:
            background.make_checks(store, self.post_message)

    def on_ingest_progressed(self, message: messages.IngestProgressed) -> None:
        self.update_session(phase="reading", progress=message.progress, waiting="")

    def on_ingest_waits(self, message: messages.IngestWaits) -> None:
        self.update_session(waiting=message.text)

    def on_store_opened(self, message: messages.StoreOpened) -> None:
        store = message.store
        if message.strangers:
            self.say(message.strangers)
        before = self._store_before
        if before is not None and before.fingerprint == store.fingerprint:
            self.update_session(phase="ready", progress=None, waiting="", sources_missing=message.sources_missing)
            self.say("the feature files have not changed since they were read")
            return
        same_pair = before is not None and all(name in store.tests for name in self.session.pair)
        self.update_session(
            phase="ready",
            store=store,
            progress=None,
            waiting="",
            checks=None,
            pair=self.session.pair if same_pair else tuple(list(store.tests)[:2]),
            sources_missing=message.sources_missing,
        )
        self._make_checks()
        self._poll_runs()
        if before is not None:
            return
        self.set_interval(POLL_BUSY, self._poll_when_due, name="runs")
        if self._warm:
            self.run_worker(self.jobs.warm(), group="warm", exit_on_error=False)
            self._watch_usage()

    def on_store_failed(self, message: messages.StoreFailed) -> None:
        phase: Phase = "stopped" if message.stopped else "failed"
        self.update_session(phase=phase, error=message.message, progress=None, waiting="")

    def on_checks_made(self, message: messages.ChecksMade) -> None:
        self.update_session(checks=message.checks)

    def on_usage_measured(self, message: messages.UsageMeasured) -> None:
        self.update_session(usage=message.usage)

    def on_device_found(self, message: messages.DeviceFound) -> None:
        self.update_session(device=message.device)

    # ---- runs

    def _poll_when_due(self) -> None:
        busy = any(run.active for run in self.session.runs or ())
        now = asyncio.get_running_loop().time()
        if busy or now >= self._next_poll:
            self._next_poll = now + POLL_IDLE
            self._poll_runs()

    @work(thread=True, group="runs", exclusive=True, exit_on_error=False)
    def _poll_runs(self) -> None:
        background.list_runs(self.session, self.post_message)

    def look_at_runs(self) -> None:
        """List the runs now, without waiting for the next turn."""
        self._poll_runs()

    def on_runs_changed(self, message: messages.RunsChanged) -> None:
        changes: dict[str, Any] = {"runs": message.runs, "looks": message.looks}
        known = {run.id for run in message.runs}
        if not self.session.run_pinned or self.session.run_id not in known:
            changes |= {"run_id": newest_to_look_at(message.runs), "run_pinned": False}
        self.update_session(**changes)

    def on_run_started(self, message: messages.RunStarted) -> None:
        self.say(f"{message.run.id} is training; it continues when you quit")
        self._poll_runs()

    def on_run_refused(self, message: messages.RunRefused) -> None:
        self.say(message.message, severity="error")

    # ---- analyses

    def submit(self, analysis: str, params: Mapping[str, Any], *, owner: str, with_run: bool = True) -> Job:
        """Queue an analysis of the chosen pair (and run) in the worker process."""
        run = self.session.run if with_run else None
        return self.jobs.submit(analysis, params, run_id=run.id if run else None, pair=self.session.pair, owner=owner)

    def on_job_changed(self, message: JobChanged) -> None:
        for screen in self._made.values():
            if screen.NAME in (message.job.owner, "jobs") and screen.is_mounted:
                screen.job_changed(message.job)

    # ---- actions for every screen

    def on_worker_state_changed(self, event: TextualWorker.StateChanged) -> None:
        """A worker that raised is told of, never swallowed."""
        error = event.worker.error
        if error is not None and not isinstance(error, asyncio.CancelledError):
            text = str(error) if isinstance(error, BadInput) else f"{type(error).__name__}: {error}"
            self.say(text, severity="error")

    def action_filter(self) -> None:
        panel = self._table()
        if panel is not None:
            panel.action_filter()

    def action_sort(self) -> None:
        panel = self._table()
        if panel is not None:
            panel.action_sort()

    def _table(self) -> TablePanel | None:
        """The table in focus, or else the first on show."""
        from workbench.tui.widgets.table.panel import TablePanel

        current = self.current
        panels = [panel for panel in current.query(TablePanel) if panel.visible_now] if current is not None else []
        focused = [panel for panel in panels if panel.has_focus_within]
        return next(iter(focused or panels), None)

    def action_save_table(self) -> None:
        panel = self._table()
        if panel is None or not panel.rows_shown.height:
            self.say("no table to save on this screen")
            return
        self._save_table(panel.rows_shown, f"{self.current.NAME if self.current else ''}-{panel.id}")

    @work(thread=True, group="saving", exit_on_error=False)
    def _save_table(self, frame: pl.DataFrame, name: str) -> None:
        file = background.save_table(frame, self.session.workspace, name)
        self.call_later(self.say, f"{frame.height:,} rows saved to {file}")

    def action_toggle_theme(self) -> None:
        dark = not self.session.dark
        self.theme = (DARK if dark else LIGHT).name
        self.update_session(dark=dark)

    def action_choose_run(self) -> None:
        from workbench.tui.shell.dialogs import run_dialog

        if not self.session.runs:
            self.say("no runs yet: train a head on the Train screen (2)")
            return
        self.show_dialog(run_dialog(self.session), functools.partial(self._pass_on, self.choose_run))

    def action_choose_pair(self) -> None:
        from workbench.tui.shell.dialogs import pair_dialog

        tests = list(self.session.store.tests) if self.session.store else []
        if len(tests) == 2 and len(self.session.pair) == 2:
            self.update_session(pair=self.session.pair[::-1])
            self.say(f"test set 1 is now {self.session.pair[0]}, test set 2 is {self.session.pair[1]}")
        elif len(tests) > 2:
            self.show_dialog(pair_dialog(self.session), functools.partial(self._pass_on, self._choose_pair))
        else:
            self.say("a comparison requires two test sets in the workspace")

    def _choose_pair(self, pair: str) -> None:
        first, _, second = pair.partition("/")
        self.update_session(pair=(first, second))

    @staticmethod
    def _pass_on(then: Any, value: str | None) -> None:
        if value is not None:
            then(value)

    async def on_unmount(self) -> None:
        self._over.set()
        await self.jobs.close()


def run(workspace: Workspace, *, first: str = "data") -> int:
    """Open the interface on a workspace; the exit code."""
    import os
    from multiprocessing import resource_tracker

    from workbench.tui.widgets import picture

    for name in ("COLUMNS", "LINES"):  # they would be believed before the terminal, which knows its size itself
        os.environ.pop(name, None)
    app = WorkbenchApp(workspace, first=first, warm=True)
    # Spawning under Textual fails later unless the tracker was started while stdio was still the terminal's own.
    resource_tracker.ensure_running()
    picture.prepare()
    terminal = Terminal()
    leave = termination.in_event_loop(app.leave_on_signal)
    with terminal.restored(), termination.on_signals(leave, terminal.restore):
        app.run()
    return app.return_code or 0
