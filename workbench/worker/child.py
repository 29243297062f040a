"""The child's side of the worker: one job after the other, warm between them.

The protocol uses a separate pipe. The output of the analysis, and what libraries write to standard error, goes to
the job's log instead and cannot disturb it.
"""

from __future__ import annotations

import contextlib
import faulthandler
import importlib
import os
import queue
import resource
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

from workbench import supervisor
from workbench.errors import BadInput, Cancelled, Failed
from workbench.worker import wire
from workbench.worker.job import Job


def main() -> None:
    """Serve jobs until the parent goes away."""
    os.setsid()  # what a plugin sends to its group of processes does not reach the supervisor
    supervisor.die_with_parent()
    commands, answers = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)  # a plugin that asks for input gets its end at once
    os.dup2(2, 1)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True, errors="replace")  # type: ignore[union-attr]
    faulthandler.enable()
    _limit_memory(int(sys.argv[1]) if len(sys.argv) > 1 else 0)
    Child(os.fdopen(commands, "rb"), answers).serve()


def _limit_memory(limit: int) -> None:
    """Let a greedy plugin meet MemoryError here, rather than the machine's out-of-memory killer anywhere."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if limit > 0:
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    with contextlib.suppress(OSError):  # only Linux has it; where it cannot be set the limit still stands
        Path("/proc/self/oom_score_adj").write_text("500")


class Child:
    """Reads commands in a thread, so that a cancel arrives while a job runs, and works in the main thread."""

    def __init__(self, commands: Any, answers: int) -> None:
        self._commands = commands
        self._answers = answers
        self._jobs: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self._cancelled: set[str] = set()
        self._lock = threading.Lock()

    def serve(self) -> None:
        threading.Thread(target=self._listen, daemon=True).start()
        while True:
            self._do(self._jobs.get())

    def _listen(self) -> None:
        while True:
            message = wire.read(self._commands.read)
            if message is None:
                os._exit(0)  # the parent has ended, so nobody waits for an answer
            if "cancel" in message[0]:
                self._cancelled.add(message[0]["cancel"])
            else:
                self._jobs.put(message[0])

    def send(self, message: dict[str, Any], buffers: list[bytes] | None = None) -> None:
        """Write a message to the parent."""
        data = memoryview(wire.pack(message, buffers or []))
        with self._lock:  # a plugin may report its progress from threads
            while data:
                data = data[os.write(self._answers, data) :]

    def _do(self, request: dict[str, Any]) -> None:
        job = Job(request, self.send, lambda: request["job"] in self._cancelled)
        try:
            last = _work(job)
        except BaseException as error:  # noqa: BLE001 - whatever an analysis raises is its own failure
            last = _failure(error, job.is_cancelled())
        if last["kind"] == "failed" and job.is_cancelled() and _has_started_processes():
            last["restart"] = True  # they end with this one
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(ValueError, OSError):  # the plugin may have closed them
                stream.flush()
        with contextlib.suppress(OSError):
            os.write(2, f"\0{request['job']}\n".encode())  # where this job's log ends
        self.send(last)


def _work(job: Job) -> dict[str, Any]:
    """Do a job; its last message."""
    from workbench.worker import work

    started = time.perf_counter()
    if job.is_cancelled():
        raise Cancelled
    cached, params = (work.check if job.request.get("check") else work.analyse)(job)
    if job.is_cancelled():
        raise Cancelled
    return {"kind": "done", "seconds": time.perf_counter() - started, "cached": cached, "params": params}


def _failure(error: BaseException, cancelled: bool) -> dict[str, Any]:
    if cancelled:
        return {"kind": "failed", "failure": "cancelled", "message": "cancelled", "traceback": ""}
    if isinstance(error, BadInput):
        return {"kind": "failed", "failure": "bad input", "message": str(error), "traceback": ""}
    trace = "".join(traceback.format_exception(type(error), error, _own_part(error)))
    name = "" if isinstance(error, Failed) else type(error).__name__
    message = ": ".join(part for part in (name, str(error).strip()) if part)
    failed: dict[str, Any] = {"kind": "failed", "failure": "raised", "message": message, "traceback": trace}
    if isinstance(error, MemoryError):
        limit = resource.getrlimit(resource.RLIMIT_DATA)[0]
        failed["message"] = f"it ran out of memory (the worker may use {limit / 2**30:.1f} GiB)"
        failed["restart"] = True  # what it held may still be held
    return failed


def _has_started_processes() -> bool:
    """Whether processes that a job started go on, among them those that the supervisor has adopted."""
    parent = os.getppid()
    return any(process.pid != os.getpid() for process in supervisor.family(parent, os.environ.get(supervisor.MARK, "")))


def _own_part(error: BaseException) -> TracebackType | None:
    """The traceback without the machinery that called the analysis, and without that of imports in between."""
    package = Path(__file__).parents[1]
    importing = (str(package / "plugins"), str(Path(importlib.__file__).parent), "<frozen importlib")
    callers = (str(package / "worker"), *importing)
    steps = list(_steps(error.__traceback__))
    while steps and steps[0].tb_frame.f_code.co_filename.startswith(callers):
        steps.pop(0)
    own: TracebackType | None = None
    for step in reversed(steps):
        if not step.tb_frame.f_code.co_filename.startswith(importing):
            own = TracebackType(own, step.tb_frame, step.tb_lasti, step.tb_lineno)
    return own or error.__traceback__


def _steps(step: TracebackType | None) -> Iterator[TracebackType]:
    while step is not None:
        yield step
        step = step.tb_next
