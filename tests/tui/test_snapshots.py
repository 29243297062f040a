"""Two pictures of the interface, so that a change of its looks is seen; all else is asserted on state."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from textual.pilot import Pilot

from tests.tui.tui_support import make_run, wait_for
from workbench.features.checks import Check
from workbench.tui.app import WorkbenchApp
from workbench.workspace import Workspace


@pytest.fixture(autouse=True)
def _any_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pictures are of a terminal with all colours, whatever the one that runs the tests has."""
    from workbench.tui.widgets.table.panel import FrameTable

    monkeypatch.setattr(FrameTable, "on_mount", lambda table: None)


def frozen(app: WorkbenchApp) -> WorkbenchApp:
    """The device of the machine at hand must not be in the picture."""
    app.on_device_found = lambda message: None  # type: ignore[method-assign]
    return app


def test_data(snap_compare: Callable[..., bool], read_workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    checks = [
        Check(
            "constant features",
            "warning",
            "constant features",
            "3 of 64 features are constant in train: f0, f8, f16",
            "they carry no information and cannot be standardised",
            "drop them with [features] drop",
        ),
        Check("duplicate paths", "ok", "paths", "no duplicate paths within a split"),
    ]
    monkeypatch.setattr("workbench.features.checks.quick_checks", lambda store: checks)

    async def ready(pilot: Pilot[Any]) -> None:
        app: Any = pilot.app
        await wait_for(pilot, lambda: app.session.checks is not None and app.session.runs is not None)
        await wait_for(pilot, lambda: app.current.query("#splits") and app.current.query_one("#splits").row)

    assert snap_compare(frozen(WorkbenchApp(read_workspace)), terminal_size=(100, 30), run_before=ready)


def test_train(snap_compare: Callable[..., bool], read_workspace: Workspace) -> None:
    make_run(read_workspace)
    make_run(read_workspace, "20260101-110000-nn1-bbbb", state="stopped", created=1.6e9)

    async def ready(pilot: Pilot[Any]) -> None:
        app: Any = pilot.app
        await wait_for(pilot, lambda: app.session.runs and app.current.charts.curves)
        await pilot.pause(0.3)

    app = frozen(WorkbenchApp(read_workspace, first="train"))
    assert snap_compare(app, terminal_size=(80, 30), run_before=ready)
