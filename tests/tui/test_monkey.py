"""Random keys typed ahead, clicks and resizes never end the interface. `make monkey SEEDS=1-24` plays any number."""

from __future__ import annotations

import os
from typing import Any

import pytest

from tests.tui.monkey import let_loose, seeds_of
from tests.tui.tui_support import make_run
from workbench.tui.shell import background, messages
from workbench.workspace import Workspace

SEEDS = seeds_of(os.environ.get("MONKEY_SEEDS", "1-3"))
KEYS = int(os.environ.get("MONKEY_KEYS", "120"))


@pytest.fixture
def _no_training(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that is started is listed, and no process trains it."""
    count = iter(range(10_000))

    def start(workspace: Workspace, store: Any, head: str, settings: dict[str, Any], post: Any) -> None:
        from workbench import runs

        name = make_run(workspace, f"20260301-{next(count):06d}-{head}-cccc", state="queued", created=100.0).name
        post(messages.RunStarted(next(run for run in runs.list_runs(workspace) if run.id == name)))

    def change(run: Any, what: str, post: Any) -> None:
        from workbench import runs

        if what == "remove":
            runs.remove(run)
        else:
            post(messages.RunRefused(f"{run.id} cannot {what} here"))

    monkeypatch.setattr(background, "start_run", start)
    monkeypatch.setattr(background, "change_run", change)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.usefixtures("_no_training")
async def test_random_keys_do_not_end_the_interface(read_workspace: Workspace, seed: int) -> None:
    report = await let_loose(read_workspace, seed, KEYS)
    assert not report.errors, str(report)
