"""One question to the worker: asked, awaited, answered, failed or stopped, and asked again.

A screen that changes what it asks about keeps the last answer on show for a short grace, since most answers come from
a cache within it; a slower one takes the last answer away, so that nothing on show is about another run or pair.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, Generic, Literal, Protocol, TypeVar

from workbench.tui.shell.bench import Bench
from workbench.tui.shell.jobs import Job

GRACE = 0.25  # seconds that the last answer stays on show while the next is awaited

State = Literal["idle", "asked", "working", "answered", "failed"]
About = TypeVar("About")
Answer = TypeVar("Answer")


class Asker(Protocol):
    """The screen, or the widget, that asks."""

    @property
    def bench(self) -> Bench:
        """The app."""

    def analyse(self, analysis: str, params: Mapping[str, Any], *, with_run: bool = True) -> Job:
        """Queue an analysis."""

    def set_timer(self, delay: float, callback: Callable[[], Any]) -> Any:
        """Call back after `delay` seconds."""

    def call_later(self, callback: Callable[..., Any], *args: Any) -> Any:
        """Call back in the thread that paints."""

    def run_worker(
        self,
        work: Callable[[], Any],
        name: str | None = "",
        group: str = "default",
        description: str = "",
        exit_on_error: bool = True,
        start: bool = True,
        exclusive: bool = False,
        thread: bool = False,
    ) -> Any:
        """Run `work`, with `thread` in a thread."""


class Question(Generic[About, Answer]):
    """What is asked, how far that is, and the answer; `changed()` is called whenever one of them has moved on.

    `state` is one of
      idle      nothing is asked
      asked     asked a moment ago: the last answer may stay on show
      working   the answer takes its time: `answer` is None, `job` tells the progress
      answered  `answer` is that to `about`
      failed    the analysis raised, lost its process or was stopped, as `job` tells; `answer` is None

    `about` is what the question is about (a run, a pair, a store ...): an owner asks anew when that is another thing.
    `read(job, about)` makes the answer of the blocks of a finished job, in a thread if `in_thread`; what it raises is
    shown as any failure of the analysis.
    """

    def __init__(
        self,
        owner: Asker,
        changed: Callable[[], None],
        read: Callable[[Job, About], Answer],
        *,
        in_thread: bool = False,
    ) -> None:
        self.state: State = "idle"
        self.about: About | None = None
        self.job: Job | None = None
        self.answer: Answer | None = None
        self._owner = owner
        self._changed = changed
        self._read = read
        self._in_thread = in_thread
        self._again: Callable[[], None] | None = None

    @property
    def running(self) -> bool:
        """Whether the worker has yet to answer."""
        return self.job is not None and not self.job.over

    def ask(self, about: About, analysis: str, params: Mapping[str, Any], *, with_run: bool = True) -> None:
        """Ask; an earlier question that still waits for its turn in the worker is taken back."""
        self._again = partial(self.ask, about, analysis, params, with_run=with_run)
        if self.job is not None and self._latest(self.job).state == "queued":
            self._owner.bench.jobs.cancel(self.job.id)
        self.about = about
        self.job = self._owner.analyse(analysis, params, with_run=with_run)
        self.state = "asked" if self.answer is not None else "working"
        if self.state == "asked":
            self._owner.set_timer(GRACE, partial(self._wait_no_longer, self.job.id))
        self._changed()

    def ask_again(self) -> None:
        """Ask once more, as after a failure; nothing when nothing was asked."""
        if self._again is not None:
            self._again()

    def stop(self) -> None:
        """Stop the analysis that is at work."""
        if self.job is not None:
            self._owner.bench.jobs.cancel(self.job.id)

    def drop(self) -> None:
        """Forget question and answer; the worker goes on, and what it finds out stays in its cache."""
        self.state, self.about, self.job, self.answer, self._again = "idle", None, None, None, None

    def settle(self, about: About, answer: Answer) -> None:
        """Take over an answer that was known without asking."""
        self.state, self.about, self.job, self.answer = "answered", about, None, answer
        self._changed()

    def follow(self, job: Job) -> None:
        """Take over news of a job; those of another one, or of one that is no longer asked for, are stale."""
        if self.job is None or job.id != self.job.id or self.state in ("answered", "failed"):
            return
        self.job = job
        if not job.over:
            self._changed()
        elif job.state != "done":
            self._fail(job)
        elif self._in_thread:
            about = self.about
            assert about is not None
            self._owner.run_worker(
                partial(self._read_in_thread, job, about),
                group=f"question {id(self)}", exclusive=True, thread=True, exit_on_error=False,
            )  # fmt: skip
        else:
            assert self.about is not None
            self._settle_job(job, *self._outcome(job, self.about))

    def read_again(self) -> None:
        """Read the finished job once more, as when what its answer is read with has changed."""
        if self.job is not None and self.about is not None and self.state == "answered":
            self._settle_job(self.job, *self._outcome(self.job, self.about))
        else:
            self._changed()

    def _latest(self, job: Job) -> Job:
        return self._owner.bench.jobs.get(job.id) or job

    def _wait_no_longer(self, job_id: str) -> None:
        if self.state == "asked" and self.job is not None and self.job.id == job_id:
            self.state, self.answer = "working", None
            self._changed()

    def _outcome(self, job: Job, about: About) -> tuple[Answer | None, str]:
        """(answer, "") or (None, why it cannot be read)."""
        try:
            return self._read(job, about), ""
        except Exception as error:  # noqa: BLE001 - whatever it is, it is shown where the answer would be
            return None, str(error) or type(error).__name__

    def _read_in_thread(self, job: Job, about: About) -> None:
        self._owner.call_later(self._settle_job, job, *self._outcome(job, about))

    def _settle_job(self, job: Job, answer: Answer | None, error: str) -> None:
        if self.job is None or self.job.id != job.id:
            return
        if answer is None:
            self._fail(replace(job, state="failed", kind="raised", error=error or "the answer is empty"))
        else:
            self.state, self.answer = "answered", answer
            self._changed()

    def _fail(self, job: Job) -> None:
        self.state, self.job, self.answer = "failed", job, None
        self._changed()
