"""The parent's side of the worker."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import uuid
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from workbench.worker.events import (
    Event,
    FailureKind,
    JobBlock,
    JobDone,
    JobFailed,
    JobLog,
    JobProgress,
    JobStarted,
)
from workbench.worker.process import Process

if TYPE_CHECKING:
    from workbench.api import Block
    from workbench.workspace import Workspace

PATIENCE = 1.0  # seconds between requesting a job to stop and killing its process
LOG_LINES = 5000


@dataclass(eq=False)
class _Job:
    id: str
    request: dict[str, Any]
    on_event: Callable[[Event], object]
    turn: asyncio.Future[bool]
    cancelled: bool = False
    lines: int = 0
    timer: asyncio.TimerHandle | None = field(default=None)


class Worker:
    """Runs analyses in a child process, one after the other, and starts another process when one has died.

    `memory_limit`: bytes of data memory that the child may have; None for most of the free memory. Belongs to
    one event loop; every method is called from there.
    """

    def __init__(self, memory_limit: int | None = None) -> None:
        self._limit = memory_limit
        self._process: Process | None = None
        self._queue: deque[_Job] = deque()  # the first one runs

    @property
    def running(self) -> str | None:
        """The id of the job that runs."""
        return self._queue[0].id if self._queue else None

    async def warm(self) -> None:
        """Start the process ahead of the first job."""
        await self._ready()

    async def run(
        self,
        job_id: str,
        workspace: Workspace,
        analysis: str,
        params: Mapping[str, object] | None = None,
        run_id: str | None = None,
        pair: tuple[str, str] | None = None,
        on_event: Callable[[Event], object] = lambda event: None,
    ) -> JobDone | JobFailed:
        """Run an analysis when its turn comes. Whatever it does ends in JobDone or JobFailed, never in an exception.

        `params` are checked in the child; `pair` names the two test sets, None for the first two of the workspace.
        `on_event` gets every event, the last one too.
        """
        request = {
            "folder": str(workspace.root),
            "state": str(workspace.state),
            "analysis": analysis,
            "params": dict(params or {}),
            "run": run_id,
            "pair": list(pair) if pair else None,
        }
        return await self._submit(job_id, request, on_event)

    async def check(self, job_id: str, path: str, on_event: Callable[[Event], object]) -> JobDone | JobFailed:
        """Check the plugin in a file against the contract, on a small synthetic data set."""
        return await self._submit(job_id, {"check": path, "analysis": "", "params": {}}, on_event)

    def cancel(self, job_id: str) -> None:
        """Stop a job: a waiting job leaves the queue; a running one is asked to stop, and killed a second later."""
        for job in self._queue:
            if job.id == job_id and not job.cancelled:
                job.cancelled = True
                if not job.turn.done():
                    job.turn.set_result(False)
                elif self._process is not None:
                    self._process.send({"cancel": job.request["job"]})
                    job.timer = asyncio.get_running_loop().call_later(PATIENCE, self._process.kill)

    async def close(self) -> None:
        """End the process; jobs that run or wait fail as cancelled."""
        for job in self._queue:
            job.cancelled = True
            if not job.turn.done():
                job.turn.set_result(False)
        if self._process is not None:
            await self._end(self._process)

    async def _submit(
        self, job_id: str, request: dict[str, Any], on_event: Callable[[Event], object]
    ) -> JobDone | JobFailed:
        job = _Job(job_id, request, on_event, asyncio.get_running_loop().create_future())
        job.request["job"] = uuid.uuid4().hex  # ids of callers may repeat; this one marks the end of its log
        self._queue.append(job)
        if len(self._queue) == 1:
            job.turn.set_result(True)
        try:
            last = await self._work(job) if await job.turn else _cancelled(job)
        except asyncio.CancelledError:
            if self._queue[0] is job and self._process is not None:
                self._process.kill()
            raise
        finally:
            if job.timer is not None:
                job.timer.cancel()
            self._queue.remove(job)
            if self._queue and not self._queue[0].turn.done():
                self._queue[0].turn.set_result(True)
        on_event(last)
        return last

    async def _ready(self) -> Process:
        if self._process is not None and not self._process.alive:
            await self._end(self._process)
        if self._process is None:
            self._process = await Process.start(self._limit)
        return self._process

    async def _work(self, job: _Job) -> JobDone | JobFailed:
        try:
            process = await self._ready()
        except OSError as error:
            return JobFailed(job.id, f"the worker process could not be started: {error}", "", "exited")
        job.on_event(JobStarted(job.id))
        if job.cancelled:
            return _cancelled(job)
        process.begin(job.request["job"], lambda line: self._log(job, line))
        process.send(job.request)
        try:
            return await self._listen(job, process)
        except ValueError as error:
            await self._end(process)
            return JobFailed(job.id, f"the worker process sent {error}", process.last_words, "exited")

    async def _end(self, process: Process) -> int:
        process.kill()
        self._process = None
        return await process.ended()

    async def _listen(self, job: _Job, process: Process) -> JobDone | JobFailed:
        while True:
            received = await process.receive()
            if received is None:
                self._process = None
                ending = await process.ended()
                if job.cancelled:
                    return _cancelled(job, "cancelled; it did not stop on request, so its process was killed")
                return JobFailed(job.id, describe_exit(ending), process.last_words, "exited")
            message, buffers = received
            last = _event(job.id, message, buffers)
            if isinstance(last, JobDone | JobFailed):
                await process.end_of_log()
                if message.get("restart"):
                    await self._end(process)
                return last
            job.on_event(last)

    def _log(self, job: _Job, line: str) -> None:
        job.lines += 1
        if job.lines < LOG_LINES:
            job.on_event(JobLog(job.id, line))
        elif job.lines == LOG_LINES:
            job.on_event(JobLog(job.id, f"(output after these {LOG_LINES} lines is omitted)"))


def _cancelled(job: _Job, message: str = "cancelled") -> JobFailed:
    return JobFailed(job.id, message, "", "cancelled")


def _event(job: str, message: dict[str, Any], buffers: list[bytes]) -> Event:
    """The event in a message; raises ValueError for a message that holds none."""
    try:
        match message["kind"]:
            case "progress":
                return JobProgress(job, float(message["fraction"]), str(message["text"]))
            case "block":
                from workbench.blocks import decode  # loads numpy: 0.1 s, of no use before an answer comes

                return JobBlock(job, decode(message, buffers))
            case "done":
                return JobDone(job, float(message["seconds"]), bool(message["cached"]), dict(message["params"]))
            case "failed":
                words = str(message["message"]), str(message["traceback"])
                return JobFailed(job, *words, cast(FailureKind, message["failure"]))
    except (KeyError, TypeError) as error:
        raise ValueError(f"a message that cannot be read ({error})") from None
    raise ValueError("a message that cannot be read")


def describe_exit(code: int) -> str:
    """How a process ended, in words, from its return code."""
    if code >= 0:
        return f"its process ended with exit code {code}"
    with contextlib.suppress(ValueError):
        name = signal.Signals(-code).name
        hint = {
            "SIGKILL": "; usually the system is out of memory",
            "SIGABRT": "; usually a fatal error in a library, or out of memory",
            "SIGSEGV": "; compiled code accessed invalid memory",
        }.get(name, "")
        return f"its process was killed by signal {-code} ({name}{hint})"
    return f"its process was killed by signal {-code}"


def run_sync(
    workspace: Workspace,
    analysis: str,
    params: Mapping[str, object] | None = None,
    run_id: str | None = None,
    pair: tuple[str, str] | None = None,
    on_event: Callable[[Event], object] = lambda event: None,
) -> tuple[list[Block], JobDone | JobFailed]:
    """Run one analysis in a separate process and wait; returns its blocks (even on failure) and the final event."""
    return _in_own_loop(
        lambda worker, tell: worker.run("job", workspace, analysis, params, run_id, pair, tell), on_event
    )


def check_sync(
    path: str, on_event: Callable[[Event], object] = lambda event: None
) -> tuple[list[Block], JobDone | JobFailed]:
    """Run `Worker.check` in a separate process and wait."""
    return _in_own_loop(lambda worker, tell: worker.check("check", path, tell), on_event)


def _in_own_loop(
    start: Callable[[Worker, Callable[[Event], object]], Any], on_event: Callable[[Event], object]
) -> tuple[list[Block], JobDone | JobFailed]:
    blocks: list[Block] = []

    def tell(event: Event) -> None:
        if isinstance(event, JobBlock):
            blocks.append(event.block)
        on_event(event)

    async def work() -> JobDone | JobFailed:
        worker = Worker()
        try:
            return cast("JobDone | JobFailed", await start(worker, tell))
        finally:
            await worker.close()

    return blocks, asyncio.run(work())
