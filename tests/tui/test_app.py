"""The app: it paints before it reads, keeps one session, goes deeper and back, and leaves runs alone."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from textual.widgets import ContentSwitcher, Static

from tests.tui.tui_support import make_run, wait_for
from workbench import api
from workbench.errors import BadInput
from workbench.features.progress import IngestProgress
from workbench.tui.app import WorkbenchApp
from workbench.tui.shell import background, messages
from workbench.tui.shell.bars import FooterBar, title_line
from workbench.tui.shell.dialogs import ChooseDialog, HelpDialog
from workbench.tui.widgets.table.panel import TablePanel
from workbench.workspace import Workspace, user_dir

FIRST_PAINT = """
import asyncio, sys
from workbench.tui.app import WorkbenchApp
from workbench.workspace import Workspace

async def main():
    app = WorkbenchApp(Workspace.open(sys.argv[1]))
    async with app.run_test(size=(80, 24)) as pilot:
        while not app.session.ready or app.session.checks is None or app.session.runs is None:
            assert app.session.phase != "failed", app.session.error
            await pilot.pause(0.02)
        await pilot.pause()
        assert "split" in str(app.current.query_one("#splits").table.frame_backend.columns)

asyncio.run(main())
heavy = {"torch", "faiss", "sklearn", "scipy"} & set(sys.modules)
sys.exit(f"loaded: {heavy}" if heavy else 0)
"""


def test_the_first_screen_loads_nothing_heavy(read_workspace: Workspace) -> None:
    command = [sys.executable, "-c", FIRST_PAINT, str(read_workspace.root)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-2000:]


async def test_opens_and_lists(bench: Any, read_workspace: Workspace) -> None:
    make_run(read_workspace)
    async with bench() as (app, _):
        session = app.session
        assert session.pair == ("test1", "test2")
        assert session.run is not None
        assert session.run_id == "20260101-120000-linear-aaaa"
        assert not session.run_pinned
        line = title_line(session, 80).plain
        for part in ("set", "test1", "test2", "90.0 %", "80.0 %"):
            assert part in line


@pytest.mark.parametrize("width", [1, 10, 40, 60, 80, 200])
async def test_the_title_fits_any_width(bench: Any, read_workspace: Workspace, width: int) -> None:
    make_run(read_workspace)
    async with bench() as (app, _):
        assert title_line(app.session, width).cell_len <= width


async def test_reading_shows_progress_and_escape_stops_it(
    bench: Any, make_folder: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = Workspace.open(make_folder(name="fresh"))
    asked = threading.Event()

    def slow(workspace: Workspace, progress: Any, notice: Any, cancelled: Callable[[], bool]) -> None:
        notice("another process is reading")
        progress(IngestProgress("train", 100, 10, 100, 1.0))
        while not cancelled():
            asked.wait(0.01)
        raise BadInput("cancelled")

    monkeypatch.setattr("workbench.features.ingest.open_store", slow)
    async with bench(workspace=workspace, ready=False) as (app, pilot):
        await wait_for(pilot, lambda: app.session.phase == "reading")
        await wait_for(pilot, lambda: app.current.query_one(ContentSwitcher).current == "reading")
        assert "train" in str(app.current.query_one("#reading-text", Static).content)
        await pilot.press("escape")
        await wait_for(pilot, lambda: app.session.phase == "stopped")
        monkeypatch.undo()
        await pilot.press("r")
        await wait_for(pilot, lambda: app.session.ready)


async def test_files_that_cannot_be_used_are_told(bench: Any, make_folder: Callable[..., Path]) -> None:
    folder = make_folder(name="broken")
    (folder / "test2.csv").write_text("path,label,f0\na,0,cat\n")
    async with bench(workspace=Workspace.open(folder), ready=False) as (app, pilot):
        await wait_for(pilot, lambda: app.session.phase == "failed")
        assert "test2" in app.session.error


async def test_deeper_and_back_restores_screen_and_selection(bench: Any, read_workspace: Workspace) -> None:
    make_run(read_workspace)
    async with bench() as (app, pilot):
        app.select(true=1, predicted=2)
        app.go("train")
        await pilot.pause()
        app.go("jobs", app.session.selection.with_(row=7, split="test2"))
        await pilot.pause()
        assert (app.current.NAME, app.session.selection.row) == ("jobs", 7)
        await pilot.press("escape")
        await pilot.pause()
        assert (app.current.NAME, app.session.selection.row) == ("train", None)
        assert app.session.selection.true == 1
        await pilot.press("escape")
        await pilot.pause()
        assert app.current.NAME == "data"
        await pilot.press("escape")
        assert app.current.NAME == "data"


async def test_number_keys_build_screens_only_when_shown(bench: Any) -> None:
    async with bench() as (app, pilot):
        assert list(app._made) == ["data"]
        for key, name in (("2", "train"), ("7", "jobs"), ("1", "data")):
            await pilot.press(key)
            await pilot.pause()
            assert name == app.current.NAME
        assert set(app._made) == {"data", "train", "jobs"}


async def test_help_names_the_keys_of_the_screen(bench: Any) -> None:
    async with bench() as (app, pilot):
        await pilot.press("question_mark")
        await pilot.pause()
        assert isinstance(app.screen, HelpDialog)
        await pilot.press("escape")
        await pilot.pause()
        assert app.screen is app.current


async def test_palette_runs_actions(bench: Any) -> None:
    async with bench() as (app, pilot):
        await pilot.press("ctrl+p")
        await pilot.pause()
        await pilot.press(*"dark and light")
        await pilot.pause(0.3)
        await pilot.press("enter", "enter")
        await wait_for(pilot, lambda: app.session.dark is False)
        assert app.theme == "workbench-light"


async def test_run_is_chosen_and_stays_chosen(bench: Any, read_workspace: Workspace) -> None:
    make_run(read_workspace, "20260101-120000-linear-aaaa", created=1.0)
    make_run(read_workspace, "20260102-120000-linear-bbbb", created=2.0)
    async with bench() as (app, pilot):
        assert app.session.run_id.endswith("bbbb")
        await pilot.press("R")
        await pilot.pause()
        assert isinstance(app.screen, ChooseDialog)
        await pilot.press("down", "enter")
        await pilot.pause()
        assert app.session.run_id.endswith("aaaa")
        make_run(read_workspace, "20260103-120000-linear-cccc", created=3.0)
        app.look_at_runs()
        await wait_for(pilot, lambda: len(app.session.runs) == 3)
        assert app.session.run_id.endswith("aaaa")
        app.choose_run(None)
        assert app.session.run_id.endswith("cccc")


async def test_the_pair_turns_round(bench: Any) -> None:
    async with bench() as (app, pilot):
        await pilot.press("P")
        await pilot.pause()
        assert app.session.pair == ("test2", "test1")
        assert app.session.palette.split("test2") == app.session.palette.splits["test1"]


async def test_an_analysis_is_told_to_the_screen_that_asked(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async with bench(answers={"gap": [api.Metric("gap", 0.1)], "bad": ValueError("no")}) as (app, pilot):
        told: list[Any] = []
        monkeypatch.setattr(type(app.current), "job_changed", lambda self, job: told.append(job))
        job = app.current.analyse("gap", {"top": 3})
        bad = app.current.analyse("bad", {})
        await wait_for(pilot, lambda: app.jobs.get(bad.id).over and app.jobs.get(job.id).over)
        assert app.jobs.get(job.id).state == "done"
        assert app.jobs.get(job.id).blocks[0].value == 0.1
        assert (app.jobs.get(bad.id).state, app.jobs.get(bad.id).kind) == ("failed", "raised")
        assert app.fake_worker.asked[0] == ("gap", {"top": 3}, None, ("test1", "test2"))
        assert {one.id for one in told} == {job.id, bad.id}


async def test_keymap_of_the_user(bench: Any) -> None:
    user_dir().mkdir(parents=True, exist_ok=True)
    (user_dir() / "keymap.toml").write_text('[keys]\nhelp = "f2"\ngo-train = "f3"\n')
    async with bench() as (app, pilot):
        assert "f2 help" in app.current.query_one(FooterBar).render().plain
        await pilot.press("f3")
        await pilot.pause()
        assert app.current.NAME == "train"
        await pilot.press("2")
        await pilot.press("f2")
        await pilot.pause()
        assert isinstance(app.screen, HelpDialog)


def test_a_wrong_keymap_stops_the_start(read_workspace: Workspace) -> None:
    user_dir().mkdir(parents=True, exist_ok=True)
    (user_dir() / "keymap.toml").write_text('[keys]\nhalp = "f2"\n')
    with pytest.raises(BadInput, match="did you mean 'help'"):
        WorkbenchApp(read_workspace)


@pytest.mark.parametrize("size", [(80, 24), (40, 12), (36, 10), (200, 60)])
async def test_any_size(bench: Any, read_workspace: Workspace, size: tuple[int, int]) -> None:
    make_run(read_workspace)
    async with bench(size=size) as (app, pilot):
        for key in ("enter", "escape", "2", "n", "escape", "7", "question_mark", "escape", "1"):
            await pilot.press(key)
            await pilot.pause()
        await pilot.resize_terminal(100, 30)
        await pilot.pause()
        assert app.is_running


async def test_leaving_tells_of_runs_that_go_on(bench: Any, read_workspace: Workspace) -> None:
    async with bench() as (app, pilot):
        make_run(read_workspace, state="queued")
        app.look_at_runs()
        await wait_for(pilot, lambda: app.session.runs)
        await pilot.press("q")
        await pilot.pause()
        assert "1 run still training" in str(app._exit_renderables[0])


async def test_a_table_is_saved_as_it_is_shown(bench: Any, read_workspace: Workspace) -> None:
    import polars as pl

    def saved() -> list[Path]:
        return sorted(read_workspace.state.glob("tables/*.csv"))

    async with bench() as (app, pilot):
        await pilot.press("f")
        panel = app.current.query_one("#features-table", TablePanel)
        await wait_for(pilot, lambda: panel.visible_now and panel.rows_shown.height)
        await pilot.press("/", *"f1")
        await wait_for(pilot, lambda: panel.rows_shown.height == 1)
        await pilot.press("enter", "E")
        await wait_for(pilot, saved)
        (file,) = saved()
        assert file.name.startswith("data-features-table-")
        assert pl.read_csv(file)["feature"].to_list() == ["f1"]
    assert not list(read_workspace.state.glob("tables/*.partial"))


def test_a_table_that_cannot_be_saved_leaves_nothing(read_workspace: Workspace) -> None:
    import polars as pl

    (read_workspace.state / "tables").write_text("a file in its place")
    with pytest.raises(BadInput, match="is not a folder"):
        background.save_table(pl.DataFrame({"a": [1]}), read_workspace, "data")


async def test_a_refused_run_is_told(bench: Any) -> None:
    async with bench() as (app, pilot):
        app.post_message(messages.RunRefused("[b]no[/b] \x1b[2J"))
        await pilot.pause()
        notice = next(iter(app._notifications))
        assert notice.message == "[b]no[/b] \\x1b[2J"
        assert notice.markup is False


def test_no_graphics_card_is_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", None)
    assert background.find_device() == "cpu"
