"""All checks of the data: the quick ones at once; labels and leakage when asked for, or kept from before."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.message import Message
from textual.widgets import Static

from workbench.text import counted, one_line
from workbench.tui.formats import clean, duration
from workbench.tui.shell.actions import bindings_of
from workbench.tui.shell.alive import Alive
from workbench.tui.shell.session import Session
from workbench.tui.widgets.states import ProgressLine

if TYPE_CHECKING:
    from workbench.features.checks import Check
    from workbench.tui.shell.jobs import Job
    from workbench.tui.theme import Palette

ANALYSIS = "checks"
COLOURS = {"wrong": "error", "odd": "warning", "fine": "good"}


class Subject(NamedTuple):
    """What an answer to the slow checks is about."""

    fingerprint: str | None
    pair: tuple[str, ...]
    run_id: str | None


def subject_of(session: Session) -> Subject:
    """What the checks of this session are about."""
    return Subject(session.store and session.store.fingerprint, session.pair, session.run and session.run.id)


@dataclass
class CachedChecksRead(Message):
    """The findings of an earlier answer to all checks of the data; None when there is none."""

    about: Subject
    checks: tuple[Check, ...] | None


def read_checks(blocks: Iterable[Any]) -> tuple[Check, ...]:
    """The findings in the answer of the analysis `checks`; raises ValueError when it holds none."""
    from workbench.api import Table as TableBlock
    from workbench.features.checks import Check

    table = next((block for block in blocks if isinstance(block, TableBlock)), None)
    if table is None:
        raise ValueError("the answer holds no table of findings")
    rows = table.frame.select("severity", "title", "saw", "why", "todo").fill_null("").rows()
    return tuple(Check(*row) for row in rows)


def cached_checks(session: Session) -> tuple[Check, ...] | None:
    """The findings kept from an earlier answer of the analysis, if the data, the pair and the run are the same."""
    from workbench.errors import BadInput
    from workbench.runs import StoredRun
    from workbench.worker.work import kept_answer

    if session.store is None:
        return None
    try:
        view = StoredRun(session.run.view) if session.run else None
        blocks = kept_answer(session.workspace, session.store, ANALYSIS, session.pair, view)
        return read_checks(blocks) if blocks is not None else None
    except (BadInput, ValueError):
        return None  # it can still be asked for, and then says what is wrong


def checks_title(checks: tuple[Check, ...] | None, complete: bool) -> str:
    """The panel's title: how many findings, and whether of all checks."""
    if checks is None:
        return "Checks (at work ...)"
    findings = sum(check.severity != "fine" for check in checks)
    title = f"Checks: {counted(findings, 'finding')}" if findings else "Checks: nothing odd"
    return title if complete else f"{title}; c for all"


def notes_of(session: Session) -> list[str]:
    """What reading the files had to say, and whether they are still there."""
    store = session.store
    if store is None:
        return []
    gone = [f"the feature files are gone: this is the store read from them on {store.manifest.created[:10]}"]
    return (gone if session.sources_missing else []) + list(store.manifest.notices)


def findings(
    checks: tuple[Check, ...] | None, notes: list[str], palette: Palette, *, full: bool = False
) -> RenderableType:
    """The findings, the gravest first: what was seen and, unless fine (or `full`), why it matters and what to do."""
    table = Table.grid(padding=(0, 1), expand=True)
    table.add_column(no_wrap=True)
    table.add_column(ratio=1)
    for check in checks or ():
        colour = palette.severities[COLOURS[check.severity]]
        parts: list[RenderableType] = [
            Text(clean(check.title), style=f"bold {palette.text}"),
            Text(one_line(check.saw), style=palette.text, overflow="fold"),
        ]
        if check.severity != "fine" or full:
            words = Table.grid(padding=(0, 1))
            for label, text in (("why", check.why), ("do", check.todo)):
                if text:
                    words.add_row(
                        Text(label, style=palette.muted), Text(one_line(text), style=palette.muted, overflow="fold")
                    )
            parts += [words] if words.row_count else []
        finding = Padding(Group(*parts), (0, 0, 1, 0)) if full else Group(*parts)
        table.add_row(Text(check.severity, style=f"bold {colour}"), finding)
    for note in notes:
        table.add_row(
            Text("note", style=f"bold {palette.muted}"), Text(one_line(note), style=palette.text, overflow="fold")
        )
    if checks is None:
        table.add_row("", Text("looking ...", style=palette.muted))
    return table


class ChecksView(Alive, Vertical):
    """Every check in full, under a line that says what has been looked at and what to press."""

    BINDINGS = bindings_of("checks")

    DEFAULT_CSS = """
    ChecksView > #checks-state { height: auto; color: $muted; margin-bottom: 1; }
    ChecksView > ProgressLine { display: none; margin-bottom: 1; }
    ChecksView.-running > ProgressLine { display: block; }
    ChecksView > VerticalScroll { scrollbar-size: 1 1; }
    ChecksView #checks-all { height: auto; }
    """

    def compose(self) -> ComposeResult:
        yield Static(id="checks-state", markup=False)
        yield ProgressLine()
        with VerticalScroll():
            yield Static(id="checks-all", markup=False)

    def tell(self, session: Session, slow: tuple[Check, ...] | None, job: Job | None) -> None:
        """Show `slow`, the findings of all checks, else the quick ones; `job` asked for the former."""
        palette = session.palette
        running = job is not None and not job.over
        self.set_class(running, "-running")
        if running and job is not None:
            text = job.text or ("waiting for its turn" if job.state == "queued" else "working")
            self.query_one(ProgressLine).tell(job.fraction, text, palette=palette, remaining=job.remaining)
        self.query_one("#checks-state", Static).update(state_text(slow, job, palette))
        checks = slow or session.checks
        self.query_one("#checks-all", Static).update(findings(checks, notes_of(session), palette, full=True))

    def focus_text(self) -> None:
        """Let the arrow keys scroll the findings."""
        self.query_one(VerticalScroll).focus()


def state_text(slow: tuple[Check, ...] | None, job: Job | None, palette: Palette) -> Text:
    """What has been looked at, and what to press."""
    text = Text(style=palette.muted)

    def key(name: str, what: str) -> None:
        text.append("   ").append(name, style=f"bold {palette.strong}").append(f" {what}")

    if job is not None and not job.over:
        text.append("quick checks below; labels and leakage are being looked at")
        key("x", "stops")
        return text
    if slow is not None:
        fresh = job is not None and not job.cached
        text.append(f"all checks, done in {duration(job.seconds)}" if fresh and job else "all checks, kept from before")
        if any(check.severity != "fine" and " samples in " in check.title for check in slow):
            key("d", "names the samples found twice")
        return text
    if job is not None and job.state in ("failed", "cancelled"):
        failed = job.state == "failed"
        text.append("the slow checks " + (f"failed: {one_line(job.error)}" if failed else "were stopped"))
        key("⏎", "again")
        return text
    text.append("quick checks; labels and leakage not looked at yet, which reads the features")
    key("⏎", "looks")
    return text
