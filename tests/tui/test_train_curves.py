"""Curves of runs: x axes, smoothing, several runs over one another, cursor, zoom, colours; comparisons of settings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tui.tui_support import make_run
from workbench import runs
from workbench.present.colours import SERIES, Palette
from workbench.runs import MetricsRow
from workbench.tui.screens.train import comparison
from workbench.tui.screens.train.curves import (
    QUANTITIES,
    Curves,
    RunCurves,
    View,
    chart,
    cursor_places,
    move_cursor,
    pan,
    zoom,
)
from workbench.tui.shared.runs import RunColours
from workbench.tui.shell.session import Session
from workbench.workspace import Workspace

PALETTE = Palette(True, ("test1", "test2"))


def epoch(i: int, **more: Any) -> dict[str, Any]:
    return {
        "kind": "epoch", "epoch": i, "step": 10 * i, "time": 0.5 * i, "train_loss": 1 / i,
        "train_accuracy": 1 - 0.5 / i,
        "val_loss": 1.5 / i, "val_accuracy": 1 - 0.6 / i, "lr": 0.1 / i, "rows_per_second": 1000.0 * i,
        "memory": 2_000_000_000, **more,
    }  # fmt: skip


def curves(*rows: dict[str, Any]) -> Curves:
    made = Curves()
    made.add([msgspec.convert(row, MetricsRow) for row in rows], 1)
    return made


def one(*rows: dict[str, Any]) -> list[RunCurves]:
    return [RunCurves("a", curves(*rows), "#FF0000")]


FOUR = [epoch(i) for i in range(1, 5)]


def test_the_x_axis_is_epoch_step_or_time() -> None:
    view, seen = View(zoom=(1, 2), cursor=3.0), {}
    for _ in range(3):
        lines, axes = chart(one(*FOUR), "accuracy", replace(view, zoom=None), PALETTE)
        seen[view.x] = lines[0].x.tolist()
        assert view.x.removesuffix("time") in axes.state
        view = view.next_x()
        assert view.zoom is None
        assert view.cursor is None
    assert seen == {"epoch": [1, 2, 3, 4], "step": [10, 20, 30, 40], "time": [0.5, 1.0, 1.5, 2.0]}


def test_each_quantity_has_its_lines() -> None:
    names = {
        quantity: [line.name for line in chart(one(*FOUR), quantity, View(), PALETTE)[0]] for quantity in QUANTITIES
    }
    assert names == {
        "loss": ["train", "val"], "accuracy": ["train", "val"], "rate": ["lr"], "throughput": ["rows/s"],
        "memory": ["memory"],
    }  # fmt: skip
    (memory,), _ = chart(one(*FOUR), "memory", View(), PALETTE)
    assert memory.y.tolist() == [2.0] * 4


def test_what_a_run_never_has_is_no_line_and_a_lost_loss_is_a_gap() -> None:
    rows = [epoch(i, val_loss=None, val_accuracy=None, train_loss=None if i == 2 else 1.0) for i in (1, 2, 3)]
    lines, _ = chart(one(*rows), "loss", View(), PALETTE)
    assert [line.name for line in lines] == ["train"]
    assert np.isnan(lines[0].y).tolist() == [False, True, False]


def test_smoothed_lines_run_over_the_raw_ones() -> None:
    rows = [epoch(i, val_loss=2.0, train_loss=float(i % 2)) for i in range(1, 30)]
    lines, axes = chart(one(*rows), "loss", View(smoothing=0.9), PALETTE)
    assert [(line.name, line.faint) for line in lines] == [("", True), ("", True), ("train", False), ("val", False)]
    assert set(lines[3].y) == {2.0}
    assert np.ptp(lines[2].y[10:]) < 0.2
    assert "smoothed 0.9" in axes.state
    assert "smoothed" not in chart(one(*rows), "rate", View(smoothing=0.9), PALETTE)[1].state
    view, seen = View(), []
    for _ in range(5):
        view = view.next_smoothing()
        seen.append(view.smoothing)
    assert seen == [0.6, 0.9, 0.97, 0.99, 0.0]


def test_test_curves_are_marked_as_evaluations_and_stand_at_their_time() -> None:
    tests = [{"kind": "test", "epoch": i, "step": 10 * i, "test_set": "test1", "accuracy": 0.5, "loss": 1.0}
             for i in (1, 3)]  # fmt: skip
    lines, axes = chart(one(*FOUR, *tests), "accuracy", View(x="time"), PALETTE)
    assert [line.name for line in lines] == ["train", "val", "test1 (test set)"]
    assert lines[2].x.tolist() == [0.5, 1.5]
    assert lines[2].colour == PALETTE.split("test1")
    assert "test-set evaluations" in axes.note
    assert "test" not in "".join(line.name for line in chart(one(*FOUR), "accuracy", View(), PALETTE)[0])


def test_candidates_of_a_closed_form_head_stand_at_their_value() -> None:
    rows = [epoch(i, setting="C", value=10.0 ** (4 - i), train_loss=None) for i in range(1, 5)]
    lines, axes = chart(one(*rows), "accuracy", View(), PALETTE)
    assert lines[-1].x.tolist() == [1.0, 10.0, 100.0, 1000.0]
    assert lines[-1].y[0] == pytest.approx(1 - 0.6 / 4)
    assert axes.log_x
    assert "at C 1 " in f"{axes.note} "


def test_several_runs_have_a_colour_each_and_val_speaks_for_them() -> None:
    shown = [RunCurves("a", curves(*FOUR), "#FF0000"), RunCurves("b", curves(*FOUR[:2]), "#0000FF")]
    lines, axes = chart(shown, "loss", View(), PALETTE)
    assert [line.name for line in lines] == ["", "", "a", "b"]
    assert [line.colour for line in lines[2:]] == ["#FF0000", "#0000FF"]
    assert lines[2].y.tolist() == [1.5, 0.75, 0.5, 0.375]
    assert "val" in axes.note
    assert [line.name for line in chart(shown, "rate", View(), PALETTE)[0]] == ["a", "b"]


def test_a_run_keeps_its_colour() -> None:
    colours = RunColours()
    ids = [f"run-{i}" for i in range(len(SERIES))]
    first = {run_id: colours.of(run_id, PALETTE) for run_id in ids}
    assert len(set(first.values())) == len(SERIES)
    for run_id in [*ids[::-1], "one-more"]:
        assert colours.of(run_id, PALETTE) == first.get(run_id, colours.of(run_id, PALETTE))
    assert RunColours().of(ids[0], PALETTE) == first[ids[0]]


def test_the_cursor_goes_from_place_to_place() -> None:
    lines, _ = chart(one(*FOUR), "accuracy", View(), PALETTE)
    places = cursor_places(lines, None)
    assert places.tolist() == [1, 2, 3, 4]
    assert move_cursor(None, places, 1, 80) == 1
    assert move_cursor(None, places, -1, 80) == 4
    assert move_cursor(2.2, places, 1, 80) == 3
    assert move_cursor(4.0, places, 1, 80) == 4
    assert move_cursor(1.0, np.arange(1000.0), 1, 100) == 11
    assert move_cursor(1.0, np.array([]), 1, 100) is None
    assert cursor_places(lines, (2, 3)).tolist() == [2, 3]


@given(st.lists(st.floats(0.1, 1e6), min_size=2, unique=True), st.lists(st.sampled_from("+-<>"), max_size=20),
       st.booleans())  # fmt: skip
def test_zooming_stays_within_what_there_is(xs: list[float], keys: list[str], log: bool) -> None:
    places, view = np.sort(xs), View(cursor=sorted(xs)[1])
    for key in keys:
        if key in "+-":
            view = zoom(view, places, 0.6 if key == "+" else 1 / 0.6, log=log)
        else:
            view = pan(view, places, 0.25 if key == ">" else -0.25)
        if view.zoom is not None:
            low, high = view.zoom
            room = 1e-9 * abs(places[-1])
            assert places[0] - room <= low < high <= places[-1] + room


def test_zooming_out_ends_at_the_whole() -> None:
    view = zoom(View(cursor=3.0), np.arange(11.0), 0.5)
    assert view.zoom == (1.5, 6.5)
    assert zoom(view, np.arange(11.0), 4.0).zoom is None


@pytest.fixture
def swept(read_workspace: Workspace) -> Callable[..., Session]:
    """A session of runs with these settings, and val accuracies from 0.91 on."""

    def make(*settings: dict[str, Any]) -> Session:
        import json

        for place, own in enumerate(settings):
            folder = make_run(read_workspace, f"20260101-12000{place}-linear-{place:04x}")
            config = json.loads((folder / "config.json").read_text())
            config["settings"] |= own
            config["sweep"] = "s1"
            (folder / "config.json").write_text(json.dumps(config))
            summary = json.loads((folder / "summary.json").read_text())
            summary["val"]["accuracy"] = 0.91 + place / 100
            (folder / "summary.json").write_text(json.dumps(summary))
        return Session(read_workspace, pair=("test1", "test2"), runs=tuple(runs.list_runs(read_workspace))[::-1])

    return make


def test_one_swept_setting_is_drawn_for_val_and_test_sets(swept: Callable[..., Session]) -> None:
    session = swept({"lr": 1e-4}, {"lr": 1e-2}, {"lr": 1e-3})
    differences = comparison.setting_differences(session.runs or ())
    assert list(differences) == ["lr"]
    lines, axes = comparison.setting_chart(session.runs or (), differences, "lr", session)
    assert [line.name for line in lines] == ["val", "test1", "test2"]
    assert lines[0].x.tolist() == [1e-4, 1e-3, 1e-2]
    assert lines[0].y.tolist() == pytest.approx([0.91, 0.93, 0.92])
    assert axes.log_x
    frame = comparison.comparison_frame(session.runs or (), differences, session)
    assert frame["set lr"].to_list() == [1e-4, 1e-2, 1e-3]


def test_two_swept_settings_are_drawn_for_val_with_a_line_a_value(swept: Callable[..., Session]) -> None:
    grid = [{"lr": lr, "schedule": schedule} for lr in (0.1, 0.2) for schedule in ("cosine", "constant")]
    session = swept(*grid)
    differences = comparison.setting_differences(session.runs or ())
    lines, axes = comparison.setting_chart(session.runs or (), differences, "lr", session)
    assert [line.name for line in lines] == ["schedule cosine", "schedule constant"]
    assert [line.y.tolist() for line in lines] == [pytest.approx([0.91, 0.93]), pytest.approx([0.92, 0.94])]
    assert axes.note == "on val"
    lines, axes = comparison.setting_chart(session.runs or (), differences, "schedule", session)
    assert axes.x_ticks == ((0.0, "cosine"), (1.0, "constant"))


def test_of_more_settings_the_best_on_val_is_drawn(swept: Callable[..., Session]) -> None:
    session = swept({"lr": 0.1, "epochs": 1, "weight_decay": 0.0}, {"lr": 0.1, "epochs": 2, "weight_decay": 0.0},
                    {"lr": 0.2, "epochs": 2, "weight_decay": 1.0})  # fmt: skip
    differences = comparison.setting_differences(session.runs or ())
    lines, axes = comparison.setting_chart(session.runs or (), differences, "lr", session)
    assert lines[0].y.tolist() == pytest.approx([0.92, 0.93])
    assert "best on val" in axes.note


def test_one_solution_is_no_curve() -> None:
    one_step = epoch(1, setting="classes", value=10.0, train_loss=None)
    lines, axes = chart(one(one_step), "accuracy", View(), PALETTE)
    assert (lines, axes.empty) == ([], "solved in one step: no curve")
    assert len(chart(one(epoch(1)), "accuracy", View(), PALETTE)[0]) == 2
