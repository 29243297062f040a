"""`workbench train` and `workbench runs` as processes: what they print where, and their exit codes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from workbench import runs
from workbench.workspace import Workspace

QUICK = ["--set", "epochs=2", "--set", "batch_size=32", "--set", "device=cpu"]


def start(*args: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "workbench", *map(str, args)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1", "NO_COLOR": "1"},
    )


def workbench(*args: object) -> tuple[int, str, str]:
    process = start(*args)
    out, err = process.communicate(timeout=120)
    return process.returncode, out, err


@pytest.fixture
def folder(workspace: Workspace) -> Path:
    return workspace.root


def test_train_then_runs(folder: Path) -> None:
    code, out, err = workbench("train", folder, "--head", "linear", "--json", *QUICK)
    assert code == 0, err
    answer = json.loads(out)
    assert {"run", "head", "epochs", "seconds", "val", "tests", "gap"} <= answer.keys()
    assert answer["tests"].keys() == {"test1", "test2"}
    for test in answer["tests"].values():
        assert test["ci"][0] <= test["accuracy"] <= test["ci"][1]
    assert answer["gap"].keys() >= {"value", "ci", "p"}
    run = answer["run"]

    code, out, _ = workbench("runs", folder, "--json")
    assert code == 0
    listed = json.loads(out)
    assert [entry["run"] for entry in listed["runs"]] == [run]
    assert listed["test_looks"] == {"test1": 1, "test2": 1}
    code, out, _ = workbench("runs", folder)
    assert code == 0
    assert run in out
    assert "test-set evaluations: test1 1, test2 1" in out

    code, out, _ = workbench("runs", folder, "show", run[:-2], "--json")
    assert code == 0
    assert json.loads(out)["summary"] == answer
    code, out, _ = workbench("runs", folder, "show", "last")
    assert "gap test1 - test2" in out

    code, _, err = workbench("runs", folder, "resume", run)
    assert code == 2
    assert "is finished: only a stopped" in err
    assert workbench("runs", folder, "remove", run)[:2] == (0, f"{run} removed\n")
    code, out, err = workbench("runs", folder)
    assert (code, out) == (0, "")
    assert "no runs yet" in err


def test_interrupted_it_keeps_its_state_and_goes_on(folder: Path) -> None:
    process = start("train", folder, "--head", "linear", "--set", "epochs=100000", "--set", "device=cpu")
    workspace = Workspace.open(folder)
    deadline = time.monotonic() + 60
    while not any(run.epoch > 0 for run in runs.list_runs(workspace)):
        assert time.monotonic() < deadline, process.poll()
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, "")
    (run,) = runs.list_runs(workspace)
    assert run.state == "stopped"
    assert f"interrupted: run {run.id} is stopped after {run.epoch} of 100000 epochs" in err

    code, out, _ = workbench("runs", folder, "resume", "last", "--json")
    assert (code, json.loads(out)) == (0, {"run": run.id, "state": "queued"})
    while runs.read(run.folder).epoch <= run.epoch:
        assert time.monotonic() < deadline + 60, runs.read_log(run.folder)
        time.sleep(0.05)
    assert workbench("runs", folder, "stop", "last")[:2] == (0, f"{run.id} stopped\n")


def test_detached_it_prints_the_id_alone(folder: Path) -> None:
    code, out, err = workbench("train", folder, "--head", "linear", "--detach", *QUICK)
    assert code == 0, err
    run = runs.load(Workspace.open(folder), out.strip())
    while run.active:
        time.sleep(0.05)
        run = runs.read(run.folder)
    assert run.state == "finished", runs.read_log(run.folder)


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (["--head", "linaer"], "unknown head 'linaer', did you mean 'linear'?"),
        (["--head", "linear", "--set", "lr"], "--set 'lr': expected name=value"),
        (["--head", "linear", "--set", "lr=fast"], "lr = 'fast': expected a number"),
        (["--head", "nn2", "--set", "droput=0.1"], "unknown setting 'droput', did you mean 'dropout'?"),
        (["--head", "linear", "--set", "device=cuda:99"], "cuda:99"),
    ],
)
def test_bad_input_is_one_message_and_leaves_nothing(folder: Path, args: list[str], told: str) -> None:
    code, out, err = workbench("train", folder, *args)
    assert (code, out) == (2, "")
    assert told in err
    assert sum(line.startswith("workbench: ") for line in err.splitlines()) == 1
    assert "Traceback" not in err
    assert runs.list_runs(Workspace.open(folder)) == []


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (["lst"], "unknown verb 'lst', did you mean 'list'?"),
        (["show"], "missing run"),
        (["stop", "20260101"], "no runs yet"),
        (["list", "20260101"], "does not take a run"),
    ],
)
def test_bad_verbs_are_told(folder: Path, args: list[str], told: str) -> None:
    code, out, err = workbench("runs", folder, *args)
    assert (code, out) == (2, "")
    assert told in err


def test_help_lists_heads_and_ranges() -> None:
    code, out, _ = workbench("train", "--help")
    assert code == 0
    for word in ("linear", "nn1", "nn2", "lr=0.001  (number > 0 and <= 100)", "dropout=0.3", "65536"):
        assert word in out


def test_a_piped_sweep_tells_every_value_whole(folder: Path) -> None:
    grid = ["--grid", "lr=0.0001,0.01", "--grid", "weight_decay=0,0.01", "--set", "epochs=2"]
    code, out, err = workbench("sweep", folder, "--head", "linear", *grid)
    assert code == 0, err
    rows = [line.split() for line in out.splitlines()[1:5]]
    assert sorted(row[:2] for row in rows) == [["0.0001", "0.0"], ["0.0001", "0.01"], ["0.01", "0.0"], ["0.01", "0.01"]]
    assert [row[-1] for row in rows].count("*") == 1
    assert "* selected on val" in out
    assert "…" not in out

    # the others of a sweep have nothing to tell about test sets, and are not what is looked at by default
    chosen = next(row[-2] for row in rows if row[-1] == "*")
    code, out, err = workbench("analyse", folder, "confusion", "--json")
    assert code == 0, err
    assert json.loads(out)["run"] == chosen
