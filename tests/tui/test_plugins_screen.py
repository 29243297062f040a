"""The Plugins screen: files that come and go, forms, answers and failures, trust."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from textual.widgets import Static

from tests.tui.tui_support import wait_for
from workbench import api, plugins
from workbench.tui.screens.plugins import content
from workbench.tui.screens.plugins.analysis import AnalysisView
from workbench.tui.screens.plugins.screen import PluginsScreen
from workbench.tui.screens.plugins.trust import TrustDialog
from workbench.tui.shared.job_view import JobView
from workbench.tui.shell.dialogs import TextDialog
from workbench.tui.widgets.form import Field, Form
from workbench.tui.widgets.table.panel import TablePanel
from workbench.workspace import Workspace

COUNT = '''
from workbench.api import Analysis, Metric, param

class Count(Analysis):
    """How many of them there are. [not markup]"""

    name = "count"
    title = "Counting"

    class Params:
        top: int = param(3, help="how many", ge=1, le=9)
        split: str = param("test2", kind="split")

    def run(self, ctx, params):
        yield Metric("top", params.top)
'''
EXITS = """
import os
from workbench.api import Analysis, Metric

class Exits(Analysis):
    name = "exits"

    def run(self, ctx, params):
        yield Metric("before", 1.0)
        os._exit(7)
