"""The Train screen: its list of runs, their curves, marks and comparisons, and the form for a new run."""

from __future__ import annotations

import json
from typing import Any

import pytest
from textual.widgets import ContentSwitcher, Input, Static

from tests.tui.tui_support import make_run, wait_for
from workbench import runs
from workbench.heads import HEADS
from workbench.runs.metrics import EpochMetrics, Resumed, StepMetrics
from workbench.settings import declared
from workbench.tui.screens.train import curves as train_curves
from workbench.tui.screens.train.content import overlay
from workbench.tui.screens.train.curves import Curves
from workbench.tui.screens.train.head_form import HeadForm, arrange
from workbench.tui.widgets.chart import ChartView
from workbench.tui.widgets.form import Field, Fold, FoldLine
from workbench.tui.widgets.table.panel import TablePanel
from workbench.workspace import Workspace


def panel(app: Any, name: str) -> TablePanel:
    table: TablePanel = app.current.query_one(f"#{name}", TablePanel)
    return table


async def test_train_starts_a_run_from_the_form(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[Any] = []

    def start(run: Any) -> Any:
        started.append(run)
        return run

    monkeypatch.setattr("workbench.runs.start_sync", start)
    async with bench(first="train") as (app, pilot):
        await pilot.press("n")
        await wait_for(pilot, lambda: app.current.query("HeadForm Field"))
        form = app.current.query_one(HeadForm)
        fields = {field.setting.name: field for field in form.query("Field")}
        fields["lr"].set_text("0.01")
        fields["epochs"].set_text("-3")
        await pilot.pause()
        await pilot.press("f5")
        await pilot.pause()
        assert not started
        assert fields["epochs"].error
        assert isinstance(app.focused, Input)
        fields["epochs"].set_text("2")
        await pilot.press("f5")
        await wait_for(pilot, lambda: started)
        assert started[0].settings["lr"] == 0.01
        assert started[0].settings["epochs"] == 2
        await wait_for(pilot, lambda: app.session.runs and panel(app, "runs").row)
        row = panel(app, "runs").row
        assert row is not None
        assert row["id"] == started[0].id


async def test_another_head_keeps_what_was_typed(bench: Any) -> None:
    async with bench(first="train") as (app, pilot):
        await pilot.press("n")
        await wait_for(pilot, lambda: app.current.query("HeadForm Form Field"))
        form = app.current.query_one(HeadForm)
        {field.setting.name: field for field in form.query("Form Field")}["lr"].set_text("0.5")
        form.query_one("#head-line Field").set_text("nn1")
        await wait_for(pilot, lambda: form._head == "nn1" and len(form.query("Form")) == 1)
        await pilot.pause()
        head, values = form.answer()
        assert head == "nn1"
        assert values["lr"] == 0.5


async def test_curves_follow_the_file(bench: Any, read_workspace: Workspace) -> None:
    folder = make_run(read_workspace, state="queued")
    async with bench(first="train", size=(120, 40)) as (app, pilot):
        screen = app.current
        await wait_for(pilot, lambda: screen.charts.curves and next(iter(screen.charts.curves.values())).rows)
        curves = next(iter(screen.charts.curves.values()))
        assert len(curves.rows) == 3
        with (folder / "metrics.jsonl").open("a") as file:
            row = {"kind": "epoch", "epoch": 4, "step": 4, "time": 4, "train_loss": None, "val_loss": 0.1}
            file.write(json.dumps(row) + "\n" + '{"kind": "ep')
        await wait_for(pilot, lambda: len(curves.rows) == 4)
        run = train_curves.RunCurves("a", curves, "#FFFFFF")
        lines, _ = train_curves.chart([run], "loss", train_curves.View(), app.session.palette)
        assert [len(line.y) for line in lines] == [4, 4]
        assert screen.query_one("#loss", ChartView)._lines


async def test_train_stops_resumes_and_removes(bench: Any, read_workspace: Workspace) -> None:
    make_run(read_workspace, state="queued")
    async with bench(first="train") as (app, pilot):
        await wait_for(pilot, lambda: app.session.runs and panel(app, "runs").row)
        await pilot.press("x")
        await wait_for(pilot, lambda: app.session.runs[0].state == "stopped")
        await pilot.press("D")
        await pilot.pause()
        await pilot.press("down", "enter")
        await wait_for(pilot, lambda: not app.session.runs)
        assert runs.list_runs(read_workspace) == []
        await wait_for(pilot, lambda: app.current.query_one(ContentSwitcher).current == "nothing")


async def test_a_finished_run_is_looked_at(
    bench: Any, read_workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_run(read_workspace)
    async with bench(first="train") as (app, pilot):
        await wait_for(pilot, lambda: panel(app, "runs").row)
        text = str(app.current.query_one("#run-text", Static).content)
        assert "90.0 % [85.0, 95.0]" in text
        assert "p = 0.010" in text
        went: list[str] = []
        monkeypatch.setattr(app, "go", lambda name, selection=None: went.append(name))
        await pilot.press("enter")
        await pilot.pause()
        assert went == ["confusion"]
        assert app.session.run_pinned


def test_curves_of_a_long_run_stay_small_and_keep_their_epochs() -> None:
    curves = Curves()
    for start in range(0, 50_000, 1000):
        steps = [StepMetrics(epoch=i / 100, step=i, time=i, loss=1.0) for i in range(start, start + 1000)]
        epoch = EpochMetrics(epoch=start // 1000 + 1, step=start + 999, time=start + 999, val_loss=0.5)
        curves.add([*steps, epoch], start)
    assert len(curves.rows) < 10_000
    assert sum(row.kind == "epoch" for row in curves.rows) == 50
    assert [row.step for row in curves.rows] == sorted(row.step for row in curves.rows)


def test_what_a_resumption_made_void_goes() -> None:
    curves = Curves()
    curves.add([EpochMetrics(epoch=i, step=i, time=i) for i in (1, 2, 3)], 10)
    curves.add([Resumed(epoch=1, step=1), EpochMetrics(epoch=2, step=2, time=2)], 20)
    assert [row.epoch for row in curves.rows if isinstance(row, EpochMetrics)] == [1, 2]


def test_intervals_of_two_test_sets_on_one_axis(read_workspace: Workspace) -> None:
    from workbench.present.terminal import interval

    one = interval(0.2, (0.1, 0.3), 0.0, 1.0, 11, "red", "grey", "●")
    two = interval(0.3, (0.2, 0.6), 0.0, 1.0, 11, "blue", "grey", "◆")
    assert overlay(one, two).plain == "·──◆───····"


async def test_the_form_is_walked_field_by_field(bench: Any) -> None:
    async with bench(first="train") as (app, pilot):
        await pilot.press("n")
        await wait_for(pilot, lambda: app.current.query("HeadForm Form Field"))

        def place() -> str:
            widget = app.focused
            return widget.parent.setting.name if isinstance(widget.parent, Field) else widget.parent.group.title

        walked = [place()]
        for key in ("tab", "tab", "down", "down", "down", "tab", "down", "down", "down", "down"):
            await pilot.press(key)
            walked.append(place())
        assert walked == ["head", "lr", "weight_decay", "batch_size", "epochs", "schedule", "transform", "start",
                          "start_scale", "decay_to_start", "lr schedule"]  # fmt: skip
        await pilot.press("up")
        assert place() == "decay_to_start"


async def test_groups_fold_and_tell_what_is_changed_in_them(bench: Any) -> None:
    async with bench(first="train") as (app, pilot):
        await pilot.press("n")
        await wait_for(pilot, lambda: app.current.query("HeadForm Form Field"))
        form = app.current.query_one(HeadForm)
        fields = {field.setting.name: field for field in form.query(Field)}
        fold = next(fold for fold in form.query(Fold) if fold.group.title == "regularisation")
        assert not fields["mixup"].display
        assert "•" not in str(fold.query_one(FoldLine).content)
        fold.query_one(FoldLine).focus()
        await pilot.press("space", "tab", "tab", "tab", *"0.2")
        assert fields["mixup"].text == "0.2"
        assert fields["mixup"].changed
        assert "default 0 ·" in fields["mixup"].hint().plain
        fold.fold(True)
        assert "• mixup 0.2, label smoothing" in str(fold.query_one(FoldLine).content)
        fields["mixup"].set_text("-1")
        await pilot.pause()
        await pilot.press("f5")
        assert app.focused is fields["mixup"].query_one(Input)
        assert not fold.has_class("-folded")


async def test_defaults_do_not_follow_to_another_head(bench: Any) -> None:
    async with bench(first="train") as (app, pilot):
        await pilot.press("n")
        await wait_for(pilot, lambda: app.current.query("HeadForm Form Field"))
        form = app.current.query_one(HeadForm)
        form.query_one("#head-line Field", Field).set_text("mlp")
        await wait_for(pilot, lambda: form._head == "mlp" and len(form.query("Form")) == 1)
        await wait_for(pilot, lambda: form.query("Form Field"))
        assert form.answer()[1]["label_smoothing"] == 0.1


def test_every_setting_of_every_head_is_in_the_form_once() -> None:
    for spec in HEADS.values():
        settings, groups = arrange(spec.Settings)
        assert set(settings) == set(declared(spec.Settings))
        grouped = [name for group in groups for name in group.names]
        assert len(grouped) == len(set(grouped))
    assert list(arrange(HEADS["knn"].Settings)[0])[:3] == ["transform", "k", "temperature"]
