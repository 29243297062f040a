"""The app as its screens see it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from textual.screen import ModalScreen, Screen

    from workbench.tui.shell.jobs import Job, Jobs
    from workbench.tui.shell.session import Selection, Session


class Bench(Protocol):
    """What a screen may ask of the app; only the app changes the session."""

    session: Session
    jobs: Jobs
    keymap_of_user: Mapping[str, str]

    @property
    def screen(self) -> Screen[Any]:
        """What is on top: a screen of the workbench, or a dialog over it."""

    @property
    def current(self) -> Screen[Any] | None:
        """The screen of the workbench on show, below any dialog."""

    def open(self) -> None:
        """Open the store, reading the feature files when they are new or changed."""

    def go(self, name: str, selection: Selection | None = None) -> None:
        """Show a screen, with a selection to go into; escape comes back to where the user was."""

    def open_analysis(self, name: str) -> None:
        """Show an analysis on the Plugins screen, and run it."""

    def select(self, **changes: Any) -> None:
        """Change parts of the selection: `split`, `true`, `predicted`, `row`, `feature`."""

    def choose_run(self, run_id: str | None) -> None:
        """Let the screens look at this run; None follows the newest finished one."""

    def look_at_runs(self) -> None:
        """List the runs now, without waiting for the next turn."""

    def submit(self, analysis: str, params: Mapping[str, Any], *, owner: str, with_run: bool = True) -> Job:
        """Queue an analysis of the chosen pair (and run) in the worker process."""

    def show_dialog(self, dialog: ModalScreen[str | None], then: Callable[[str | None], Any] | None = None) -> None:
        """Open a dialog over the screen on show; nothing where another is open."""

    def say(self, text: str, *, severity: str = "information") -> None:
        """A short notice in the corner; `text` is never markup."""
