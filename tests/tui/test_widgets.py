"""Blocks, forms and pictures as widgets."""

from __future__ import annotations

import os
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import psutil
import pytest
from textual.widgets import Static

from tests.tui.conftest import Bench
from tests.tui.tui_support import Host, wait_for
from workbench import api
from workbench.blocks import KINDS
from workbench.errors import BadInput
from workbench.images import child
from workbench.present.colours import Palette
from workbench.present.heat import shrink
from workbench.settings import declared, param
from workbench.tui.shared.job_view import JobView
from workbench.tui.shell.jobs import Job
from workbench.tui.widgets.blocks import WIDGETS, Blocks
from workbench.tui.widgets.blocks.heat_map import heat_text
from workbench.tui.widgets.blocks.metric import metrics_text
from workbench.tui.widgets.form import Field, Form, allowed_text
from workbench.tui.widgets.picture import Picture, find_picture, half_blocks
from workbench.tui.widgets.table.panel import TablePanel
from workbench.workspace import Workspace

PALETTE = Palette(True, ("a", "b"))


ALL_BLOCKS = (
    api.Metric("accuracy", 0.951, (0.942, 0.959), "%", split="a", note="n = 400"),
    api.Metric("gap", 0.05, (0.04, 0.06), "%", p=0.0001),
    api.Metric("plain", 3.0),
    api.Table(pl.DataFrame({"x": [1, 2], "rate": [0.1, 0.2]}), "tab[le]", of=50, percent=("rate",)),
    api.Chart([api.Series("a", np.arange(3.0), np.arange(3.0), "a"), api.Series("z", np.arange(3.0), np.ones(3))]),
    api.HeatMap(np.array([[0.0, 1.0], [np.nan, 0.5], [1.0, 1.0]]), diverging=True),
    api.Text("plain [b]text[/b]\x1b[2J", "title"),
    api.Samples("a", [1, 2, 3], notes=["x", "y", "z"]),
)


async def test_every_block_is_drawn() -> None:
    async with Host(Blocks()).run_test(size=(80, 60)) as pilot:
        blocks = pilot.app.query_one(Blocks)
        blocks.show(ALL_BLOCKS[:2], PALETTE)
        await pilot.pause()
        blocks.show(ALL_BLOCKS, PALETTE)
        await pilot.pause()
        assert len(blocks.children) == 6  # the metrics share one panel
        assert len(blocks.query(TablePanel)) == 2
        first = list(blocks.children)
        blocks.show((*ALL_BLOCKS, api.Text("more")), PALETTE)
        await pilot.pause()
        assert list(blocks.children)[:6] == first


def test_every_kind_of_block_has_a_widget() -> None:
    assert set(WIDGETS) == set(KINDS)


def test_metrics() -> None:
    text = metrics_text(ALL_BLOCKS[:3], 90, PALETTE).plain.split("\n")
    assert "95.1 % [94.2, 95.9]" in text[0]
    assert "●" in text[0]
    assert "p < 0.001" in text[1]
    for width in (10, 20, 40, 200):
        assert all(len(line) <= width for line in metrics_text(ALL_BLOCKS[:3], width, PALETTE).plain.split("\n"))


def test_heat_map_of_any_size() -> None:
    for shape in [(1, 1), (3, 2), (500, 700), (2, 400)]:
        values = np.random.default_rng(0).normal(size=shape)
        text = heat_text(api.HeatMap(values, "m"), 60, 20, PALETTE).plain
        assert max(len(line) for line in text.split("\n")) <= 60
        assert len(text.split("\n")) <= 20
    assert "no values" in heat_text(api.HeatMap(np.full((2, 2), np.nan)), 60, 20, PALETTE).plain
    small = shrink(np.array([[1.0, np.nan], [3.0, np.nan]]), 1, 2)
    assert small[0, 0] == 2.0
    assert np.isnan(small[0, 1])


class Params:
    top: int = param(20, help="rows to show", ge=1, le=99)
    how: str = param("cosine", choices=("cosine", "euclidean"))
    share: float | None = param(None, gt=0, lt=1)
    on: bool = param(True)


async def test_form_gives_checked_values_and_names_wrong_ones() -> None:
    form = Form(declared(Params), {"top": 5}, palette=PALETTE)
    async with Host(form).run_test(size=(80, 20)) as pilot:
        await pilot.pause()
        assert form.values() == {"top": 5, "how": "cosine", "share": None, "on": True}
        fields = {field.setting.name: field for field in form.query(Field)}
        fields["top"].set_text("200")
        await pilot.pause()
        assert "expected >= 1 and <= 99" in fields["top"].error
        with pytest.raises(BadInput, match="top = '200'"):
            form.values()
        fields["top"].set_text("7")
        fields["share"].set_text("0.5")
        await pilot.pause()
        assert fields["top"].error == ""
        assert form.values()["share"] == 0.5


