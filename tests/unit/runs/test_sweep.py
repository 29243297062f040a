"""Sweeps: what they train, how they choose, what they never look at, and how they are taken up again."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable

import numpy as np
import pytest
from safetensors.numpy import load_file

from workbench import runs
from workbench.errors import BadInput
from workbench.features.store import Store
from workbench.runs import processes
from workbench.runs import sweep as sweeps
from workbench.runs.sweep import SweepSnapshot
from workbench.workspace import Workspace

QUICK = {"epochs": 3, "batch_size": 32, "device": "cpu"}
GRID = {"lr": "1e-4,1e-2", "weight_decay": [0, 0.1]}


@pytest.fixture(autouse=True)
def _one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


def until(sweep: SweepSnapshot, holds: Callable[[SweepSnapshot], bool]) -> SweepSnapshot:
    deadline = time.monotonic() + 90
    while not holds(now := sweeps.read_sweep(sweep.folder)):
        if not now.active or time.monotonic() > deadline:
            log = (now.folder / "log.txt").read_text()
            pytest.fail(f"{now} {now.error} {log} {[run.error for run in now.runs]}")
        time.sleep(0.02)
    return now


def finished(sweep: SweepSnapshot) -> SweepSnapshot:
    return until(sweep, lambda now: now.state == "finished")


@pytest.mark.parametrize("head", ["linear", "nn1"])
def test_a_sweep_chooses_on_val_and_looks_at_the_tests_once(head: str, workspace: Workspace, store: Store) -> None:
    """Linear heads are trained together, others one after another."""
    sweep = finished(sweeps.start(sweeps.create(workspace, store, head, GRID, QUICK)))
    assert [(run.settings["lr"], run.settings["weight_decay"]) for run in sweep.runs] == [
        (1e-4, 0.0), (1e-4, 0.1), (1e-2, 0.0), (1e-2, 0.1)
    ]  # fmt: skip
    assert sweep.grid == {"lr": [1e-4, 1e-2], "weight_decay": [0.0, 0.1]}
    assert all(run.state == "finished" and run.sweep == sweep.id for run in sweep.runs)
    scores = [run.summary.val for run in sweep.runs if run.summary]
    best = max(range(4), key=lambda i: (scores[i].accuracy or 0.0, -(scores[i].loss or 0.0)))
    assert sweep.best == sweep.runs[best].id
    assert [bool(run.tests) for run in sweep.runs] == [i == best for i in range(4)]
    assert runs.test_looks(workspace) == {"test1": 1, "test2": 1}
    assert sweep.summary is not None
    assert sweep.summary.tests == sweep.runs[best].tests
    assert sweep.summary.gap == sweep.runs[best].gap
    assert [point.run for point in sweep.summary.runs] == [run.id for run in sweep.runs]
    alone = runs.start_sync(runs.create(workspace, store, head, {**QUICK, "lr": 1e-2, "weight_decay": 0.1}))
    while (alone := runs.read(alone.folder)).active:
        time.sleep(0.05)
    a, b = (load_file(run.view.head_file) for run in (alone, sweep.runs[3]))
    for key in a:
        np.testing.assert_allclose(b[key], a[key], rtol=1e-5, atol=1e-5)
    assert sweeps.load(workspace, "last").id == sweep.id
    assert sweeps.load(workspace, sweep.id).best == sweep.best
    found = runs.matching(runs.list_runs(workspace), f"sweep={sweep.id}")
    assert {run.id for run in found} == {run.id for run in sweep.runs}


def test_a_run_that_diverges_does_not_end_the_sweep(workspace: Workspace, store: Store) -> None:
    grid = {"lr": [100, 1e-2]}
    settings = {**QUICK, "epochs": 60, "optimiser": "sgd", "schedule": "constant", "momentum": 0.99, "weight_decay": 9}
    sweep = finished(sweeps.start(sweeps.create(workspace, store, "linear", grid, settings)))
    assert [run.state for run in sweep.runs] == ["failed", "finished"]
    assert "try a lower learning rate than 100" in sweep.runs[0].error
    assert sweep.best == sweep.runs[1].id


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
@pytest.mark.parametrize("head", ["linear", "nn1"])
def test_a_sweep_is_taken_up_again(
    head: str, how: signal.Signals, workspace: Workspace, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = {**QUICK, "epochs": 150, "batch_size": 16}
    sweep = sweeps.start(sweeps.create(workspace, store, head, {"lr": [1e-3, 1e-2]}, settings))
    sweep = until(sweep, lambda now: any((run.folder / "checkpoint.safetensors").exists() for run in now.runs))
    pid = runs.RunFolder(sweep.folder).state.pid
    assert pid is not None
    os.kill(pid, how)
    monkeypatch.setattr(processes, "OLD", 0.0)
    deadline = time.monotonic() + 30
    while (now := sweeps.read_sweep(sweep.folder)).active:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert now.state == ("stopped" if how == signal.SIGTERM else "lost")
    assert not any(run.active for run in now.runs if run.pid)
    sweep = finished(sweeps.start(now))
    assert all(run.state == "finished" and run.epoch == 150 for run in sweep.runs)
    assert runs.test_looks(workspace) == {"test1": 1, "test2": 1}


@pytest.mark.parametrize(
    ("grid", "settings", "told"),
    [
        ({}, {}, "requires at least one setting to vary"),
        ({"lrr": "1"}, {}, "unknown setting 'lrr', did you mean 'lr'"),
        ({"lr": "1,-1"}, {}, r"lr = '-1': expected > 0"),
        ({"lr": "1"}, {"lr": 2}, "lr is both in --grid and in --set"),
        ({"lr": ","}, {}, "missing values"),
        ({"seed": range(2000)}, {}, "2,000 points; at most 1,024"),
        ({"lr": "1"}, {"epochs": 0}, "epochs = 0"),
    ],
)
def test_bad_grids_leave_nothing_behind(
    grid: dict[str, object], settings: dict[str, object], told: str, workspace: Workspace, store: Store
) -> None:
    with pytest.raises(BadInput, match=told):
        sweeps.create(workspace, store, "linear", grid, settings)  # type: ignore[arg-type]
    assert runs.list_runs(workspace) == []
    assert sweeps.list_sweeps(workspace) == []
