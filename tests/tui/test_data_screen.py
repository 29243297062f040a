"""The Data screen: all checks, features and their histograms, and what is told of the files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from textual.widgets import Static

from tests.tui.tui_support import wait_for
from workbench import api, plugins
from workbench import blocks as codec
from workbench.features.checks import Check, Kind, Severity
from workbench.features.ingest import open_store
from workbench.present.terminal import clean
from workbench.tui.screens.data import checks, content
from workbench.tui.screens.data.features import FeaturesView
from workbench.tui.shell.session import Session
from workbench.tui.widgets.chart import ChartView
from workbench.tui.widgets.states import EmptyState
from workbench.tui.widgets.table.panel import TablePanel
from workbench.worker import results
from workbench.worker.work import answer_name, kept_answer
from workbench.workspace import Workspace

FOUND: list[tuple[Kind, Severity, str, str, str, str]] = [
    (
        "leakage",
        "error",
        "test1 samples in train",
        "3 equal",
        "a head has seen these samples",
        "see duplicates",
    ),
    ("labels", "ok", "labels of test1", "99 %", "", ""),
]


def answer(rows: Sequence[tuple[str, ...]] = FOUND) -> list[api.Block]:
    schema = dict.fromkeys(("kind", "severity", "title", "saw", "why", "todo"), pl.String)
    return [api.Table(pl.DataFrame(rows, schema=schema, orient="row"), "checks")]


def told(app: Any, name: str) -> str:
    """What a Static shows, as plain text."""
    content = app.current.query_one(name, Static).content
    with app.console.capture() as capture:
        app.console.print(content)
    return clean(capture.get(), lines=True)


async def test_slow_checks_are_run_by_key_and_lead_to_the_duplicates(bench: Any) -> None:
    async with bench(size=(120, 40), answers={"checks": answer(), "duplicates": [api.Text("none")]}) as (app, pilot):
        screen = app.current
        await wait_for(pilot, lambda: screen._filled and app.session.checks is not None)
        assert "c for all" in str(screen.query_one("#checks-box").border_title)
        await pilot.press("c")
        await pilot.pause()
        assert screen.part == "all-checks"
        assert "not checked yet" in told(app, "#checks-state")
        await pilot.press("enter")
        await wait_for(pilot, lambda: screen.checks and screen.checks[0].severity == "error")
        assert app.fake_worker.asked[0][:2] == ("checks", {})
        assert "list the duplicate samples" in told(app, "#checks-state")
        assert "a head has seen these samples" in told(app, "#checks-all")
        assert str(screen.query_one("#checks-box").border_title) == "Checks: 1 finding"
        await pilot.press("enter")  # known by now: not asked again
        assert len(app.fake_worker.asked) == 1
        await pilot.press("d")
        await wait_for(pilot, lambda: app.current.NAME == "plugins" and len(app.fake_worker.asked) == 2)
        assert app.fake_worker.asked[1][0] == "duplicates"


async def test_another_pair_has_its_own_findings(bench: Any) -> None:
    async with bench(answers={"checks": answer()}) as (app, pilot):
        screen = app.current
        await wait_for(pilot, lambda: screen._filled)
        await pilot.press("f5")
        await wait_for(pilot, lambda: screen._all_checks.answer is not None)
        await pilot.press("P")
        await pilot.pause()
        assert screen._all_checks.answer is None
        assert screen.checks == app.session.checks


async def test_slow_checks_that_fail_say_so(bench: Any) -> None:
    async with bench(answers={"checks": ValueError("[b]no[/b]")}) as (app, pilot):
        await wait_for(pilot, lambda: app.current._filled)
        await pilot.press("f5")
        await wait_for(pilot, lambda: "failed: [b]no[/b]" in told(app, "#checks-state"))


def test_findings_kept_from_before_are_shown_without_asking(read_workspace: Workspace) -> None:
    store = open_store(read_workspace)
    session = Session(read_workspace, "ready", store=store, pair=("test1", "test2"))
    assert checks.cached_checks(session) is None
    info = plugins.find(read_workspace, "checks")
    defaults = {setting.name: setting.default for setting in info.settings or ()}
    name = answer_name(info, store, defaults, session.pair, None)
    cached = results.Answer([codec.encode(block) for block in answer()])
    results.save(read_workspace.cache_dir / "answers", name, cached)
    assert checks.cached_checks(session) == tuple(Check(*row) for row in FOUND)
    assert kept_answer(read_workspace, store, "checks", ("test2", "test1"), None) is None


async def test_features_are_listed_drawn_and_followed(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async with bench(size=(120, 40)) as (app, pilot):
        await wait_for(pilot, lambda: app.current._filled)
        await pilot.press("f")
        view = app.current.query_one(FeaturesView)
        await wait_for(pilot, lambda: view.row is not None)
        await pilot.press("down")
        await wait_for(pilot, lambda: any(index == 1 for *_, index in view._reader._cache))
        assert app.session.selection.feature == 1
        app.go("divergence", app.session.selection.with_(feature=2))
        await pilot.press("1")
        await wait_for(pilot, lambda: view.row is not None and view.row["index"] == 2)
        await pilot.press("up")
        await wait_for(pilot, lambda: app.session.selection.feature == 1)
        lines = view.query_one(ChartView)._lines
        assert [line.colour for line in lines] == [app.session.palette.split(name) for name in view.splits]
        await pilot.press("P")
        await wait_for(pilot, lambda: view.splits == ("train", "test2", "test1"))
        went: list[Any] = []
        monkeypatch.setattr(app, "go", lambda name, selection: went.append((name, selection.feature)))
        await pilot.press("enter")
        await pilot.pause()
        assert went == [("divergence", 1)]
        await pilot.press("escape")
        assert app.current.part == "overview"


async def test_files_that_are_gone_are_told(bench: Any, read_workspace: Workspace) -> None:
    config = '[features]\ntrain = "train.csv"\n[features.tests]\ntest1 = "test1.csv"\ntest2 = "test2.csv"\n'
    (read_workspace.root / "workbench.toml").write_text(config)
    workspace = Workspace.open(read_workspace.root)
    open_store(workspace)
    for file in workspace.root.glob("t*.csv"):
        file.unlink()
    async with bench(workspace=workspace) as (app, pilot):
        await wait_for(pilot, lambda: app.current._filled)
        assert app.session.sources_missing
        assert "feature files not found" in told(app, "#overview > #facts")
        await pilot.press("c")
        assert "feature files not found" in told(app, "#checks-all")


async def test_reading_unchanged_files_again_says_so(bench: Any) -> None:
    async with bench() as (app, pilot):
        await wait_for(pilot, lambda: app.current._filled)
        await pilot.press("r")
        await wait_for(pilot, lambda: app.session.ready and app._notifications)
        assert "not changed" in next(iter(app._notifications)).message


async def test_waiting_for_another_process_is_told(
    bench: Any, make_folder: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = Workspace.open(make_folder(name="fresh"))
    lock = pytest.importorskip("filelock").FileLock(workspace.state / "features" / ".lock")
    (workspace.state / "features").mkdir(parents=True)
    lock.acquire()
    async with bench(workspace=workspace, ready=False) as (app, pilot):
        await wait_for(pilot, lambda: "another process" in app.session.waiting)
        assert "another process" in content.phase_words(app.session)[0]
        await wait_for(pilot, lambda: app.current.query_one(EmptyState).display)
        await pilot.press("escape")
        await wait_for(pilot, lambda: app.session.phase == "stopped")
        await pilot.press("r")
        await wait_for(pilot, lambda: "another process" in app.session.waiting)
        lock.release()
        await wait_for(pilot, lambda: app.session.ready)


@pytest.mark.parametrize("size", [(80, 24), (40, 12), (36, 10)])
async def test_every_part_at_any_size(bench: Any, size: tuple[int, int]) -> None:
    async with bench(size=size) as (app, pilot):
        await wait_for(pilot, lambda: app.current._filled)
        for key in ("c", "escape", "f", "l", "end", "escape", "enter", "end", "f", "c", "1", "escape"):
            await pilot.press(key)
        panel = app.current.query_one("#features-table", TablePanel)
        await wait_for(pilot, lambda: panel.rows_shown.height)
        await pilot.resize_terminal(130, 40)
        assert app.is_running
