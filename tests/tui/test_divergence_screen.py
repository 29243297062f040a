"""The Divergence screen: what it asks for, sorting, filter, the feature under the cursor, other splits."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

from tests.tui.tui_support import wait_for
from workbench import api
from workbench.tui.screens.divergence import content
from workbench.tui.screens.divergence.screen import DivergenceScreen
from workbench.tui.shared.feature import decimals
from workbench.tui.shared.job_view import JobView
from workbench.tui.widgets.chart import ChartView
from workbench.tui.widgets.table.panel import TablePanel

DIM = 8


def answer(params: dict[str, Any]) -> list[Any]:
    """Feature i has KS i/10 and an SMD that falls from +0.4 to -0.3; the last one holds NaN."""
    size = np.arange(DIM, dtype=float)
    columns: dict[str, Any] = {
        "feature": [f"f{i}" for i in range(DIM)],
        "ks": size / 10,
        "wasserstein": size[::-1] / 100,
        "wasserstein_sd": size[::-1] / 50,
        "smd": 0.4 - size / 10,
        "sd_ratio": 1.1 ** (size - 3),
        "mean_a": size,
        "mean_b": size + 0.4,
        "sd_a": size + 1,
        "sd_b": size + 1,
        "p": 10.0**-size,
        "p_adjusted": np.minimum(1, DIM * 10.0**-size),
    }
    frame = pl.DataFrame(columns).sort("ks", descending=True)
    measured = [name for name in columns if name != "feature"]
    broken = pl.when(pl.col("feature") != "f7").then(pl.col(measured))
    return [api.Metric("features moved", 0.5), api.Table(frame.with_columns(broken), title="features", of=DIM)]


ANSWERS = {"divergence": answer}


def screen_of(app: Any) -> DivergenceScreen:
    assert isinstance(app.current, DivergenceScreen)
    return app.current


def shown(screen: DivergenceScreen) -> list[str]:
    frame = screen.query_one("#features", TablePanel).rows_shown
    return frame.get_column("feature").to_list() if frame.width else []


async def opened(app: Any, pilot: Any) -> DivergenceScreen:
    await pilot.press("5")
    await wait_for(pilot, lambda: isinstance(app.current, DivergenceScreen) and bool(shown(app.current)))
    return screen_of(app)


async def test_asks_for_the_pair_and_sorts_by_each_measure(bench: Any) -> None:
    async with bench(answers=ANSWERS) as (app, pilot):
        screen = await opened(app, pilot)
        assert app.fake_worker.asked == [
            ("divergence", {"a": "test1", "b": "test2", "limit": 0}, None, ("test1", "test2"))
        ]
        assert shown(screen)[:2] == ["f6", "f5"]
        assert shown(screen)[-1] == "f7"  # not compared: last, whatever it is sorted by
        await pilot.press("m")
        assert shown(screen)[:2] == ["f0", "f1"]
        await pilot.press("m", "m")  # SMD, by its size
        assert shown(screen)[:3] == ["f0", "f1", "f2"]
        await pilot.press("m")  # SD ratio: a third is as far from 1 as three
        assert set(shown(screen)[:3]) == {"f0", "f6", "f5"}
        await pilot.press("m")
        assert shown(screen)[:2] == ["f6", "f5"]
        summary = str(screen.query_one("#summary").render())
        assert "4 of 8 features differ" in summary
        assert "1 with NaN" in summary


async def test_the_feature_under_the_cursor_is_selected_read_and_drawn(bench: Any) -> None:
    async with bench(answers=ANSWERS) as (app, pilot):
        screen = await opened(app, pilot)
        assert app.session.selection.feature == 6
        await pilot.press("down", "down")
        assert app.session.selection.feature == 4
        pair, store = ("test1", "test2"), app.session.store
        await wait_for(pilot, lambda: (store.fingerprint, pair, 4) in screen._reader._cache)
        assert screen.query_one("#histograms", ChartView).drawings > 0
        assert "Feature f4" in str(screen.query_one("#feature-box").border_title)
        app.select(feature=2)  # another screen, or escape, chose another one
        await pilot.pause()
        row = screen.query_one("#features", TablePanel).row
        assert row is not None
        assert row["feature"] == "f2"


async def test_filter_opens_and_escape_closes_it(bench: Any) -> None:
    async with bench(answers=ANSWERS) as (app, pilot):
        screen = await opened(app, pilot)
        await pilot.press("slash", *"ks>0.35", "enter")
        assert shown(screen) == ["f6", "f5", "f4"]
        await pilot.press("escape")
        assert len(shown(screen)) == DIM


async def test_other_splits_and_the_turned_pair_are_asked_for_again(bench: Any) -> None:
    async with bench(answers=ANSWERS) as (app, pilot):
        screen = await opened(app, pilot)
        await pilot.press("v", "home", "enter")
        await wait_for(pilot, lambda: "train" in str(screen.query_one("#summary").render()))
        assert shown(screen)
        assert app.fake_worker.asked[-1][1] == {"a": "train", "b": "test1", "limit": 0}
        await pilot.press("P")
        await wait_for(pilot, lambda: len(app.fake_worker.asked) == 3)
        assert app.fake_worker.asked[-1][1] == {"a": "test2", "b": "test1", "limit": 0}


async def test_a_failure_is_shown_and_asked_again(bench: Any) -> None:
    answers: dict[str, Any] = {"divergence": ValueError("no luck")}
    async with bench(answers=answers) as (app, pilot):
        await pilot.press("5")
        await wait_for(pilot, lambda: bool(app.jobs.all) and app.jobs.all[0].over)
        screen = screen_of(app)
        assert screen.query_one(JobView).has_class("-failed")
        app.fake_worker.answers["divergence"] = answer
        await pilot.press("ctrl+r")
        await wait_for(pilot, lambda: bool(shown(screen)))


async def test_the_built_in_analysis_fills_the_screen(bench: Any) -> None:
    async with bench(size=(120, 40)) as (app, pilot):
        await pilot.press("5")
        await wait_for(
            pilot, lambda: isinstance(app.current, DivergenceScreen) and bool(shown(app.current)), seconds=60
        )
        screen = screen_of(app)
        assert sorted(shown(screen)) == [f"f{i}" for i in range(DIM)]
        row = screen.query_one("#features", TablePanel).row
        assert row is not None
        column = [app.session.store.splits[name].features[:, row["index"]] for name in ("test1", "test2")]
        assert row["mean_b"] == pytest.approx(float(column[1].mean(dtype=np.float64)))


async def test_enter_opens_the_samples_behind_a_feature_and_one_of_them_its_neighbours(bench: Any) -> None:
    async with bench(answers=ANSWERS) as (app, pilot):
        screen = await opened(app, pilot)
        samples = screen.query_one("#samples", TablePanel)
        first = screen.query_one("#features", TablePanel).row
        assert first is not None
        assert first["smd"] < 0
        await pilot.press("enter")
        await wait_for(pilot, lambda: samples.rows_shown.height)
        store = app.session.store

        def values(split: str) -> np.ndarray:
            return np.asarray(store.splits[split].features[:, first["index"]])

        def seen() -> np.ndarray:
            return samples.rows_shown["value"].to_numpy()

        assert np.array_equal(seen(), np.sort(values("test2")))  # the mean fell: the lowest first
        frame = samples.rows_shown
        assert np.array_equal(values("test2")[frame["row"].to_numpy()], seen())
        assert frame["off"][0] == pytest.approx((seen()[0] - first["mean_a"]) / first["sd_a"], rel=1e-5)
        assert frame["class"].to_list()[:1] == [store.classes[int(store.splits["test2"].labels[frame["row"][0]])]]
        await pilot.press("m")
        assert screen.query_one("#features", TablePanel).table.sorted_by == ("ks", True)
        await pilot.press("v")
        await wait_for(pilot, lambda: np.array_equal(seen(), np.sort(values("test1"))))
        row = samples.row
        assert row is not None
        await pilot.press("enter")
        await wait_for(pilot, lambda: app.current.NAME == "neighbours")
        assert (app.session.selection.split, app.session.selection.row) == ("test1", row["row"])
        await pilot.press("escape")
        await wait_for(pilot, lambda: app.current is screen)
        assert samples.visible_now
        await pilot.press("escape")
        assert screen.query_one("#features", TablePanel).visible_now
        assert app.session.selection.feature == first["index"]


async def test_a_tiny_terminal(bench: Any) -> None:
    async with bench(size=(40, 12), answers=ANSWERS) as (app, pilot):
        screen = await opened(app, pilot)
        await pilot.press("down", "l", "m")
        assert len(shown(screen)) == DIM


@pytest.mark.parametrize(
    ("sd", "rows", "digits"), [(3.0, 500, 2), (0.0144, 10_000, 5), (300.0, 100, 0), (0.0, 10, None), (None, 10, None)]
)
def test_means_have_the_digits_of_their_error(sd: float | None, rows: int, digits: int | None) -> None:
    assert decimals(sd, rows) == digits


def test_default_pair(store: Any) -> None:
    assert content.default_pair(store, ("test1", "test2")) == ("test1", "test2")
    assert content.default_pair(store, ("test1",)) == ("train", "test1")
    assert content.default_pair(store, ()) is None
    assert ("train", "test2") in content.pairs_of(store)