"""


def drop(name: str, source: str, folder: Path | None = None) -> Path:
    folder = folder or Path(os.environ["WORKBENCH_CONFIG_DIR"]) / "plugins"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(source)
    return folder / name


def screen_of(app: Any) -> PluginsScreen:
    screen = app.current
    assert isinstance(screen, PluginsScreen)
    return screen


def listed(app: Any) -> dict[str, dict[str, Any]]:
    """The rows of the list by name, empty while another screen is on show."""
    if not isinstance(app.current, PluginsScreen):
        return {}
    frame = app.current.query_one("#plugins", TablePanel).rows_shown
    return {row["name"]: row for row in frame.rows(named=True)} if "name" in frame.columns else {}


async def go_to(app: Any, pilot: Any, name: str) -> PluginsScreen:
    """Show the screen with the cursor on an analysis."""
    await pilot.press("6")
    await wait_for(pilot, lambda: name in listed(app))
    screen = screen_of(app)
    screen.query_one("#plugins", TablePanel).select_where("name", name)
    await pilot.pause()
    return screen


def last_job(screen: PluginsScreen) -> Any:
    return screen.bench.jobs.all[0]


async def test_list_says_where_from_and_in_which_state(bench: Any) -> None:
    drop("broken.py", "def broken(:")
    drop("count.py", COUNT)
    async with bench() as (app, pilot):
        await go_to(app, pilot, "count")
        rows = listed(app)
        assert (rows["count"]["from"], rows["count"]["state"]) == ("user", "ready")
        assert rows["divergence"]["from"] == "built-in"
        assert rows["correlation"]["from"] == "shipped"
        assert rows["broken"]["state"].startswith("disabled: line 1")
        assert rows["confusion"]["state"] == "ready, requires a run"


async def test_a_dropped_file_appears_and_a_removed_one_goes(bench: Any) -> None:
    async with bench() as (app, pilot):
        await go_to(app, pilot, "divergence")
        assert "count" not in listed(app)
        path = drop("count.py", COUNT)
        await wait_for(pilot, lambda: "count" in listed(app))
        path.unlink()
        await wait_for(pilot, lambda: "count" not in listed(app))


async def test_form_checks_values_then_runs_and_shows_the_blocks(bench: Any) -> None:
    drop("count.py", COUNT)
    async with bench(answers={"count": lambda params: [api.Metric("top", params["top"])]}) as (app, pilot):
        screen = await go_to(app, pilot, "count")
        await pilot.press("enter")
        await wait_for(pilot, lambda: bool(screen.query(Form)))
        assert list(screen.query_one(Form).texts()) == ["top", "split"]
        await pilot.press("1", "2", "enter")
        assert app.jobs.all == ()
        assert screen.query(Field).first().error
        await pilot.press("backspace", "backspace", "5", "enter")
        await wait_for(pilot, lambda: bool(app.jobs.all) and last_job(screen).over)
        assert app.fake_worker.asked[0][:2] == ("count", {"top": 5, "split": "test2"})
        assert last_job(screen).blocks == (api.Metric("top", 5),)
        await pilot.press("escape")
        assert listed(app)["count"]["last"] == "done"
        await pilot.press("enter")  # the form and the answer are as they were left
        await wait_for(pilot, lambda: bool(screen.query(Form)))
        assert screen.query_one(Form).texts()["top"] == "5"
        assert not screen.query_one(JobView).has_class("-empty")


async def test_a_changed_file_gives_the_open_form_its_new_parameters(bench: Any) -> None:
    path = drop("count.py", COUNT)
    async with bench() as (app, pilot):
        screen = await go_to(app, pilot, "count")
        await pilot.press("enter", "8")
        path.write_text(COUNT.replace('split: str = param("test2", kind="split")', 'depth: int = param(1, help="how")'))
        await wait_for(pilot, lambda: bool(screen.query(Form)) and "depth" in screen.query_one(Form).texts())
        assert screen.query_one(Form).texts() == {"top": "8", "depth": "1"}


async def test_what_raises_shows_its_traceback_and_the_next_one_runs(bench: Any) -> None:
    drop("count.py", COUNT)
    answers: dict[str, Any] = {"count": KeyError("nothing"), "divergence": [api.Metric("m", 1.0)]}
    async with bench(answers=answers) as (app, pilot):
        screen = await go_to(app, pilot, "count")
        await pilot.press("ctrl+r")
        await wait_for(pilot, lambda: bool(app.jobs.all) and last_job(screen).over)
        assert screen.query_one(JobView).has_class("-failed")
        assert "Traceback" in str(screen.query_one("#failure-text").render())
        await pilot.press("escape")
        assert listed(app)["count"]["last"] == "failed"
        await go_to(app, pilot, "divergence")
        await pilot.press("ctrl+r")
        await wait_for(pilot, lambda: last_job(screen).analysis == "divergence" and last_job(screen).over)
        assert last_job(screen).state == "done"


async def test_one_that_ends_its_process_shows_how_and_the_worker_lives_on(bench: Any) -> None:
    drop("exits.py", EXITS)
    drop("count.py", COUNT)
    async with bench() as (app, pilot):
        screen = await go_to(app, pilot, "exits")
        await pilot.press("ctrl+r")
        await wait_for(pilot, lambda: bool(app.jobs.all) and last_job(screen).over, seconds=60)
        assert last_job(screen).kind == "exited"
        assert "7" in str(screen.query_one("#failure-text").render())
        await pilot.press("escape")
        await go_to(app, pilot, "count")
        await pilot.press("ctrl+r")
        await wait_for(pilot, lambda: last_job(screen).analysis == "count" and last_job(screen).over, seconds=60)
        assert last_job(screen).blocks == (api.Metric("top", 3),)


async def test_code_of_a_workspace_runs_only_after_it_was_trusted(bench: Any, read_workspace: Workspace) -> None:
    drop("count.py", COUNT, read_workspace.root / "plugins")
    async with bench(answers={"count": [api.Metric("top", 3)]}) as (app, pilot):
        screen = await go_to(app, pilot, "count")
        assert listed(app)["count"]["state"] == "not trusted"
        await pilot.press("ctrl+r")
        assert app.jobs.all == ()
        await pilot.press("enter")
        await wait_for(pilot, lambda: isinstance(app.screen, TrustDialog))
        await pilot.press("enter")  # the first answer is no
        assert not plugins.is_trusted(read_workspace.root)
        await pilot.press("t")
        await wait_for(pilot, lambda: isinstance(app.screen, TrustDialog))
        await pilot.press("down", "enter")
        await wait_for(pilot, lambda: listed(app)["count"]["state"] == "ready")
        await pilot.press("ctrl+r")
        await wait_for(pilot, lambda: bool(app.jobs.all) and last_job(screen).over)


async def test_what_changed_since_it_was_trusted_is_shown_and_only_that_is_trusted(
    bench: Any, read_workspace: Workspace
) -> None:
    path = drop("count.py", COUNT, read_workspace.root / "plugins")
    plugins.trust(plugins.review(read_workspace.root))
    path.write_text(COUNT + "".join(f"# line {n}\n" for n in range(100)))
    async with bench(size=(80, 24)) as (app, pilot):
        screen = await go_to(app, pilot, "count")
        assert listed(app)["count"]["state"] == "changed since trusted"
        await pilot.press("t")
        await wait_for(pilot, lambda: isinstance(app.screen, TrustDialog))
        shown = str(app.screen.query_one("#code Static", Static).render())
        assert "+# line 99" in shown
        assert "+class Count" not in shown  # what was reviewed before is not shown anew
        code = app.screen.query_one("#code")
        await pilot.press("pagedown")
        await wait_for(pilot, lambda: code.scroll_offset.y > 0)
        path.write_text(COUNT + "# changed while the dialog was read\n")
        await pilot.press("down", "enter")
        await wait_for(pilot, lambda: app.screen is screen)
        assert not plugins.is_trusted(read_workspace.root)
        path.write_text(COUNT + "".join(f"# line {n}\n" for n in range(100)))
        assert plugins.is_trusted(read_workspace.root)
        await wait_for(pilot, lambda: listed(app)["count"]["state"] == "ready")


async def test_enter_on_a_row_goes_to_its_sample(bench: Any, read_workspace: Workspace) -> None:
    drop("count.py", COUNT)
    frame = pl.DataFrame({"path": ["nowhere.png", "test2/c2/00005.png"], "x": [1.0, 2.0]})
    answers = {"count": [api.Table(frame, samples="path", split="test2")]}
    async with bench(answers=answers) as (app, pilot):
        screen = await go_to(app, pilot, "count")
        await pilot.press("ctrl+r")
        await wait_for(pilot, lambda: bool(screen.query("TableBlock FrameTable")))
        screen.query_one("TableBlock FrameTable").focus()
        await pilot.press("enter")
        await pilot.pause()
        assert app.current is screen  # such a path is in no split
        await pilot.press("down", "enter")
        await wait_for(pilot, lambda: app.session.selection.row == 5)
        assert app.session.selection.split == "test2"


async def test_an_unreadable_list_of_trusted_folders_is_told_once(bench: Any, read_workspace: Workspace) -> None:
    drop("count.py", COUNT, read_workspace.root / "plugins")
    broken = drop("trusted.json", "{", Path(os.environ["WORKBENCH_CONFIG_DIR"]))
    async with bench() as (app, pilot):
        await pilot.press("6")
        await wait_for(pilot, lambda: screen_of(app)._signature is not None)
        assert "trusted.json" in str(screen_of(app).query_one("#detail").render())
        broken.unlink()
        await wait_for(pilot, lambda: "count" in listed(app))


async def test_broken_and_writing_dialogs_and_a_tiny_terminal(bench: Any) -> None:
    drop("broken.py", "def broken(:")
    drop("count.py", COUNT)
    async with bench(size=(40, 12)) as (app, pilot):
        await go_to(app, pilot, "broken")
        await pilot.press("enter")
        assert isinstance(app.screen, TextDialog)
        await pilot.press("escape", "n")
        assert isinstance(app.screen, TextDialog)
        await pilot.press("escape")
        screen = await go_to(app, pilot, "count")
        await pilot.press("enter")
        await wait_for(pilot, lambda: screen.query_one(AnalysisView).info is not None)


def test_the_example_is_an_analysis(tmp_path: Path) -> None:
    (tmp_path / "class_share.py").write_text(content.EXAMPLE)
    (info,) = plugins.read_file("user", tmp_path / "class_share.py")
    assert (info.name, info.error) == ("class-share", "")


@pytest.mark.parametrize(
    ("split", "which", "found"),
    [
        ("test1", 3, ("test1", 3)),
        ("test1", 10_000, None),
        ("", 3, None),
        ("nowhere", 3, None),
        ("", "test2/c2/00005.png", ("test2", 5)),
        ("test1", "test2/c2/00005.png", None),
    ],
)
def test_find_sample(store: Any, split: str, which: Any, found: Any) -> None:
    assert content.find_sample(store, ("test1", "test2"), split, which) == found


def test_find_sample_by_the_names_of_the_pair(make_folder: Callable[..., Path]) -> None:
    from workbench.features.ingest import open_store

    folder = make_folder()
    (folder / "test1.csv").rename(folder / "val.csv")
    (folder / "test2.csv").rename(folder / "v2.csv")
    store = open_store(Workspace.open(folder))
    assert content.find_sample(store, ("v2", "val"), "test1", 3) == ("v2", 3)
