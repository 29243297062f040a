"""Runs take turns, and none waits for the dead."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from workbench import files, runs
from workbench.features.store import Store
from workbench.runs import processes, queue, records
from workbench.workspace import Workspace


def hold(folder: Path, name: str, parallel: int, seconds: float, log: Path) -> None:
    with queue.place(folder, "cpu", name, parallel, lambda holder: None, lambda: False) as mine:
        assert mine
        files.append_line(log, {"run": name, "what": "in", "time": time.time()})
        time.sleep(seconds)
        files.append_line(log, {"run": name, "what": "out", "time": time.time()})


def started(*args: Any) -> multiprocessing.process.BaseProcess:
    process = multiprocessing.get_context("fork").Process(target=hold, args=args)
    process.start()
    return process


def most_at_once(log: Path) -> int:
    rows = files.read_lines(log, dict).rows
    now = most = 0
    for row in rows:
        now += 1 if row["what"] == "in" else -1
        most = max(most, now)
    return most


def wait_for(log: Path, lines: int) -> list[dict[str, Any]]:
    deadline = time.monotonic() + 30
    while len(rows := files.read_lines(log, dict).rows) < lines:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return rows


def test_one_at_a_time_and_in_the_order_in_which_they_asked(tmp_path: Path) -> None:
    log = tmp_path / "log"
    made = [started(tmp_path, "r0", 1, 0.6, log)]
    wait_for(log, 1)
    for name in ("r1", "r2", "r3"):
        made.append(started(tmp_path, name, 1, 0.05, log))
        time.sleep(0.15)
    for process in made:
        process.join()
    assert most_at_once(log) == 1
    assert [row["run"] for row in files.read_lines(log, dict).rows if row["what"] == "in"] == ["r0", "r1", "r2", "r3"]
    assert not list((tmp_path / "queue").glob("*.ticket-*"))


def test_two_when_told_so(tmp_path: Path) -> None:
    log = tmp_path / "log"
    made = [started(tmp_path, f"r{i}", 2, 0.5, log) for i in range(4)]
    for process in made:
        process.join()
    assert most_at_once(log) == 2


def test_the_dead_keep_no_place_and_hold_up_no_line(tmp_path: Path) -> None:
    log = tmp_path / "log"
    first = started(tmp_path, "r0", 1, 100, log)
    wait_for(log, 1)
    second = started(tmp_path, "r1", 1, 100, log)
    time.sleep(0.3)
    third = started(tmp_path, "r2", 1, 0, log)
    time.sleep(0.3)
    for process in (second, first):  # the next in line, then the one whose turn it is
        assert process.pid is not None
        os.kill(process.pid, signal.SIGKILL)
        process.join()
    third.join(timeout=20)
    assert third.exitcode == 0


def test_other_devices_are_other_lines_and_waiting_can_be_given_up(tmp_path: Path) -> None:
    told: list[str] = []
    asked = iter([False, False, True])
    with queue.place(tmp_path, "cpu", "one", 1, told.append, lambda: False) as mine:
        assert mine
        with queue.place(tmp_path, "cuda:0", "two", 1, told.append, lambda: False) as other:
            assert other
        with queue.place(tmp_path, "cpu", "three", 1, told.append, lambda: next(asked)) as none:
            assert not none
    assert told == ["one"]


@pytest.fixture
def two(workspace: Workspace, store: Store, monkeypatch: pytest.MonkeyPatch) -> list[runs.RunSnapshot]:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    settings = {"epochs": 3000, "batch_size": 8, "device": "cpu"}
    return [runs.create(workspace, store, "linear", settings) for _ in range(2)]


def until(run: runs.RunSnapshot, *states: str) -> runs.RunSnapshot:
    deadline = time.monotonic() + 60
    while (now := runs.read(run.folder)).state not in states or (states == ("queued",) and not now.phase):
        assert time.monotonic() < deadline, f"{now} {now.error} {runs.read_log(now.folder)}"
        time.sleep(0.02)
    return now


def test_a_run_says_what_it_waits_for_and_can_be_stopped_or_killed_meanwhile(
    two: list[runs.RunSnapshot], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = two
    runs.start_sync(first)
    until(first, "running")
    runs.start_sync(second)
    deadline = time.monotonic() + 30
    while runs.read(second.folder).waits_for != first.id:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    waiting = runs.read(second.folder)
    assert (waiting.state, waiting.phase) == ("queued", "waiting")
    assert runs.stop(second, wait=20).state == "stopped"

    again = runs.start_sync(runs.resume(second))
    again = until(again, "queued")
    while runs.read(second.folder).waits_for != first.id:
        time.sleep(0.05)
    pid = runs.read(second.folder).view.state.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    lost = until(second, "lost")
    assert "resume it" in lost.error
    assert runs.stop(first, wait=20).state == "stopped"
    third = runs.start_sync(runs.resume(lost))
    until(third, "running")
    assert runs.stop(third, wait=20).state == "stopped"


def test_a_process_that_dies_before_its_first_word_leaves_no_run_queued(two: list[runs.RunSnapshot]) -> None:
    run = two[0]
    assert run.state == "queued"  # nobody was asked to start it: it waits for that
    gone = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(100)"])
    records.write(run.folder, records.Launched(processes=[processes.birth(gone.pid)]))
    assert runs.read(run.folder).state == "queued"
    gone.kill()
    gone.wait()
    assert runs.read(run.folder).state == "lost"
    assert runs.resume(run).state == "queued"
