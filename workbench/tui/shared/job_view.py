"""Where the answer of an analysis stands: what to press, progress, the blocks, or what went wrong."""

from __future__ import annotations

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.widgets import Static

from workbench.present.colours import Palette
from workbench.present.numbers import duration
from workbench.present.terminal import clean
from workbench.tui.shell.alive import Alive
from workbench.tui.shell.jobs import Job
from workbench.tui.widgets.blocks import Blocks
from workbench.tui.widgets.states import EmptyState, ProgressLine


class JobView(Alive, Vertical):
    """Shows one job, from queued to its blocks or its traceback; blocks appear as they come, and stay if it fails."""

    DEFAULT_CSS = """
    JobView { height: 1fr; width: 1fr; }
    JobView > #state { height: 1; color: $muted; }
    JobView > #failure { height: auto; max-height: 100%; display: none; padding: 0 1; }
    JobView > ProgressLine { display: none; }
    JobView.-running > ProgressLine { display: block; }
    JobView.-failed > #failure { display: block; height: 1fr; }
    JobView.-failed > Blocks { display: none; }
    JobView.-failed.-partial > #failure { height: auto; max-height: 50%; margin-bottom: 1; }
    JobView.-failed.-partial > Blocks { display: block; }
    JobView > EmptyState { display: none; }
    JobView.-empty > EmptyState { display: block; }
    JobView.-empty > Blocks, JobView.-empty > #state { display: none; }
    """

    def compose(self) -> ComposeResult:
        yield EmptyState()
        yield ProgressLine()
        yield Static(id="state")
        with VerticalScroll(id="failure"):
            yield Static(id="failure-text")
        yield Blocks()

    def empty(self, title: str, text: str = "", *keys: tuple[str, str], palette: Palette) -> None:
        """Nothing asked for yet: say what to press."""
        self.set_classes("-empty")
        self.query_one(EmptyState).tell(title, text, *keys, palette=palette)

    def show(self, job: Job, palette: Palette) -> None:
        """Show a job as it is now."""
        self.set_class(False, "-empty")
        self.set_class(job.state in ("queued", "running"), "-running")
        self.set_class(job.state in ("failed", "cancelled"), "-failed")
        self.set_class(bool(job.blocks), "-partial")
        if not job.over:
            text = job.text or ("waiting in the queue" if job.state == "queued" else "working")
            progress = self.query_one(ProgressLine)
            progress.tell(job.fraction, text, palette=palette, remaining=job.remaining)
        self.query_one("#state", Static).update(state_line(job, palette))
        if job.state in ("failed", "cancelled"):
            self.query_one("#failure-text", Static).update(failure_text(job, palette))
        self.query_one(Blocks).show(job.blocks, palette)


def state_line(job: Job, palette: Palette) -> Text:
    """One line: the analysis, its state, its time."""
    word = {"done": "from the cache" if job.cached else f"done in {duration(job.seconds)}"}.get(job.state, job.state)
    params = ", ".join(f"{name} = {value}" for name, value in job.params.items() if value is not None)
    line = Text(no_wrap=True, overflow="ellipsis").append(clean(job.analysis), style=f"bold {palette.text}")
    line.append(f"  {word}", style=palette.muted)
    return line.append(f"  {clean(params)}" if params else "", style=palette.muted)


def failure_text(job: Job, palette: Palette) -> Text:
    """What went wrong: the message, then the traceback or the exit, as the process gave it."""
    words = {
        "bad input": "cannot be run",
        "raised": "raised",
        "exited": "ended unexpectedly",
        "cancelled": "was stopped",
    }
    heading = f"{clean(job.analysis)} {words.get(job.kind, 'failed')}\n\n"
    text = Text().append(heading, style=f"bold {palette.severities['error']}")
    text.append(clean(job.error, lines=True), style=palette.text)
    if job.traceback:
        text.append("\n\n" + clean(job.traceback.rstrip(), lines=True), style=palette.muted)
    if job.log:
        text.append("\n\nlog\n" + clean("\n".join(job.log[-20:]), lines=True), style=palette.muted)
    return text
