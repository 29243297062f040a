"""Reading once, opening ever after; interrupted, killed, in parallel, on a full disk."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from workbench.errors import BadInput, Cancelled
from workbench.features.ingest import ingested, open_store, sources_missing
from workbench.features.progress import IngestProgress
from workbench.features.store import stratified_cut
from workbench.workspace import Workspace


def test_a_read_workspace_is_opened_and_a_changed_file_read_again(workspace: Workspace) -> None:
    first = open_store(workspace)
    assert open_store(workspace).folder == first.folder
    file = workspace.root / "test1.csv"
    file.write_text(file.read_text().replace("\n", "\n", 1) + file.read_text().splitlines()[1] + "\n")
    assert ingested(workspace) is None
    second = open_store(workspace)
    assert second.split("test1").rows == first.split("test1").rows + 1
    assert not first.folder.exists()


def test_opening_loads_neither_polars_nor_numeric_libraries(workspace: Workspace) -> None:
    open_store(workspace)
    code = (
        "import sys; from workbench.workspace import Workspace; from workbench.features.ingest import open_store;"
        f"s = open_store(Workspace.open({str(workspace.root)!r})); print(s.train.features.shape);"
        "print([m for m in ('polars', 'torch', 'faiss', 'sklearn', 'scipy', 'textual') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["(300, 8)", "[]"]


def test_progress_reaches_the_end(workspace: Workspace) -> None:
    steps: list[IngestProgress] = []
    open_store(workspace, progress=steps.append)
    fractions = [step.fraction for step in steps]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0


def test_cancelling_leaves_the_old_store(workspace: Workspace) -> None:
    old = open_store(workspace)
    with (workspace.root / "train.csv").open("a") as handle:
        handle.write((workspace.root / "train.csv").read_text().splitlines()[1] + "\n")
    with pytest.raises(Cancelled):
        open_store(workspace, cancelled=lambda: True)
    assert old.folder.exists()
    assert not list(workspace.features_dir.glob(".partial-*"))


SLOW = """
import sys, time
from workbench.features import ingest, writer
from workbench.workspace import Workspace
add = writer.SplitWriter.add
def slow(self, features):
    kept = add(self, features)
    print("batch", flush=True)
    time.sleep(float(sys.argv[2]))
    return kept
writer.SplitWriter.add = slow
print("waits" if ingest.open_store(Workspace.open(sys.argv[1]), notice=print) is None else "done")
"""


def reading(workspace: Workspace, seconds: float) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", SLOW, str(workspace.root), str(seconds)], stdout=subprocess.PIPE, text=True
    )


def test_kill_9_leaves_no_store_and_the_next_start_sweeps(workspace: Workspace) -> None:
    process = reading(workspace, 60)
    assert process.stdout is not None
    assert process.stdout.readline() == "batch\n"
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert list(workspace.features_dir.glob(".partial-*"))
    assert ingested(workspace) is None
    open_store(workspace)
    assert not list(workspace.features_dir.glob(".partial-*"))


def test_of_two_processes_one_reads_and_the_other_uses_it(workspace: Workspace) -> None:
    first = reading(workspace, 1.0)
    assert first.stdout is not None
    assert first.stdout.readline() == "batch\n"
    told: list[str] = []
    store = open_store(workspace, notice=told.append)
    assert store.train.rows == 300
    assert any("waiting" in text for text in told)
    assert first.wait(20) == 0


def test_a_full_disk_is_told_and_leaves_nothing(make_folder: Callable[..., Path], tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    if (
        os.geteuid() != 0
        or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=200k", "none", str(small)], check=False).returncode
    ):
        pytest.skip("mounting a small tmpfs needs root")
    try:
        workspace = Workspace.open(make_folder(rows=30_000), small / "state")
        done = subprocess.run(
            [sys.executable, "-m", "workbench", "ingest", str(workspace.root), "--state", str(workspace.state)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 1
        assert "No space left" in done.stderr
        assert not list(workspace.features_dir.glob(".partial-*"))
    finally:
        subprocess.run(["umount", str(small)], check=True)


def test_ctrl_c_stops_within_a_second(workspace: Workspace) -> None:
    process = reading(workspace, 0.2)
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    started = time.monotonic()
    assert process.wait(10) != 0
    assert time.monotonic() - started < 5
    assert not list(workspace.features_dir.glob(".partial-*"))


def test_a_store_outlives_its_sources(workspace: Workspace) -> None:
    open_store(workspace)
    for file in workspace.root.glob("t*.csv"):
        file.unlink()
    again = Workspace.open(workspace.root)
    assert sources_missing(again)
    assert open_store(again).train.rows == 300


def test_a_folder_that_cannot_be_written_offers_state(workspace: Workspace, tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(BadInput, match="--state DIR"):
        open_store(Workspace.open(workspace.root, blocked / "below"))
    assert open_store(Workspace.open(workspace.root, tmp_path / "state")).folder.is_relative_to(tmp_path / "state")


@pytest.mark.parametrize("fraction", [0.0, 0.1, 0.5])
def test_the_cut_is_stratified_complete_and_by_seed(fraction: float) -> None:
    labels = np.repeat(np.arange(5), [1, 2, 10, 100, 1000])
    np.random.default_rng(0).shuffle(labels)
    train, val = stratified_cut(labels, fraction, seed=3)
    assert sorted([*train, *val]) == list(range(len(labels)))
    held = np.bincount(labels[val], minlength=5)
    assert held.tolist() == {0.0: [0, 0, 0, 0, 0], 0.1: [0, 1, 1, 10, 100], 0.5: [0, 1, 5, 50, 500]}[fraction]
    again = stratified_cut(labels, fraction, seed=3)
    np.testing.assert_array_equal(again[1], val)
    if fraction:
        assert not np.array_equal(stratified_cut(labels, fraction, seed=4)[1], val)


def test_real_parquet_of_float16(real_data: Callable[[str], Path], tmp_path: Path) -> None:
    import polars as pl

    folder = real_data("imagenet-votes")
    store = open_store(Workspace.open(folder, tmp_path))
    assert list(store.tests) == ["val", "v2", "v2-threshold", "v2-top"]
    assert store.classes[1] == "goldfish"
    raw = pl.read_parquet(folder / "v2.parquet")
    np.testing.assert_array_equal(store.split("v2").features, raw.select("^f[0-9]+$").cast(pl.Float32).to_numpy())
    np.testing.assert_array_equal(store.split("v2").labels, raw["label"].to_numpy())
