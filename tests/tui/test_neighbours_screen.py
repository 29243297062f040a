"""The Neighbours screen: a sample, its neighbours in any split, a neighbour as the next sample, and back."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import polars as pl
import pytest
from textual.widgets import ContentSwitcher, Input, Static

from tests.tui.tui_support import make_run, wait_for
from workbench import plugins
from workbench.api import Context
from workbench.features.ingest import open_store
from workbench.present.colours import Palette
from workbench.settings import resolve
from workbench.tui.screens.neighbours import content
from workbench.tui.screens.neighbours.query_form import QueryDialog
from workbench.tui.shared.job_view import JobView
from workbench.tui.shared.predictions import next_wrong, verdict
from workbench.tui.shared.sample import SampleView
from workbench.tui.shell.session import Selection, Session
from workbench.tui.widgets.form import Field
from workbench.tui.widgets.table.panel import TablePanel
from workbench.workspace import Workspace


def table(app: Any) -> TablePanel:
    panel: TablePanel = app.current.query_one("#neighbours", TablePanel)
    return panel


def asked(app: Any) -> dict[str, Any]:
    params: dict[str, Any] = app.fake_worker.asked[-1][1]
    return params


@pytest.fixture
def answer(read_workspace: Workspace) -> Any:
    """The analysis itself, run in this process."""
    store = open_store(read_workspace)
    ctx = Context(store.splits, ("test1", "test2"), store.classes, store.label_values, store.feature_names)
    cls = plugins.load(plugins.find(None, "neighbours"))
    return lambda params: list(cls().run(ctx, resolve(cls.Params, params)))


async def opened(app: Any, pilot: Any, split: str = "test1", row: int = 7) -> None:
    app.go("neighbours", Selection(split=split, row=row))
    await answered(app, pilot, split, row)


async def answered(app: Any, pilot: Any, split: str, row: int) -> None:
    def there() -> bool:
        job = app.jobs.all[0] if app.jobs.all else None
        return job is not None and job.over and (job.params["split"], job.params["row"]) == (split, row)

    await wait_for(pilot, lambda: app.current.NAME == "neighbours" and there() and table(app).row is not None)


async def test_without_a_sample_it_says_what_to_press(bench: Any, answer: Any) -> None:
    async with bench(answers={"neighbours": answer}) as (app, pilot):
        await pilot.press("3")
        await wait_for(pilot, lambda: app.current.NAME == "neighbours")
        assert app.current.query_one(ContentSwitcher).current == "nothing"
        await pilot.press("r")
        await wait_for(pilot, lambda: app.session.selection.row is not None)
        assert app.session.selection.split == "test2"
        await wait_for(pilot, lambda: table(app).rows_shown.height == 20)
        assert {name: asked(app)[name] for name in ("into", "k", "metric")} == {
            "into": "train", "k": 20, "metric": "cosine",
        }  # fmt: skip


async def test_neighbours_are_those_of_brute_force_and_agree_in_words(bench: Any, answer: Any) -> None:
    async with bench(size=(120, 40), answers={"neighbours": answer}) as (app, pilot):
        await opened(app, pilot)
        store = app.session.store
        query, train = store.split("test1").features[7], store.train.features
        cosine = 1 - train @ query / np.linalg.norm(train, axis=1) / np.linalg.norm(query)
        shown = table(app).rows_shown
        assert shown["row"].to_list() == np.argsort(cosine, kind="stable")[:20].tolist()
        assert shown["distance"].to_numpy() == pytest.approx(np.sort(cosine)[:20], abs=1e-5)
        same = store.train.labels[shown["row"].to_numpy()] == store.split("test1").labels[7]
        assert [word == content.SAME for word in shown["agreement"]] == same.tolist()
        line = str(app.current.query_one("#agreement", Static).content)
        assert f"{same.sum()} of 20" in line


def row_of(app: Any) -> dict[str, Any]:
    row = table(app).row
    assert row is not None
    return row


async def test_a_neighbour_becomes_the_sample_and_escape_goes_back(bench: Any, answer: Any) -> None:
    async with bench(answers={"neighbours": answer}) as (app, pilot):
        await opened(app, pilot)
        await pilot.press("down", "down")
        row = row_of(app)["row"]
        await pilot.press("enter")
        await answered(app, pilot, "train", row)
        assert (app.session.selection.split, app.session.selection.row) == ("train", row)
        assert row not in table(app).rows_shown["row"]
        await pilot.press("escape")
        await answered(app, pilot, "test1", 7)
        await wait_for(pilot, lambda: row_of(app)["rank"] == 3)
        assert row_of(app)["row"] == row
        await pilot.press("escape")
        await wait_for(pilot, lambda: app.current.NAME == "data")


async def test_split_and_distance_change_by_a_key(bench: Any, answer: Any) -> None:
    async with bench(answers={"neighbours": answer}) as (app, pilot):
        await opened(app, pilot)
        await pilot.press("i")
        await wait_for(pilot, lambda: asked(app)["into"] == "test1")
        await wait_for(pilot, lambda: set(table(app).rows_shown["split"]) == {"test1"})
        assert 7 not in table(app).rows_shown["row"]
        await pilot.press("m")
        await wait_for(pilot, lambda: asked(app)["metric"] == "euclidean")


async def test_the_form_asks_and_refuses_rows_that_are_not_there(bench: Any, answer: Any) -> None:
    async with bench(answers={"neighbours": answer}) as (app, pilot):
        await opened(app, pilot)
        await pilot.press("e")
        await wait_for(pilot, lambda: isinstance(app.screen, QueryDialog) and isinstance(app.focused, Input))
        names = [field.setting.name for field in app.screen.query(Field)]
        assert names == ["split", "row", "into", "k", "metric"]
        await pilot.press(*"999", "enter")
        assert "rows 0 to 149" in str(app.screen.query_one("#refused", Static).content)
        app.focused.value = "12"
        app.screen.query(Field)[3].set_text("5")
        await pilot.press("enter")
        await answered(app, pilot, "test1", 12)
        assert table(app).rows_shown.height == 5


async def test_a_failure_is_shown_with_its_traceback(bench: Any) -> None:
    async with bench(answers={"neighbours": RuntimeError("no room")}) as (app, pilot):
        app.go("neighbours", Selection(split="test1", row=0))
        await wait_for(pilot, lambda: app.jobs.all and app.jobs.all[0].over)
        await pilot.pause()
        assert app.current.query_one("#neighbours-box").has_class("-failed")
        told = str(app.current.query_one("#failed", JobView).query_one("#failure-text", Static).content)
        assert "no room" in told
        assert "Traceback" in told


async def test_next_wrong_goes_round(bench: Any, answer: Any, read_workspace: Workspace) -> None:
    store = open_store(read_workspace)
    folder = make_run(read_workspace)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"fingerprint": store.fingerprint}))
    (folder / "predictions").mkdir()
    labels = store.split("test2").labels
    right = ~np.isin(np.arange(len(labels)), [3, 40])
    frame = {
        "predicted": np.where(right, labels, (labels + 1) % 3),
        "confidence": np.full(len(labels), 0.75),
        "correct": right,
    }
    pl.DataFrame(frame).write_parquet(folder / "predictions" / "test2.parquet")
    async with bench(answers={"neighbours": answer}) as (app, pilot):
        await pilot.press("3")
        await wait_for(pilot, lambda: app.current.NAME == "neighbours")
        for key, row in (("n", 3), ("n", 40), ("n", 3), ("p", 40)):
            await pilot.press(key)

            def selected(row: int = row) -> bool:
                return bool(app.session.selection.row == row)

            await wait_for(pilot, selected)
        session: Session = app.session
        assert next_wrong(session, "train", 0, 1) is None
        assert verdict(session, "test2", 0) == f"predicted ✓ {labels[0]} 75 %"
        assert verdict(session, "test2", 40).startswith("predicted ✗ ")
        view = app.current.query_one("#query", SampleView)
        await wait_for(pilot, lambda: "predicted ✗" in str(view.query_one("#facts", Static).content))


def test_distances_have_four_digits_and_the_line_names_what_it_leaves_out() -> None:
    assert content.distance_digits(pl.DataFrame({"distance": [0.0123, 0.3]})) == 4
    assert content.distance_digits(pl.DataFrame({"distance": [12.3, 63.1]})) == 2
    assert content.distance_digits(pl.DataFrame({"distance": [0.0]})) == 4

    class Names:
        classes = [f"class number {index}" for index in range(30)]

    frame = pl.DataFrame({"index": [0, 0, *range(1, 19)]})
    line = content.agreement_line(frame, 0, Names, Palette(), 78)  # type: ignore[arg-type]
    assert line.plain.startswith("same class 2 of 20 (10 %)  ✓✓··")
    assert line.plain.endswith(" more")
    assert line.cell_len <= 78


@pytest.mark.parametrize("size", [(40, 12), (80, 24), (160, 50)])
async def test_every_size_holds(bench: Any, answer: Any, size: tuple[int, int]) -> None:
    async with bench(size=size, answers={"neighbours": answer}) as (app, pilot):
        await opened(app, pilot)
        await pilot.press("T", "s", "down")
        assert table(app).table.has_focus