def test_allowed_in_words() -> None:
    settings = declared(Params)
    assert allowed_text(settings["top"]) == "1 to 99"
    assert allowed_text(settings["share"]) == "above 0, to 1"


async def test_job_view_shows_each_state() -> None:
    view = JobView()
    async with Host(view).run_test(size=(80, 20)) as pilot:
        view.empty("nothing yet", "press something", ("enter", "run"), palette=PALETTE)
        job = Job("j1", "class-gap", {"top": 3}, None, "plugins", state="running", fraction=0.5, text="at work")
        view.show(job, PALETTE)
        await pilot.pause()
        assert view.has_class("-running")
        failed = Job(
            "j1", "class-gap", {}, None, "plugins", state="failed", kind="raised", error="[no]", traceback="Tr"
        )
        view.show(failed, PALETTE)
        await pilot.pause()
        assert "[no]" in str(view.query_one("#failure-text", Static).content)
        assert not view.query_one(Blocks).display
        view.show(replace(failed, blocks=ALL_BLOCKS[:1]), PALETTE)  # what it had told before it failed stays
        await pilot.pause()
        assert view.query_one(Blocks).display
        assert view.query_one("#failure").display
        done = Job("j1", "class-gap", {}, None, "plugins", state="done", blocks=ALL_BLOCKS)
        view.show(done, PALETTE)
        await pilot.pause()
        assert not view.has_class("-failed")
        assert view.query_one(Blocks).children


async def test_picture_is_read_and_a_broken_one_named(tmp_path: Path) -> None:
    from PIL import Image

    Image.new("RGB", (8, 8), (200, 10, 10)).save(tmp_path / "good.png")
    (tmp_path / "bad.png").write_bytes(b"not a picture")
    picture = Picture()
    async with Host(picture).run_test(size=(40, 20)) as pilot:

        def told() -> str:
            return str(picture.query_one(Static).content)

        picture.load(str(tmp_path / "good.png"))
        await wait_for(pilot, lambda: "▀" in told())
        picture.load(str(tmp_path / "bad.png"))
        await wait_for(pilot, lambda: "bad.png" in told())
        picture.load(None, "no picture found")
        await wait_for(pilot, lambda: told() == "no picture found")


async def test_a_picture_that_hangs_keeps_nobody_waiting(
    bench: Bench, read_workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other pictures are shown, other keys work, and the app leaves at once, the decoder with it."""
    from PIL import Image

    command = child.command
    loop = [sys.executable, "-c", "while True: pass", "hang"]
    monkeypatch.setattr(child, "command", lambda path, most: loop if "good" not in path else command(path, most))
    for name in ("good.png", "hang.png"):
        Image.new("RGB", (8, 8)).save(read_workspace.root / name)

    def hanging() -> list[psutil.Process]:
        return [one for one in psutil.Process().children() if last_word(one) == "hang"]

    def last_word(process: psutil.Process) -> str:
        try:
            return process.cmdline()[-1]
        except (psutil.Error, IndexError):  # it has just ended
            return ""

    async with bench() as (app, pilot):
        picture = Picture()
        await app.screen.mount(picture)
        for name in ("hang.png", "good.png"):
            picture.load(str(read_workspace.root / name))
            await wait_for(pilot, lambda name=name: bool(hanging()) == (name == "hang.png"))  # type: ignore[misc]
        await wait_for(pilot, lambda: "▀" in str(picture.query_one(Static).content))
        picture.load(str(read_workspace.root / "hang.png"))
        await wait_for(pilot, hanging)
        await pilot.press("2")
        await wait_for(pilot, lambda: app.screen.NAME == "train")  # type: ignore[attr-defined]
        started = time.monotonic()
        await pilot.press("q")
        await wait_for(pilot, lambda: not app.is_running)
    assert time.monotonic() - started < 2
    assert not hanging()


def test_find_picture_copes_with_any_path(read_workspace: Workspace, tmp_path: Path) -> None:
    (read_workspace.root / "here.png").touch()
    os.mkfifo(read_workspace.root / "fifo.png")
    (tmp_path / "elsewhere.png").touch()
    assert find_picture(read_workspace, "here.png") == str(read_workspace.root / "here.png")
    assert find_picture(read_workspace, str(tmp_path / "elsewhere.png")) == str(tmp_path / "elsewhere.png")
    assert find_picture(read_workspace, "../elsewhere.png") == str(read_workspace.root / "../elsewhere.png")
    for odd in (None, "", "a\0b", "x" * 5000, "/".join("y" * 3000), "\ud800", "fifo.png", ".", "..", "/dev/zero", "~"):
        assert find_picture(read_workspace, odd) is None


def test_half_blocks_keep_the_shape() -> None:
    from PIL import Image

    text = half_blocks(Image.new("RGB", (100, 50)), 40, 40)
    lines = text.plain.split("\n")
    assert (len(lines[0]), len(lines)) == (40, 10)
    assert half_blocks(Image.new("RGB", (1, 300)), 5, 3).plain
