"""A hostile workspace on every screen: the lines that are drawn hold no character that could not be seen."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from textual.app import App
from textual.pilot import Pilot
from textual.widgets import Input

from tests.hostile import HOSTILE, make_hostile, unsafe
from tests.tui.conftest import Bench
from tests.tui.tui_support import make_run, wait_for
from workbench import api
from workbench.features.ingest import open_store
from workbench.tui.app import WorkbenchApp
from workbench.tui.shell.harmless import HarmlessFilter
from workbench.worker.client import run_sync
from workbench.workspace import Workspace

EVIL = HOSTILE.replace("\0", "")
BLOCKS = (
    api.Metric(EVIL, 0.5, ci=(0.4, 0.6), unit=EVIL, note=EVIL, split=EVIL),
    api.Table(pl.DataFrame({EVIL: [EVIL, None], "n": [1, 2]}), EVIL, note=EVIL),
    api.Chart([api.Series(EVIL, np.arange(3.0), np.arange(3.0), EVIL)], EVIL, EVIL, EVIL, note=EVIL),
    api.Chart([api.Series(EVIL, np.array([EVIL, "b"], dtype=object), np.arange(2.0))], EVIL, kind="bars"),
    api.HeatMap(np.eye(2), EVIL, [EVIL, "b"], ["c", EVIL], note=EVIL),
    api.Text(EVIL, EVIL),
    api.Samples("train", [0, 1], EVIL, [EVIL, ""]),
)


def drawn(app: App[Any]) -> str:
    """What the terminal is given to show, line by line."""
    strips = app.screen._compositor.render_strips()
    return "\n".join("".join(one.text for one in strip if not one.control) for strip in strips)


def check(app: App[Any], what: str) -> None:
    found = unsafe(drawn(app))
    assert not found, (what, found)


@pytest.fixture
def _no_last_look(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the screens themselves make of text, without the filter that would mend it."""
    monkeypatch.setattr(HarmlessFilter, "apply", lambda self, segments, background: segments)


@pytest.fixture
def hostile_workspace(tmp_path: Path) -> Workspace:
    workspace = Workspace.open(make_hostile(tmp_path))
    open_store(workspace)
    return workspace


async def _each(app: WorkbenchApp, pilot: Pilot[Any], keys: str) -> None:
    for key in keys.split():
        await pilot.press(key)
        await pilot.pause(0.05)
        check(app, f"{app.screen} after {key}")


@pytest.fixture
def answers(hostile_workspace: Workspace) -> dict[str, Any]:
    """What the analyses say of it, asked before the interface runs."""
    params = {"neighbours": {"split": "two", "row": 0}}
    names = ("checks", "divergence", "neighbours")
    found = {name: run_sync(hostile_workspace, name, params.get(name, {}))[0] for name in names}
    return {**found, "confusion": RuntimeError(EVIL)}


@pytest.mark.usefixtures("_no_last_look")
async def test_every_screen(bench: Bench, hostile_workspace: Workspace, answers: dict[str, Any]) -> None:
    run = make_run(hostile_workspace, "20260101-120000-linear-aaaa")
    state = (run / "state.json").read_text()
    failed = make_run(hostile_workspace, "20260101-120000-linear-bbbb", state="failed")
    (failed / "state.json").write_text(state.replace('"error": ""', '"error": "\\u202e\\u001b[31m\\u200bx"'))
    for folder in (run, failed):
        config = (folder / "config.json").read_text()
        (folder / "config.json").write_text(config.replace('"cosine"', '"\\u202e\\u200b"'))
        (folder / "log.txt").write_text(EVIL, encoding="utf-8")
    async with bench(size=(120, 40), workspace=hostile_workspace, answers=answers) as (app, pilot):
        for screen, keys in {
            "1": "down enter down enter escape escape c escape f down escape",
            "2": "down l escape question_mark escape escape",
            "3": "down tab down escape",
            "4": "down enter escape",
            "5": "down enter down escape escape",
            "6": "down enter escape",
            "7": "down enter escape",
        }.items():
            await pilot.press(screen)
            await pilot.pause(0.3)
            assert "\\u" in drawn(app), screen  # something of it is shown
            await _each(app, pilot, keys)


@pytest.mark.usefixtures("_no_last_look")
async def test_blocks_and_failures_of_a_plugin(bench: Bench, hostile_workspace: Workspace) -> None:
    from workbench.present.colours import Palette
    from workbench.tui.shared.job_view import JobView
    from workbench.tui.shell.jobs import Job

    palette = Palette(True, tuple(hostile_workspace.test_names))
    done = Job("j1", EVIL, {"word": EVIL}, None, "plugins", state="done", blocks=BLOCKS)
    failed = Job(
        "j2", EVIL, {}, None, "plugins", state="failed", kind="raised", error=EVIL, traceback=EVIL, log=(EVIL, EVIL)
    )
    async with bench(size=(100, 120), workspace=hostile_workspace) as (app, pilot):
        view = JobView()
        await app.screen.mount(view, before=0)
        for job in (done, failed):
            view.show(job, palette)
            await pilot.pause(0.2)
            assert re.search(r"\\u202e", drawn(app))
            check(app, job.state)
        app.say(EVIL, severity="error")
        await pilot.pause(0.2)
        check(app, "a toast")


async def test_what_a_user_pastes_is_drawn_harmless_and_kept(bench: Bench, hostile_workspace: Workspace) -> None:
    text = "a\u202eb\u200bc\x9bd\U000e0041e"
    async with bench(workspace=hostile_workspace) as (app, pilot):
        field = Input(text)
        await app.screen.mount(field, before=0)
        await wait_for(pilot, lambda: "bc" in drawn(app).replace("\ufffd", ""))
        check(app, "an input")
        assert field.value == text
