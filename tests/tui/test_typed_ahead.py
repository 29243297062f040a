"""Keys typed ahead, screens that go while something is on its way to them, and terminals of any size."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from textual import events
from textual.geometry import Size

from tests.tui.monkey import LocalWorker, make_runs, press
from tests.tui.tui_support import Host, make_run, wait_for
from workbench.present.colours import Palette
from workbench.settings import Setting
from workbench.tui.shell.dialogs import ChooseDialog, Dialog, Options
from workbench.tui.shell.palette import CommandPalette
from workbench.tui.shell.too_small import LARGEST, TooSmall
from workbench.tui.widgets.form import Field, Form
from workbench.tui.widgets.table.panel import FrameTable, TablePanel
from workbench.workspace import Workspace


async def typed_ahead(app: Any, pilot: Any, *keys: str, wait: float = 0.0) -> None:
    """All keys at once (or `wait` seconds apart), as a terminal delivers them; then time for what they do."""
    for key in keys:
        press(app, key)
        if wait:
            await asyncio.sleep(wait)
    await pilot.pause(0.1)
    await pilot.pause()
    assert app._exception is None


@pytest.mark.parametrize("wait", [0.0, 0.02])
@pytest.mark.parametrize(
    "keys",
    [
        ("R", "enter", "enter"),
        ("ctrl+p", "enter", "enter"),
        ("2", "D", "enter", "enter"),
        ("2", "D", "enter", "escape", "escape", "q", "q"),
        ("ctrl+p", "escape", "escape", "escape"),
        ("ctrl+p", "t", "h", "escape", "escape", "ctrl+p", "enter"),
        ("question_mark", "escape", "escape", "question_mark", "q", "escape"),
        ("R", "R", "2", "1", "enter", "enter", "escape"),
        ("2", "n", "enter", "tab", "x", "escape", "n", "escape", "n", "down", "enter", "down", "enter", "escape"),
    ],
)
async def test_keys_typed_ahead(bench: Any, read_workspace: Workspace, keys: tuple[str, ...], wait: float) -> None:
    make_run(read_workspace, "20260101-120000-linear-aaaa", state="failed", created=1.0)
    make_run(read_workspace, "20260102-120000-linear-bbbb", state="failed", created=2.0)
    async with bench() as (app, pilot):
        await typed_ahead(app, pilot, *keys, wait=wait)


async def test_a_dialog_is_dismissed_once(bench: Any) -> None:
    answers: list[str | None] = []
    async with bench() as (app, pilot):
        dialog = ChooseDialog("Which?", [("a", "first"), ("b", "second")])  # type: ignore[list-item]
        app.show_dialog(dialog, answers.append)
        await pilot.pause()
        for _ in range(3):
            dialog.query_one(Options).action_select()
        await pilot.pause()
        dialog.dismiss("late")
        await pilot.pause()
        assert answers == ["a"]
        assert app.screen is app.current


async def test_one_dialog_at_a_time_and_no_other_screen_behind_it(bench: Any) -> None:
    async with bench() as (app, pilot):
        app.action_help()
        app.action_command_palette()
        app.go("train")
        await pilot.pause()
        assert [type(screen).__name__ for screen in app.screen_stack] == ["DataScreen", "HelpDialog"]


async def test_a_list_without_a_line_takes_page_keys(bench: Any) -> None:
    async with bench(size=(40, 12)) as (app, pilot):
        app.action_command_palette()
        await pilot.pause()
        palette = app.screen
        assert isinstance(palette, CommandPalette)
        palette.query_one(Options).styles.height = 0
        await pilot.pause()
        await typed_ahead(app, pilot, "pagedown", "pageup", "down", "end", "pagedown", "enter")
        assert not isinstance(app.screen, Dialog)


async def test_the_palette_finds_by_title_and_help_and_says_when_nothing_matches(bench: Any) -> None:
    async with bench() as (app, pilot):
        await pilot.press("ctrl+p", *"dark")
        palette = app.screen
        options = palette.query_one(Options)
        assert palette._offered[0].id == "theme"
        await pilot.press(*"zzzz")
        assert options.option_count == 1
        assert options.get_option_at_index(0).disabled
        await pilot.press("enter")
        assert app.screen is palette
        await pilot.press(*["backspace"] * 4, "enter")
        await wait_for(pilot, lambda: app.session.dark is False)


async def test_a_field_tells_its_text_while_its_form_goes() -> None:
    settings = {
        "lr": Setting("lr", float, 0.1),
        "head": Setting("head", str, "a", choices=("a", "b")),
    }
    app = Host(Form(settings, {"lr": 0.5}, palette=Palette()))
    async with app.run_test() as pilot:
        form = app.query_one(Form)
        fields = list(form.query(Field))
        await pilot.pause()
        await form.remove()
        assert {field.setting.name: field.text for field in fields} == {"lr": "0.5", "head": "a"}
        assert [field.check() for field in fields] == [0.5, "a"]


async def test_what_comes_to_a_widget_that_is_gone_is_dropped() -> None:
    done: list[str] = []
    app = Host(TablePanel(id="rows"))
    async with app.run_test() as pilot:
        panel = app.query_one(TablePanel)
        removal = panel.remove()
        assert panel.gone
        assert not panel.call_later(done.append, "late")
        panel.post_message(events.Resize(Size(1, 1), Size(1, 1)))
        await removal
        panel.call_later(done.append, "later")
        await pilot.pause()
        assert done == []


async def test_the_pointer_over_a_row_that_is_gone(bench: Any) -> None:
    import polars as pl

    panel = TablePanel(id="rows")
    app = Host(panel)
    async with app.run_test() as pilot:
        panel.load(pl.DataFrame({"a": list(range(20)), "b": ["x"] * 20}))
        await pilot.pause()
        table = app.query_one(FrameTable)
        at = (table.region.x + 4, table.region.y + 10)
        event = events.MouseMove(table, *at, 0, 0, 0, False, False, False, *at, style=app.screen.get_style_at(*at))
        assert event.style.meta["row"] > 2
        panel.load(pl.DataFrame({"a": [1]}))
        table.post_message(event)
        await pilot.pause()
        assert app._exception is None


@pytest.mark.parametrize("size", [(1, 1), (5, 2), (30, 200), (200, 3)])
@pytest.mark.parametrize("key", ["q", "ctrl+q"])
async def test_too_small_says_so_and_can_be_left(bench: Any, size: tuple[int, int], key: str) -> None:
    async with bench(size=size, ready=False) as (app, pilot):
        await wait_for(pilot, lambda: isinstance(app.screen, TooSmall))
        assert "too small" in app.screen.render().plain
        await typed_ahead(app, pilot, "1", "2", "R", "ctrl+p", "enter")
        assert isinstance(app.screen, TooSmall)
        press(app, key)
        await wait_for(pilot, lambda: not app.is_running or app._exit)


async def test_growing_again_brings_back_what_was_open(bench: Any, read_workspace: Workspace) -> None:
    make_run(read_workspace)
    async with bench() as (app, pilot):
        app.go("train")
        app.action_choose_run()
        await pilot.pause()
        before = list(app.screen_stack)
        await pilot.resize_terminal(5, 2)
        await wait_for(pilot, lambda: isinstance(app.screen, TooSmall))
        assert app.current.NAME == "train"
        app.update_session(dark=False)
        await pilot.resize_terminal(80, 24)
        await wait_for(pilot, lambda: list(app.screen_stack) == before)
        await pilot.press("escape")
        assert app.screen is app.current


async def test_a_giant_terminal_is_taken_as_the_largest(bench: Any) -> None:
    async with bench() as (app, pilot):
        app.post_message(events.Resize(Size(100_000, 24), Size(100_000, 24)))
        await wait_for(pilot, lambda: app.size.width == LARGEST.width)
        assert app.size.height == 24


ODD_NAMES = ("tab\there", "tab here", "line\nbreak\r\n[b]and more")


@pytest.mark.parametrize("where", ["labels", "names"])
async def test_class_names_with_tabs_and_line_breaks(bench: Any, make_folder: Callable[..., Path], where: str) -> None:
    """On every screen that shows classes; two of the names differ by a tab alone."""
    import polars as pl

    folder = make_folder(name="odd")
    if where == "names":
        pl.DataFrame({"label": [0, 1, 2], "name": ODD_NAMES}).write_csv(folder / "classes.csv")
        (folder / "workbench.toml").write_text(
            '[features]\ntrain = "train.csv"\n[features.tests]\ntest1 = "test1.csv"\ntest2 = "test2.csv"\n'
            '[classes]\nnames = "classes.csv"\n'
        )
    else:
        for file in folder.glob("*.csv"):
            frame = pl.read_csv(file)
            frame.with_columns(pl.Series("label", [ODD_NAMES[i] for i in frame["label"]])).write_csv(file)
    workspace = Workspace.open(folder)
    make_runs(workspace)
    local = LocalWorker(workspace)
    async with bench(size=(120, 40), workspace=workspace) as (app, pilot):
        app.jobs.make_worker = lambda: local
        await wait_for(pilot, lambda: app.current._filled)
        await typed_ahead(app, pilot, "tab", "down", "down", "up", "enter")
        await wait_for(pilot, lambda: app.current.query_one("#samples", TablePanel).rows_shown.height)
        are_printable(app)
        await typed_ahead(app, pilot, "enter", wait=0.05)
        await wait_for(pilot, lambda: app.current.NAME == "neighbours" and app.jobs.all and app.jobs.all[0].over)
        await wait_for(pilot, lambda: app.current.query_one("#neighbours", TablePanel).rows_shown.height)
        are_printable(app)
        await typed_ahead(app, pilot, "4")
        await wait_for(pilot, lambda: app.current.query_one("#classes", TablePanel).rows_shown.height == 3)
        assert app.current.query_one("#classes", TablePanel).rows_shown["support1"].null_count() == 0
        are_printable(app)


def are_printable(app: Any) -> None:
    """No cell of the tables on show holds a control character."""
    for table in app.current.query(FrameTable):
        for row in range(min(table.frame_backend.row_count, 5)):
            assert all(cell.plain.isprintable() for cell in table.frame_backend.get_row_at(row))


async def test_a_click_on_a_widget_that_is_gone(bench: Any) -> None:
    async with bench(size=(120, 40)) as (app, pilot):
        await wait_for(pilot, lambda: app.current._filled)
        box = app.current.query_one("#classes-box")
        x, y = box.region.x + 3, box.region.y + 2
        removal = box.remove()
        for cls in (events.MouseDown, events.MouseUp):
            event = cls(None, x, y, 0, 0, 1, False, False, False, x, y)
            event.set_sender(app)
            app._driver.send_message(event)
        await removal
        click = events.MouseDown(None, x, y, 0, 0, 1, False, False, False, x, y)
        app.current._forward_event(click)  # before the screen is laid out anew
        assert app._exception is None


@pytest.mark.parametrize("wait", [0.0, 0.01, 0.05, 0.1, 0.2, 0.3])
async def test_leaving_while_screens_are_built(bench: Any, wait: float) -> None:
    """Each screen in turn, then q and more keys, before the first of them is there."""
    async with bench(ready=False) as (app, _):
        await asyncio.sleep(wait)
        for key in ("1", "6", "enter", "ctrl+r", "q", "escape", "2", "ctrl+p", "enter"):
            press(app, key)
        # not by the pilot, which waits for widgets that an app being left no longer serves
        deadline = time.monotonic() + 20
        while not app._exit and app._exception is None and time.monotonic() < deadline:
            await asyncio.sleep(0.02)
        await asyncio.sleep(0.2)
        assert app._exception is None
        assert app._exit


async def test_a_click_on_an_option_that_is_gone(bench: Any) -> None:
    async with bench() as (app, pilot):
        await pilot.press("ctrl+p")
        options = app.screen.query_one(Options)
        at = (options.region.x + 4, options.region.y + 9)
        style = app.screen.get_style_at(*at)
        assert style.meta["option"] > 1
        options.clear_options()
        options.post_message(events.Click(options, *at, 0, 0, 1, False, False, False, *at, style=style))
        options.post_message(events.MouseMove(options, *at, 0, 0, 0, False, False, False, *at, style=style))
        await pilot.pause()
        assert app._exception is None
