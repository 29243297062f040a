"""The Confusion screen: classes and pairs of both test sets, the samples of a pair, and back again."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import polars as pl
import pytest
from textual.widgets import ContentSwitcher, Static

from tests.tui.tui_support import make_run, wait_for
from workbench import plugins
from workbench.api import Context
from workbench.errors import BadInput
from workbench.features.ingest import open_store
from workbench.present.colours import Palette
from workbench.runs import RunFolder, StoredRun
from workbench.settings import resolve
from workbench.tui.screens.confusion import content
from workbench.tui.shared.job_view import JobView
from workbench.tui.shell.jobs import Job
from workbench.tui.widgets.table.panel import TablePanel
from workbench.workspace import Workspace


def panel(app: Any, name: str) -> TablePanel:
    table: TablePanel = app.current.query_one(f"#{name}", TablePanel)
    return table


def level(app: Any) -> str | None:
    switcher: ContentSwitcher = app.current.query_one(ContentSwitcher)
    return switcher.current


@pytest.fixture
def run_folder(read_workspace: Workspace) -> RunFolder:
    """A finished run that is wrong on every fifth sample of test 1 and every third of test 2."""
    store = open_store(read_workspace)
    folder = make_run(read_workspace)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"fingerprint": store.fingerprint}))
    (folder / "predictions").mkdir()
    for name, every in (("train", 1000), ("test1", 5), ("test2", 3)):
        split = store.split(name)
        wrong = np.arange(split.rows) % every == every - 1
        predicted = np.where(wrong, (split.labels + 1) % 3, split.labels)
        confidence = np.linspace(0.4, 0.9, split.rows, dtype=np.float32)
        frame = {"label": split.labels, "predicted": predicted, "confidence": confidence, "correct": ~wrong}
        pl.DataFrame(frame).write_parquet(folder / "predictions" / f"{name}.parquet")
    return RunFolder(folder)


@pytest.fixture
def answer(read_workspace: Workspace, run_folder: RunFolder) -> Any:
    """The analysis itself, run in this process."""
    store = open_store(read_workspace)
    ctx = Context(
        store.splits, ("test1", "test2"), store.classes, store.label_values, store.feature_names, StoredRun(run_folder)
    )
    cls = plugins.load(plugins.find(None, "confusion"))
    return lambda params: list(cls().run(ctx, resolve(cls.Params, params)))


def read(blocks: Any, store: Any, tests: tuple[str, ...] = ("test1", "test2")) -> content.Answer:
    job = Job("j1", "confusion", {}, None, "confusion", state="done", blocks=tuple(blocks))
    return content.read_answer(job, content.Subject(store, None, tests))


async def opened(app: Any, pilot: Any) -> None:
    await pilot.press("4")
    await wait_for(pilot, lambda: app.current.NAME == "confusion" and level(app) == "overview")
    await wait_for(pilot, lambda: panel(app, "pairs").row is not None)


async def test_without_a_run_it_says_what_to_press(bench: Any) -> None:
    async with bench(answers={}) as (app, pilot):
        await pilot.press("4")
        await wait_for(pilot, lambda: app.current.NAME == "confusion")
        assert level(app) == "nothing"
        assert app.jobs.all == ()


def test_tables_of_both_test_sets_are_joined(read_workspace: Workspace, run_folder: RunFolder, answer: Any) -> None:
    store = open_store(read_workspace)
    got = read(answer(content.PARAMS), store)
    for number, test in ((1, "test1"), (2, "test2")):
        said = run_folder.predictions(test)
        recall = said.group_by("label").agg(pl.col("correct").mean()).sort("label")["correct"]
        assert got.classes[f"recall{number}"].to_list() == pytest.approx(recall.to_list())
        wrong = said.filter(~pl.col("correct"))
        assert got.pairs[f"count{number}"].sum() == wrong.height
        order = content.view_pairs(got, f"test{number}")[f"count{number}"].to_list()
        assert order == sorted(order, reverse=True)
        assert min(order) > 0
    assert (got.classes["low"] <= got.classes["change"]).all()
    assert (got.classes["change"] <= got.classes["high"]).all()
    sizes = content.view_pairs(got, "change")["change"].abs().to_list()
    assert sizes == sorted(sizes, reverse=True)
    kept = content.view_pairs(got, "change", index=0)
    assert all(0 in pair for pair in kept.select("true_index", "predicted_index").rows())


def test_one_test_set_has_no_change(read_workspace: Workspace, answer: Any) -> None:
    got = read(answer({"tests": "test1", "limit": 0}), open_store(read_workspace), ("test1",))
    assert content.views_of(got) == ("test1",)
    assert "change" not in got.pairs.columns
    names = [column.name for column in content.class_columns(got, Palette(pair=("test1",)))]
    assert names == ["class", "recall1", "precision1", "f11", "support1"]


def test_a_drawn_change_shows_zero_and_is_bright_only_beside_it() -> None:
    palette = Palette(pair=("test1", "test2"))
    beside = content.drawn_change(0.1, 0.05, 0.15, 0.2, palette)
    across = content.drawn_change(0.1, -0.05, 0.25, 0.2, palette)
    assert beside.plain[content.DRAWN // 2] == "│"
    assert across.plain[content.DRAWN // 2] == "┼"
    assert palette.strong in {str(span.style) for span in beside.spans}
    assert palette.strong not in {str(span.style) for span in across.spans}


async def test_from_a_pair_to_a_sample_and_back(
    bench: Any, answer: Any, run_folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with bench(size=(120, 40), answers={"confusion": answer}) as (app, pilot):
        await opened(app, pilot)
        await pilot.press("v")
        await pilot.press("slash", *"true=1", "enter")
        row = panel(app, "pairs").row
        assert row is not None
        assert (row["true_index"], row["predicted_index"]) == (1, 2)
        await pilot.press("enter")
        await wait_for(pilot, lambda: level(app) == "cell" and panel(app, "samples").row is not None)
        chosen = app.session.selection
        assert (chosen.split, chosen.true, chosen.predicted) == ("test1", 1, 2)
        said = (
            run_folder.predictions("test1").with_row_index("row").filter(pl.col("label") == 1, pl.col("predicted") == 2)
        )
        shown = panel(app, "samples").rows_shown
        assert sorted(shown["row"]) == said["row"].to_list()
        assert shown["confidence"].is_sorted(descending=True)
        await pilot.press("v")
        await wait_for(pilot, lambda: app.session.selection.split == "test2")
        await pilot.press("v", "down")
        await wait_for(pilot, lambda: panel(app, "samples").rows_shown.height == said.height)
        went: list[Any] = []
        monkeypatch.setattr(app, "go", lambda name, selection: went.append((name, selection.split, selection.row)))
        before = panel(app, "samples").row
        await pilot.press("enter")
        assert before is not None
        await wait_for(pilot, lambda: went == [("neighbours", "test1", before["row"])])
        await pilot.press("escape")
        await wait_for(pilot, lambda: level(app) == "overview")
        assert panel(app, "pairs").rows_shown["true"].unique().to_list() == ["1"]
        await pilot.press("escape")
        assert panel(app, "pairs").rows_shown["true"].n_unique() == 3


async def test_enter_on_a_class_keeps_its_pairs(bench: Any, answer: Any) -> None:
    async with bench(answers={"confusion": answer}) as (app, pilot):
        await opened(app, pilot)
        everything = panel(app, "pairs").rows_shown.height
        panel(app, "classes").table.focus()
        await pilot.press("enter")
        index = app.session.selection.true
        kept = panel(app, "pairs").rows_shown
        assert 0 < kept.height < everything
        assert all(index in pair for pair in kept.select("true_index", "predicted_index").rows())
        await pilot.press("escape")
        assert panel(app, "pairs").rows_shown.height == everything


async def test_another_pair_of_test_sets_is_asked_anew(bench: Any, answer: Any) -> None:
    async with bench(answers={"confusion": answer}) as (app, pilot):
        await opened(app, pilot)
        await pilot.press("P")
        await wait_for(pilot, lambda: len(app.fake_worker.asked) == 2)
        assert [pair for *_, pair in app.fake_worker.asked] == [("test1", "test2"), ("test2", "test1")]
        await pilot.press("1", "4")
        await pilot.pause()
        assert len(app.fake_worker.asked) == 2


async def test_a_failure_is_shown_and_can_be_asked_again(bench: Any, run_folder: RunFolder) -> None:
    async with bench(answers={"confusion": BadInput("the predictions are gone")}) as (app, pilot):
        await pilot.press("4")
        await wait_for(pilot, lambda: app.current.NAME == "confusion" and app.jobs.all and app.jobs.all[0].over)
        assert level(app) == "working"
        view = app.current.query_one(JobView)
        assert "the predictions are gone" in str(view.query_one("#failure-text", Static).content)
        await pilot.press("ctrl+r")
        await wait_for(pilot, lambda: len(app.fake_worker.asked) == 2)


@pytest.mark.parametrize("size", [(40, 12), (80, 24), (160, 50)])
async def test_every_size_holds(bench: Any, answer: Any, size: tuple[int, int]) -> None:
    async with bench(size=size, answers={"confusion": answer}) as (app, pilot):
        await opened(app, pilot)
        await pilot.press("enter")
        await wait_for(pilot, lambda: level(app) == "cell" and panel(app, "samples").row is not None)
        await pilot.press("T", "escape")
        await wait_for(pilot, lambda: level(app) == "overview")


def test_a_perfect_run_and_a_class_without_samples(
    read_workspace: Workspace, run_folder: RunFolder, answer: Any
) -> None:
    store = open_store(read_workspace)
    for name in ("test1", "test2"):
        path = run_folder.predictions_file(name)
        frame = pl.read_parquet(path).with_columns(predicted=pl.col("label"), correct=pl.lit(True))
        (frame.filter(pl.col("label") > 0) if name == "test2" else frame).write_parquet(path)
    got = read(answer(content.PARAMS), store)
    palette = Palette(pair=("test1", "test2"))
    assert got.pairs.height == 0
    assert got.classes["recall2"].to_list() == [None, 1.0, 1.0]
    assert got.classes["change"].to_list() == [None, 0.0, 0.0]
    for view in content.views_of(got):
        assert content.view_pairs(got, view).height == 0
    assert content.class_columns(got, palette)
    assert content.pair_columns(got, palette)
    told = content.cell_text(got, store, 1, 2, palette).plain
    assert told.startswith("1 predicted as 2")
