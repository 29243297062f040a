"""The Data, Train and Jobs screens."""

from __future__ import annotations

import json
from typing import Any

import pytest
from textual.widgets import ContentSwitcher, Static

from tests.tui.tui_support import make_run, wait_for
from workbench import api
from workbench.tui.screens.data.content import classes_frame, splits_frame
from workbench.tui.shared.sample import SampleView
from workbench.tui.shared.samples import samples_frame
from workbench.tui.widgets.table.panel import TablePanel
from workbench.workspace import Workspace


def panel(app: Any, name: str) -> TablePanel:
    table: TablePanel = app.current.query_one(f"#{name}", TablePanel)
    return table


async def test_data_shows_splits_classes_and_checks(bench: Any) -> None:
    async with bench(size=(120, 40)) as (app, pilot):
        await wait_for(pilot, lambda: app.session.checks is not None and app.current.query("#splits"))
        await wait_for(pilot, lambda: panel(app, "splits").rows_shown.height == 3)
        frame = splits_frame(app.session.store, app.session)
        assert frame["rows"].to_list() == [300, 150, 100]
        assert frame["role"].to_list() == ["train and val", "test set 1", "test set 2"]
        assert classes_frame(app.session.store)["in test1"].to_list() == [50, 50, 50]


async def test_browsing_samples_and_going_to_neighbours(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async with bench(size=(120, 40)) as (app, pilot):
        await wait_for(pilot, lambda: app.current.query("#splits") and panel(app, "splits").row is not None)
        await pilot.press("down", "enter")
        await wait_for(pilot, lambda: panel(app, "samples").rows_shown.height == 150)
        assert app.session.selection.split == "test1"
        await pilot.press("down", "down")
        view = app.current.query_one(SampleView)
        await wait_for(pilot, lambda: "row 2" in str(view.query_one("#facts", Static).content))
        await pilot.press("slash", *"class=1", "enter")
        await pilot.pause()
        assert panel(app, "samples").rows_shown.height == 50
        went: list[Any] = []
        monkeypatch.setattr(app, "go", lambda name, selection: went.append((name, selection.split, selection.row)))
        await pilot.press("enter")
        await pilot.pause()
        assert went == [("neighbours", "test1", 1)]
        await pilot.press("escape")
        assert panel(app, "samples").rows_shown.height == 150
        await pilot.press("escape")
        assert app.current.query_one(ContentSwitcher).current == "overview"


async def test_a_class_opens_its_samples(bench: Any) -> None:
    async with bench(size=(120, 40)) as (app, pilot):
        await wait_for(pilot, lambda: app.current.query("#classes") and panel(app, "classes").row is not None)
        app.select(split="test2")
        panel(app, "classes").table.focus()
        await pilot.press("down", "enter")
        await wait_for(pilot, lambda: panel(app, "samples").rows_shown.height in (33, 34))
        assert set(panel(app, "samples").rows_shown["class"]) == {"1"}


async def test_samples_carry_what_the_run_predicted(bench: Any, read_workspace: Workspace) -> None:
    import polars as pl

    folder = make_run(read_workspace)
    async with bench() as (app, pilot):
        store = app.session.store
        config = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps(config | {"fingerprint": store.fingerprint}))
        app.look_at_runs()
        await wait_for(pilot, lambda: app.session.run.config.fingerprint == store.fingerprint)
        split = store.split("test1")
        (folder / "predictions").mkdir()
        pl.DataFrame(
            {
                "label": split.labels,
                "predicted": [0] * split.rows,
                "confidence": pl.Series([0.5] * split.rows, dtype=pl.Float32),
                "correct": split.labels == 0,
            }
        ).write_parquet(folder / "predictions" / "test1.parquet")
        frame = samples_frame(app.session, "test1")
        assert frame.columns[:5] == ["row", "class", "predicted", "correct", "confidence"]
        assert frame["correct"].sum() == 50
        assert "predicted" not in samples_frame(app.session, "test2").columns


async def test_jobs_lists_runs_and_analyses(bench: Any, read_workspace: Workspace) -> None:
    make_run(read_workspace)
    async with bench(first="jobs", answers={"gap": [api.Metric("gap", 0.1)], "bad": ValueError("[x]")}) as (app, pilot):
        await wait_for(pilot, lambda: panel(app, "jobs").rows_shown.height == 1)
        assert "last [b]line[/b]" in str(app.current.query_one("#run-log-text", Static).content)
        app.submit("bad", {}, owner="data")
        app.submit("gap", {}, owner="data")
        await wait_for(
            pilot, lambda: panel(app, "jobs").rows_shown["state"].to_list() == ["done", "failed", "finished"]
        )
        panel(app, "jobs").move_to(1)
        await pilot.pause()
        await wait_for(pilot, lambda: "[x]" in str(app.current.query_one("#failure-text", Static).content))
        await pilot.press("l")
        await pilot.pause()
        assert app.screen is not app.current
