"""Runs with their process: what they leave behind, and every way of ending them."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from safetensors.numpy import load_file

from workbench import runs
from workbench.errors import BadInput
from workbench.features.ingest import open_store
from workbench.features.store import Store, TrainingView
from workbench.runs import RunSnapshot, processes, records
from workbench.runs.metrics import EpochMetrics
from workbench.runs.records import Gap
from workbench.stats.intervals import clopper_pearson, newcombe_difference
from workbench.stats.significance import two_proportion_z
from workbench.workspace import Workspace

Launch = Callable[..., RunSnapshot]
PATIENCE = 60.0  # seconds
QUICK = {"epochs": 3, "batch_size": 32, "lr": 0.01, "device": "cpu"}
LONG = {"epochs": 250, "batch_size": 8, "schedule": "plateau"}  # a second or two


@pytest.fixture(autouse=True)
def _one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


def until(run: RunSnapshot, holds: Callable[[RunSnapshot], bool]) -> RunSnapshot:
    """The run once `holds` is true of it; fails with its log when it ends otherwise or takes too long."""
    deadline = time.monotonic() + PATIENCE
    while True:
        now = runs.read(run.folder)
        if holds(now):
            return now
        if not now.active or time.monotonic() > deadline:
            pytest.fail(f"{now} {now.error}\n{runs.read_log(now.folder)}")
        time.sleep(0.02)


@pytest.fixture
def launch(workspace: Workspace, store: Store) -> Iterator[Callable[..., RunSnapshot]]:
    """Create and start a run; what still runs at the end of the test is stopped."""
    made: list[RunSnapshot] = []

    def start(head: str = "linear", **settings: object) -> RunSnapshot:
        made.append(runs.start_sync(runs.create(workspace, store, head, {**QUICK, **settings})))
        return made[-1]

    yield start
    for run in made:
        with suppress(BadInput):
            runs.stop(run, wait=10.0)


def done(run: RunSnapshot) -> bool:
    return run.state == "finished"


def has_checkpoint(run: RunSnapshot) -> bool:
    return (run.folder / "checkpoint.safetensors").exists() and run.epoch > 0


def same_head(one: RunSnapshot, other: RunSnapshot) -> bool:
    a, b = (load_file(run.view.head_file) for run in (one, other))
    return a.keys() == b.keys() and all(np.array_equal(a[key], b[key]) for key in a)


def test_a_run_leaves_everything_that_was_promised(launch: Launch, workspace: Workspace, store: Store) -> None:
    run = until(launch("nn1"), done)
    assert run.summary is not None
    for name, split in store.tests.items():
        frame = run.view.predictions(name)
        assert frame["label"].to_list() == split.labels.tolist()
        k, n = int((frame["predicted"] == frame["label"]).sum()), split.rows
        assert run.tests[name].accuracy == k / n
        assert run.tests[name].ci == clopper_pearson(k, n)
        assert run.tests[name].n == n
    pairs = [(run.tests[name].correct, run.tests[name].n) for name in ("test1", "test2")]
    (k1, n1), (k2, n2) = pairs
    assert run.gap == Gap(
        tests=("test1", "test2"),
        value=k1 / n1 - k2 / n2,
        ci=newcombe_difference(k1, n1, k2, n2),
        p=two_proportion_z(k1, n1, k2, n2)[1],
        z=two_proportion_z(k1, n1, k2, n2)[0],
    )
    train = run.view.predictions("train")
    view = TrainingView(store, workspace.config.validation.fraction, workspace.config.validation.seed)
    assert np.flatnonzero(train["val"].to_numpy()).tolist() == view.val_rows.tolist()
    assert run.val_accuracy == train.filter("val")["correct"].mean()
    schema = {
        "label": pl.Int64, "predicted": pl.Int64, "confidence": pl.Float32, "margin": pl.Float32, "correct": pl.Boolean,
        "top5": pl.List(pl.Int32), "top5_p": pl.List(pl.Float32), "loss": pl.Float32, "calibrated": pl.Float32,
        "val": pl.Boolean,
    }  # fmt: skip
    assert dict(train.schema) == schema
    assert runs.test_looks(workspace) == {"test1": 1, "test2": 1}
    rows, _ = runs.read_metrics(run.folder)
    epochs = [row for row in rows if isinstance(row, EpochMetrics)]
    assert [row.epoch for row in epochs] == [1, 2, 3]
    assert epochs[-1].val_accuracy == pytest.approx(run.val_accuracy)
    answer = records.answer(run.summary)
    assert {"run", "head", "epochs", "seconds", "val", "tests", "gap"} <= answer.keys()
    assert "version" not in answer
    with pytest.raises(BadInput, match="no predictions for split 'v9'"):
        run.view.predictions("v9")


def test_poisoned_test_sets_leave_the_weights_bit_identical(
    launch: Launch, workspace: Workspace, tmp_path: Path
) -> None:
    before = until(launch("nn2"), done)
    for name in ("test1", "test2"):
        frame = pl.read_csv(workspace.root / f"{name}.csv")
        rng = np.random.default_rng(1)
        poison = frame.with_columns(
            pl.Series("label", rng.permutation(frame["label"].to_numpy())),
            *(pl.Series(f"f{i}", rng.normal(size=len(frame)) * 1e4) for i in range(8)),
        )
        poison.write_csv(workspace.root / f"{name}.csv")
    poisoned = Workspace.open(workspace.root, tmp_path / "other-state")
    store = open_store(poisoned)
    after = until(runs.start_sync(runs.create(poisoned, store, "nn2", QUICK)), done)
    assert same_head(before, after)
    assert before.val_accuracy == after.val_accuracy
    assert before.tests != after.tests


def test_stopped_and_resumed_or_killed_and_resumed_is_the_same_to_the_bit(
    launch: Launch, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, stopped = (launch(**LONG) for _ in range(2))
    until(stopped, has_checkpoint)
    stopped = runs.stop(stopped, wait=20.0)
    assert stopped.state == "stopped", runs.read_log(stopped.folder)
    assert 0 < stopped.epoch < 250

    # only now: processes started together may come to the queue in another order, and this one be done by here
    killed = until(launch(**LONG), has_checkpoint)
    assert killed.pid is not None
    os.kill(killed.pid, signal.SIGKILL)
    monkeypatch.setattr(processes, "OLD", 0.0)
    killed = until(killed, lambda run: run.state == "lost")
    with (killed.folder / "metrics.jsonl").open("ab") as file:
        file.write(b'{"kind": "step", "st')  # a torn line

    again = [until(runs.start_sync(runs.resume(run)), done) for run in (stopped, killed)]
    whole = until(whole, done)
    for run in again:
        assert same_head(whole, run)
        folded = runs.fold(runs.read_metrics(run.folder)[0])
        assert [row.epoch for row in folded if isinstance(row, EpochMetrics)] == list(range(1, 251))
        assert run.tests == whole.tests


def test_the_run_outlives_whoever_started_it(workspace: Workspace, store: Store) -> None:
    """The starter is killed with its whole session, as when a terminal is closed."""
    code = (
        "import sys, time, pathlib; from workbench import runs; from workbench.workspace import Workspace; "
        "from workbench.features.ingest import open_store; w = Workspace.open(sys.argv[1]); "
        f"r = runs.start_sync(runs.create(w, open_store(w), 'linear', {LONG | {'device': 'cpu'}!r})); "
        "print(r.folder, flush=True); time.sleep(100)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(workspace.root)], stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as starter:
        assert starter.stdout is not None
        run = runs.read(Path(starter.stdout.readline().strip()))
        os.killpg(starter.pid, signal.SIGHUP)
        os.killpg(starter.pid, signal.SIGKILL)
    run = until(run, lambda run: run.state == "running")
    assert run.pid is not None
    os.kill(run.pid, signal.SIGHUP)
    until(run, done)


def test_two_processes_for_one_run_do_its_work_once(launch: Launch, workspace: Workspace, store: Store) -> None:
    queued = runs.create(workspace, store, "linear", {**QUICK})
    asyncio.run(runs.start(queued))  # the end of the event loop is not the end of the run
    runs.start_sync(queued)
    run = until(queued, done)
    rows, _ = runs.read_metrics(run.folder)
    assert [row.epoch for row in rows if isinstance(row, EpochMetrics)] == [1, 2, 3]
    assert runs.test_looks(workspace) == {"test1": 1, "test2": 1}


def test_failures_are_told(launch: Launch, workspace: Workspace, store: Store) -> None:
    """A GPU that is not there, and a store that is gone; a file in the user's folder does not stand in for torch."""
    (workspace.root / "torch.py").write_text("raise SystemExit('the wrong torch')")
    here = Path.cwd()
    os.chdir(workspace.root)
    try:
        absent = launch(device="cuda:99")
        gone = runs.create(workspace, store, "linear", {})
        (gone.folder / "config.json").write_text(
            (gone.folder / "config.json").read_text().replace(store.fingerprint, "elsewhere")
        )
        runs.start_sync(gone)
    finally:
        os.chdir(here)
    absent, gone = (until(run, lambda run: run.state == "failed") for run in (absent, gone))
    assert absent.bad_input
    assert "cuda:99" in absent.error
    assert "manifest.json: cannot be read" in gone.error
    assert gone.summary is None


def test_a_loss_that_is_no_number_fails_the_run_and_keeps_the_last_good_checkpoint(workspace: Workspace) -> None:
    frame = pl.read_csv(workspace.root / "train.csv")
    frame.with_columns(pl.col("^f.*$") * 1e37).write_csv(workspace.root / "train.csv")
    settings = {**QUICK, "transform": "none", "lr": 50}
    run = runs.start_sync(runs.create(workspace, open_store(workspace), "linear", settings))
    run = until(run, lambda run: run.state == "failed")
    assert "the loss was not finite at step" in run.error
    assert "e.g. lr=5" in run.error
    assert not run.bad_input
    assert not (run.folder / "checkpoint.safetensors").exists()
    assert runs.test_looks(workspace) == {"test1": 0, "test2": 0}
