"""Marks, stars, tags, filters and comparisons of runs on the Train screen, and its charts under the keys."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from textual.widgets import Input, Static

from tests.tui.tui_support import make_run, wait_for
from workbench import runs
from workbench.present.colours import Palette
from workbench.tui.screens.train.charts import RunCharts
from workbench.tui.screens.train.comparison import CompareView
from workbench.tui.screens.train.content import heading
from workbench.tui.screens.train.runs import RunsPanel
from workbench.tui.widgets.chart import ChartView
from workbench.workspace import Workspace

NAMES = ("20260101-120002-linear-cccc", "20260101-120001-nn1-bbbb", "20260101-120000-linear-aaaa")


@pytest.fixture
def three_runs(read_workspace: Workspace) -> Workspace:
    """Runs of lr 0.02, 0.01 and 0, newest first; the first two are of a sweep."""
    for place, name in enumerate(NAMES):
        folder = make_run(read_workspace, name, created=1.7e9 - place, epochs=12)
        config = json.loads((folder / "config.json").read_text())
        config["head"] = name.split("-")[2]
        config["settings"]["lr"] = 0.02 - place / 100
        if place < 2:
            config["sweep"] = "20260101-sweep"
        (folder / "config.json").write_text(json.dumps(config))
    return read_workspace


def panel(app: Any) -> RunsPanel:
    found: RunsPanel = app.current.query_one(RunsPanel)
    return found


async def listed(app: Any, pilot: Any) -> None:
    await wait_for(pilot, lambda: app.session.runs and panel(app).rows_shown.height == 3 and app.current.charts.curves)


def names(app: Any, chart: str) -> list[str]:
    return [line.name for line in app.current.query_one(f"#{chart}", ChartView)._lines if line.name]


async def test_marked_runs_are_drawn_over_one_another(bench: Any, three_runs: Workspace) -> None:
    async with bench(first="train", size=(120, 40)) as (app, pilot):
        await listed(app, pilot)
        assert names(app, "loss") == ["train", "val"]
        await pilot.press("space", "down", "down", "space")
        await wait_for(pilot, lambda: names(app, "loss") == ["linear-cccc", "linear-aaaa"])
        await wait_for(pilot, lambda: len(app.current.charts.curves) == 3)
        await pilot.press("up")
        await wait_for(pilot, lambda: names(app, "accuracy") == ["linear-cccc", "linear-aaaa", "nn1-bbbb"])
        assert panel(app).rows_shown["marked"].to_list() == [True, False, True]
        await pilot.press("M")
        await wait_for(pilot, lambda: names(app, "loss") == ["train", "val"])
        assert panel(app).marks == []


async def test_differences_of_marked_runs(bench: Any, three_runs: Workspace) -> None:
    async with bench(first="train", size=(120, 40)) as (app, pilot):
        await listed(app, pilot)
        await pilot.press("d")
        await pilot.pause()
        assert app.current.page == "runs-page"
        await pilot.press("space", "down", "d")
        await wait_for(pilot, lambda: app.current.page == "compare-page")
        view = app.current.query_one(CompareView)
        table = view.query_one("#compared")
        await wait_for(pilot, lambda: table.rows_shown.height == 2)
        assert [name for name in table.rows_shown.columns if name.startswith("set ")] == ["set head", "set lr"]
        assert view.setting == "lr"
        await pilot.press("a")
        assert view.setting == "head"
        await pilot.press("down", "enter")
        await pilot.pause()
        assert app.current.page == "runs-page"


async def test_the_sweep_of_a_run(bench: Any, three_runs: Workspace) -> None:
    async with bench(first="train", size=(80, 24)) as (app, pilot):
        await listed(app, pilot)
        await pilot.press("w")
        await wait_for(pilot, lambda: app.current.page == "compare-page")
        table = app.current.query_one("#compared")
        await wait_for(pilot, lambda: set(table.rows_shown["id"]) == set(NAMES[:2]))
        assert "20260101-sweep" in str(app.current.query_one("#compare-box").border_title)
        await pilot.press("escape", "down", "down", "w")
        await pilot.pause()
        assert app.current.page == "runs-page"


async def test_a_run_of_features_that_have_changed_says_so(bench: Any, three_runs: Workspace) -> None:
    async with bench() as (app, pilot):
        await pilot.press("2")
        await wait_for(pilot, lambda: app.session.runs and app.current.run is not None)
        run, store = app.current.run, app.session.store
        assert "changed since" not in heading(run, 200, Palette(), store).plain
        old = replace(run, config=msgspec.structs.replace(run.config, fingerprint="another"))
        assert "its features have changed since" in heading(old, 200, Palette(), store).plain


async def test_stars_and_tags(bench: Any, three_runs: Workspace) -> None:
    async with bench(first="train") as (app, pilot):
        await listed(app, pilot)
        await pilot.press("asterisk")
        await wait_for(pilot, lambda: app.session.runs[0].starred)
        await pilot.press("t")
        await wait_for(pilot, lambda: isinstance(app.focused, Input))
        await pilot.press(*"quick", "enter")
        await wait_for(pilot, lambda: app.session.runs[0].tags == ("quick",))
        await wait_for(pilot, lambda: panel(app).rows_shown["tags"].to_list() == ["quick", "", ""])
        await pilot.press("t")
        await wait_for(pilot, lambda: isinstance(app.focused, Input))
        await pilot.press(*"two words", "enter")
        await wait_for(pilot, lambda: app._notifications)
        assert runs.list_runs(three_runs)[0].tags == ("quick",)


async def test_runs_are_filtered_by_settings_and_results(bench: Any, three_runs: Workspace) -> None:
    async with bench(first="train", size=(120, 40)) as (app, pilot):
        await listed(app, pilot)
        shown = panel(app)
        await pilot.press("slash", *"lr>=0.01 ")
        await wait_for(pilot, lambda: shown.rows_shown.height == 2)
        await pilot.press(*"lrr")
        await pilot.press(*">1")
        await wait_for(pilot, lambda: "unknown key 'lrr'" in str(shown.query_one("#count", Static).content))
        assert shown.rows_shown.height <= 2
        await pilot.press(*["backspace"] * 5, *"head:nn1", "enter")
        await wait_for(pilot, lambda: shown.rows_shown.height == 1)
        await wait_for(pilot, lambda: app.current.run.head == "nn1")
        await pilot.press("escape")
        await wait_for(pilot, lambda: shown.rows_shown.height == 3)


async def test_charts_under_the_keys(bench: Any, three_runs: Workspace) -> None:
    async with bench(first="train", size=(120, 40)) as (app, pilot):
        await listed(app, pilot)
        charts = app.current.query_one(RunCharts)
        await pilot.press("tab")
        assert app.focused is charts.current
        await pilot.press("right", "right", "right")
        assert charts.view.cursor == 3.0
        await wait_for(pilot, lambda: "at epoch 3" in charts.current.render().plain)
        await pilot.press("plus")
        low, high = charts.view.zoom or (0, 0)
        assert 1 <= low < 3 < high < 12
        await pilot.press("greater_than_sign", "minus", "0")
        assert charts.view.zoom is None
        assert charts.view.cursor is None
        await pilot.press("e", "y", "Y", "a")
        assert (charts.view.smoothing, charts.view.log_y, charts.view.log_x, charts.view.x) == (
            0.6,
            {"loss"},
            True,
            "step",
        )
        await pilot.press("c")
        assert charts.current.quantity == "rate"
        await pilot.press("C")
        assert charts.current.quantity == "loss"
        await pilot.press("tab", "m")
        assert charts.current.id == "accuracy"
        assert not app.current.query_one("#loss").display
        assert not app.current.query_one("#runs-box").display
        await pilot.press("escape")
        assert app.current.query_one("#runs-box").display


async def test_keys_of_the_list_do_nothing_while_the_form_is_open(bench: Any, three_runs: Workspace) -> None:
    async with bench(first="train") as (app, pilot):
        await listed(app, pilot)
        await pilot.press("n")
        await wait_for(pilot, lambda: app.current.query("HeadForm Form Field"))
        await pilot.press("d", "x", "M", "w", "D", "m")
        assert app.current.page == "form-page"
        assert app.screen is app.current
        assert not app.current.has_class("-alone")
        footer = app.current.query_one("FooterBar").render().plain
        assert "mark" not in footer
        assert "help" in footer


async def test_a_damaged_run_is_shown_as_failed_among_the_others(bench: Any, three_runs: Workspace) -> None:
    file = three_runs.runs_dir / NAMES[0] / "summary.json"
    file.write_text(file.read_text().replace('"epochs": 12', '"epochs": "twelve"'))
    damaged = three_runs.runs_dir / NAMES[1] / "config.json"
    damaged.write_text(damaged.read_text()[:40])
    metrics = three_runs.runs_dir / NAMES[2] / "metrics.jsonl"
    metrics.write_text(metrics.read_text().replace('"epoch": 12', '"epoch": "twelve"'))
    async with bench(first="train", size=(120, 40)) as (app, pilot):
        await listed(app, pilot)
        states = {run.id: run.state for run in app.session.runs}
        assert states == {NAMES[0]: "failed", NAMES[1]: "failed", NAMES[2]: "finished"}
        errors = {run.id: run.error for run in app.session.runs}
        assert "key epochs: expected a whole number, got text" in errors[NAMES[0]]
        assert f"{damaged}: damaged: not JSON" in errors[NAMES[1]]
        await pilot.press("down")  # the sound run: the one whose start cannot be read is the last
        await wait_for(pilot, lambda: NAMES[2] in app.current.charts.curves)
        assert len(app.current.charts.curves[NAMES[2]].rows) == 11
        await pilot.press("down")
        await pilot.pause()
        await pilot.press("3", "4", "2")
        await pilot.pause()
        assert panel(app).rows_shown.height == 3


async def test_each_page_offers_the_keys_of_its_own_charts(bench: Any, three_runs: Workspace) -> None:
    def footer(app: Any) -> str:
        text: str = app.current.query_one("FooterBar").render().plain
        return text

    async with bench(first="train", size=(200, 40)) as (app, pilot):
        await listed(app, pilot)
        assert all(title in footer(app) for title in ("a x axis", "e smooth", "m one chart"))
        await pilot.press("w")
        await wait_for(pilot, lambda: app.current.page == "compare-page")
        view = app.current.charts.view
        await pilot.press("e", "a")
        assert app.current.charts.view == view
        assert "a x axis" in footer(app)
        assert "e smooth" not in footer(app)
        await pilot.press("escape", "n")
        await wait_for(pilot, lambda: app.current.page == "form-page")
        assert "a x axis" not in footer(app)


async def test_a_chart_alone_has_the_focus_and_gives_it_back(bench: Any, three_runs: Workspace) -> None:
    async with bench(first="train", size=(120, 14)) as (app, pilot):  # too low for charts beside the list
        await listed(app, pilot)
        charts = app.current.charts
        assert not charts.display
        await pilot.press("m")
        await wait_for(pilot, lambda: charts.display and app.focused is charts.current)
        await pilot.press("m")
        await wait_for(pilot, lambda: app.focused is panel(app).table)
        assert not charts.display
