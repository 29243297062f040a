"""A full disk, a rate that is too high, and what a finished run tells of itself."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from safetensors.numpy import load_file
from sklearn.metrics import f1_score

from workbench import runs
from workbench.errors import BadInput
from workbench.features.ingest import open_store
from workbench.features.store import Store
from workbench.runs import RunSnapshot
from workbench.runs.metrics import EpochMetrics, TestMetrics
from workbench.stats.calibration import expected_calibration_error
from workbench.workspace import Workspace

QUICK = {"epochs": 3, "batch_size": 32, "lr": 0.01, "device": "cpu"}


@pytest.fixture(autouse=True)
def _one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


def until(run: RunSnapshot, holds: Callable[[RunSnapshot], bool]) -> RunSnapshot:
    deadline = time.monotonic() + 90
    while not holds(now := runs.read(run.folder)):
        if not now.active or time.monotonic() > deadline:
            pytest.fail(f"{now} {now.error}\n{runs.read_log(now.folder)}")
        time.sleep(0.02)
    return now


def finished(run: RunSnapshot) -> RunSnapshot:
    return until(runs.start_sync(run), lambda run: run.state == "finished")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 4 MB."""
    place = tmp_path / "small"
    place.mkdir()
    try:
        made = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(place)], capture_output=True, check=False
        )
    except FileNotFoundError:
        pytest.skip("there is no mount here")
    if made.returncode:
        pytest.skip("only root can make a small file system")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def test_a_full_disk_fails_the_run_and_keeps_the_last_checkpoint(
    make_folder: Callable[..., Path], small_disk: Path
) -> None:
    workspace = Workspace.open(make_folder(), small_disk / "state")
    store = open_store(workspace)
    settings = {**QUICK, "epochs": 400, "hidden": 2000, "schedule": "constant"}
    whole = Workspace.open(workspace.root)
    expected = runs.start_sync(runs.create(whole, open_store(whole), "nn1", settings))
    run = runs.start_sync(runs.create(workspace, store, "nn1", settings))
    run = until(run, lambda run: (run.folder / "checkpoint.safetensors").exists() and run.epoch > 0)
    filler = small_disk / "filler"
    with suppress(OSError), filler.open("wb", buffering=0) as file:
        while file.write(os.urandom(4096)):
            pass
    run = until(run, lambda run: run.state == "failed")
    assert "is full; free some space, then resume the run (it continues after epoch" in run.error
    assert not run.bad_input
    assert load_file(run.folder / "checkpoint.safetensors")
    filler.unlink()
    run = finished(runs.resume(run))
    expected = until(expected, lambda run: run.state == "finished")
    a, b = (load_file(one.view.head_file) for one in (run, expected))
    assert all(np.array_equal(a[key], b[key]) for key in a)


def test_a_rate_that_is_too_high_leaves_the_last_good_checkpoint(workspace: Workspace, store: Store) -> None:
    """The loss is fine for some epochs, then the rate has risen too far."""
    settings = {**QUICK, "epochs": 100, "optimiser": "sgd", "lr": 100, "warmup": 100, "momentum": 0.99}
    run = runs.start_sync(runs.create(workspace, store, "nn1", {**settings, "weight_decay": 1}))
    run = until(run, lambda run: run.state == "failed")
    assert "try a lower learning rate than 100, e.g. lr=10" in run.error
    assert not run.bad_input
    kept = load_file(run.folder / "checkpoint.safetensors")
    assert all(np.isfinite(value).all() for key, value in kept.items() if key.startswith(("module", "learner")))


def test_a_finished_run_tells_its_scores(workspace: Workspace, store: Store) -> None:
    run = finished(runs.create(workspace, store, "nn1", QUICK))
    assert run.summary is not None
    assert run.summary.temperature is not None
    assert run.summary.temperature.fitted_on == "val"
    assert run.summary.memory_bytes > 0
    for name, scores in [*run.tests.items(), ("val", run.summary.val)]:
        frame = run.view.predictions("train").filter("val") if name == "val" else run.view.predictions(name)
        label, predicted = frame["label"].to_numpy(), frame["predicted"].to_numpy()
        assert scores.f1 == pytest.approx(f1_score(label, predicted, average="macro"))
        assert scores.f1 is not None
        assert scores.f1_ci is not None
        assert scores.f1_ci[0] <= scores.f1 <= scores.f1_ci[1]
        correct = frame["correct"].to_numpy()
        assert scores.ece == pytest.approx(expected_calibration_error(frame["confidence"].to_numpy(), correct))
        assert scores.calibrated is not None
        assert scores.calibrated.ece == pytest.approx(
            expected_calibration_error(frame["calibrated"].to_numpy(), correct)
        )
        assert scores.top5 == 1.0  # of three classes
        assert None not in (scores.precision_ci, scores.recall_ci, scores.ece_ci, scores.top5_ci)
    val = run.summary.val
    assert val.calibrated is not None
    assert val.calibrated.loss is not None
    assert val.loss is not None
    assert val.calibrated.loss <= val.loss + 1e-6


def test_test_curves_are_drawn_only_when_asked_and_count_as_looks(workspace: Workspace, store: Store) -> None:
    plain = finished(runs.create(workspace, store, "nn2", QUICK))
    assert runs.test_looks(workspace) == {"test1": 1, "test2": 1}
    asked = finished(runs.create(workspace, store, "nn2", {**QUICK, "test_curves": True}))
    assert runs.test_looks(workspace) == {"test1": 5, "test2": 5}
    rows = runs.fold(runs.read_metrics(asked.folder)[0])
    found = [(row.epoch, row.test_set) for row in rows if isinstance(row, TestMetrics)]
    assert found == [(epoch, name) for epoch in (1, 2, 3) for name in ("test1", "test2")]
    assert isinstance(rows[-1], TestMetrics)
    assert rows[-1].accuracy == pytest.approx(asked.tests["test2"].accuracy)
    a, b = (load_file(run.view.head_file) for run in (plain, asked))
    assert all(np.array_equal(a[key], b[key]) for key in a)


def test_a_run_that_stops_early_says_so(workspace: Workspace, store: Store) -> None:
    run = finished(runs.create(workspace, store, "linear", {**QUICK, "epochs": 900, "lr": 0.1, "early_stopping": 2}))
    assert run.summary is not None
    assert run.epoch == run.summary.epochs == run.summary.chosen["stopped_after_epoch"] < 900
    rows, _ = runs.read_metrics(run.folder)
    assert [row.epoch for row in rows if isinstance(row, EpochMetrics)][-1] == run.epoch
    assert isinstance(pl.read_parquet(run.view.predictions_file("test1")), pl.DataFrame)
    with pytest.raises(BadInput, match="only a stopped, failed or lost run"):
        runs.resume(run)
