"""The interface on a tiny workspace, headless; and a stand-in for the worker process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from tests.tui.tui_support import wait_for
from workbench.features.ingest import open_store
from workbench.tui.app import WorkbenchApp
from workbench.workspace import Workspace

Bench = Callable[..., AbstractAsyncContextManager[tuple[WorkbenchApp, Pilot[Any]]]]


class FakeWorker:
    """Answers analyses with given blocks (or an exception) in this process; `asked` records what was asked."""

    def __init__(self, answers: Mapping[str, Any]) -> None:
        self.answers = dict(answers)
        self.asked: list[tuple[str, dict[str, Any], str | None, tuple[str, str] | None]] = []
        self.cancelled: list[str] = []

    async def run(
        self,
        job_id: str,
        workspace: Workspace,
        analysis_name: str,
        params: dict[str, Any],
        run_id: str | None = None,
        pair: tuple[str, str] | None = None,
        on_event: Callable[[Any], None] = lambda event: None,
    ) -> None:
        from workbench.worker import JobBlock, JobDone, JobFailed, JobProgress, JobStarted

        self.asked.append((analysis_name, params, run_id, pair))
        on_event(JobStarted(job_id))
        on_event(JobProgress(job_id, 0.1, "working"))
        await asyncio.sleep(0)
        answer = self.answers.get(analysis_name, RuntimeError(f"no answer for {analysis_name}"))
        if callable(answer):
            answer = answer(params)
        if isinstance(answer, BaseException):
            on_event(JobFailed(job_id, str(answer), "Traceback ...", "raised"))
            return
        blocks: Sequence[Any] = answer
        for block in blocks:
            on_event(JobBlock(job_id, block))
        on_event(JobDone(job_id, 0.01, False))

    def cancel(self, job_id: str) -> None:
        self.cancelled.append(job_id)

    async def close(self) -> None:
        pass


@pytest.fixture(autouse=True)
def _with_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests that are not about NO_COLOR do not depend on it."""
    monkeypatch.delenv("NO_COLOR", raising=False)


@pytest.fixture
def read_workspace(make_folder: Callable[..., Path]) -> Workspace:
    """A tiny workspace whose store was read already."""
    workspace = Workspace.open(make_folder())
    open_store(workspace)
    return workspace


@pytest.fixture
def bench(read_workspace: Workspace) -> Bench:
    """`async with bench(size=(80, 24)) as (app, pilot)`: the app with its store ready and runs listed."""

    @asynccontextmanager
    async def start(
        size: tuple[int, int] = (80, 24),
        *,
        workspace: Workspace | None = None,
        answers: Mapping[str, Any] | None = None,
        first: str = "data",
        ready: bool = True,
    ) -> AsyncIterator[tuple[WorkbenchApp, Pilot[Any]]]:
        app = WorkbenchApp(workspace or read_workspace, first=first)
        if answers is not None:
            worker = FakeWorker(answers)
            app.jobs.make_worker = lambda: worker  # type: ignore[assignment]
            app.fake_worker = worker  # type: ignore[attr-defined]
        async with app.run_test(size=size) as pilot:
            if ready:
                await wait_for(pilot, lambda: app.session.ready and app.session.runs is not None)
                await pilot.pause()
            yield app, pilot
            app.exit()  # as a user leaves: timers then stop before the widgets that they look at go

    return start
