"""Analysis jobs: submitted by screens, run one at a time in the warm child process, told as immutable snapshots."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from textual.message import Message

if TYPE_CHECKING:
    from textual.app import App

    from workbench.api import Block
    from workbench.worker import Worker
    from workbench.workspace import Workspace

JobState = Literal["queued", "running", "done", "failed", "cancelled"]
PROGRESS_INTERVAL = 0.1  # seconds between two progress messages of a job
KEPT = 200


@dataclass(frozen=True)
class Job:
    """One analysis asked for: what, how far, and what came out.

    `kind` says how it failed: "bad input" (a message for the user), "raised" (with `traceback`), "exited" (its process
    died), "cancelled". `seconds` is the run time so far or in all.
    """

    id: str
    analysis: str
    params: Mapping[str, Any]
    run_id: str | None
    owner: str  # the screen that asked
    state: JobState = "queued"
    fraction: float = 0.0
    text: str = ""
    created: float = 0.0
    started: float | None = None
    seconds: float = 0.0
    cached: bool = False
    blocks: tuple[Block, ...] = ()
    log: tuple[str, ...] = ()
    error: str = ""
    traceback: str = ""
    kind: str = ""

    @property
    def over(self) -> bool:
        return self.state in ("done", "failed", "cancelled")

    @property
    def running_for(self) -> float:
        """Seconds since it started; 0 while it waits."""
        return 0.0 if self.started is None else time.monotonic() - self.started

    @property
    def remaining(self) -> float | None:
        """Seconds still to go, judged by the progress so far; None while nothing can be said."""
        if self.state != "running" or self.started is None or self.fraction < 0.02:
            return None
        spent = time.monotonic() - self.started
        return spent * (1 - self.fraction) / self.fraction


@dataclass
class JobChanged(Message):
    """An analysis job has moved on: queued, running, done, failed or cancelled."""

    job: Job


@dataclass
class Jobs:
    """Holds the jobs asked for since the start and hands them to the worker process, started with the first of them."""

    app: App[Any]
    workspace: Workspace
    make_worker: Callable[[], Worker] | None = None
    _worker: Worker | None = None
    _jobs: dict[str, Job] = field(default_factory=dict)
    _count: int = 0
    _reports: dict[str, float] = field(default_factory=dict)  # when the progress of each was last told

    @property
    def all(self) -> tuple[Job, ...]:
        """Newest first."""
        return tuple(reversed(self._jobs.values()))

    def get(self, job_id: str | None) -> Job | None:
        return self._jobs.get(job_id or "")

    def submit(
        self,
        analysis: str,
        params: Mapping[str, Any],
        *,
        run_id: str | None,
        pair: tuple[str, ...],
        owner: str,
    ) -> Job:
        """Queue an analysis; a `JobChanged` message follows for each thing that happens to it."""
        self._count += 1
        job = Job(f"j{self._count}", analysis, dict(params), run_id, owner, created=time.time())
        self._jobs[job.id] = job
        for old in [job_.id for job_ in self._jobs.values() if job_.over][: max(0, len(self._jobs) - KEPT)]:
            del self._jobs[old]
        self._tell(job)
        self.app.run_worker(self._run(job, pair), group="analyses", name=job.id, exit_on_error=False)
        return job

    def _ready(self) -> Worker:
        from workbench.worker import Worker

        if self._worker is None:
            self._worker = self.make_worker() if self.make_worker else Worker()
        return self._worker

    async def warm(self) -> None:
        """Start the worker process ahead of the first job, so that its imports are done by then."""
        await self._ready().warm()

    async def _run(self, job: Job, pair: tuple[str, ...]) -> None:
        try:
            await self._ready().run(
                job.id,
                self.workspace,
                job.analysis,
                dict(job.params),
                run_id=job.run_id,
                pair=(pair[0], pair[1]) if len(pair) > 1 else None,
                on_event=lambda event: self._on_event(job.id, event),
            )
        except Exception as error:  # noqa: BLE001 - whatever went wrong is shown where the answer would be
            self._change(job.id, state="failed", kind="raised", error=f"{type(error).__name__}: {error}")

    def cancel(self, job_id: str) -> None:
        """Ask a job to stop; its process is killed when it does not."""
        job = self.get(job_id)
        if job is None or job.over:
            return
        if self._worker is not None:
            self._worker.cancel(job_id)
        else:
            self._change(job_id, state="cancelled")

    def _on_event(self, job_id: str, event: Any) -> None:
        from workbench import worker

        job = self._jobs.get(job_id)
        if job is None or job.over:
            return
        if isinstance(event, worker.JobStarted):
            self._change(job_id, state="running", started=time.monotonic())
        elif isinstance(event, worker.JobProgress):
            now = time.monotonic()
            started = job.started if job.started is not None else now
            late = now - self._reports.get(job_id, 0.0) >= PROGRESS_INTERVAL
            self._change(job_id, tell=late, state="running", started=started, fraction=event.fraction, text=event.text)
            if late:
                self._reports[job_id] = now
        elif isinstance(event, worker.JobLog):
            self._change(job_id, log=(*job.log, event.text))
        elif isinstance(event, worker.JobBlock):
            started = job.started if job.started is not None else time.monotonic()
            self._change(job_id, state="running", started=started, blocks=(*job.blocks, event.block))
        elif isinstance(event, worker.JobDone):
            self._change(job_id, state="done", fraction=1.0, seconds=event.seconds, cached=event.cached)
        elif isinstance(event, worker.JobFailed):
            state = "cancelled" if event.kind == "cancelled" else "failed"
            self._change(job_id, state=state, error=event.message, traceback=event.traceback or "", kind=event.kind)

    def _change(self, job_id: str, *, tell: bool = True, **changes: Any) -> None:
        job = self._jobs.get(job_id)
        if job is None:
            return
        if job.started is not None and "seconds" not in changes:
            changes["seconds"] = time.monotonic() - job.started
        self._jobs[job_id] = replace(job, **changes)
        if tell:
            self._tell(self._jobs[job_id])

    def _tell(self, job: Job) -> None:
        self.app.post_message(JobChanged(job))

    async def close(self) -> None:
        """End the worker process."""
        if self._worker is not None:
            await self._worker.close()
