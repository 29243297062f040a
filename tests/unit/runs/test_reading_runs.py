"""Runs without their process: making, finding, marking, removing, and telling the dead from the living."""

from __future__ import annotations

import secrets
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import psutil
import pytest
from filelock import FileLock

from tests.unit.runs.run_records import scores, summary
from workbench import runs
from workbench.errors import BadInput
from workbench.features.store import Store
from workbench.runs import RunSnapshot, control, processes, records
from workbench.runs.looks import note
from workbench.runs.records import RunState, Scores
from workbench.workspace import Workspace


@pytest.fixture
def queued(workspace: Workspace, store: Store) -> RunSnapshot:
    return runs.create(workspace, store, "linear", {"lr": "1e-2"})


def set_state(run: RunSnapshot, **values: Any) -> RunSnapshot:
    records.write(run.folder, msgspec.structs.replace(run.view.state, **values))
    return runs.read(run.folder)


def test_a_new_run_says_all_that_was_resolved(queued: RunSnapshot, workspace: Workspace, store: Store) -> None:
    assert (queued.state, queued.epoch, queued.epochs, queued.head) == ("queued", 0, 20, "linear")
    assert queued.settings["lr"] == 0.01
    assert queued.settings["schedule"] == "cosine"
    assert queued.config is not None
    assert queued.config.fingerprint == store.fingerprint
    assert (workspace.state / queued.config.store).resolve() == store.folder.resolve()
    assert queued.config.versions.keys() >= {"workbench", "python", "torch", "numpy"}
    assert queued.config.tests == ["test1", "test2"]
    assert queued.tests == {}
    assert queued.gap is None
    assert queued.val_accuracy is None
    assert abs(queued.created - time.time()) < 60


def test_bad_settings_leave_nothing_behind(workspace: Workspace, store: Store) -> None:
    for head, settings, told in (
        ("linaer", {}, "did you mean 'linear'"),
        ("linear", {"lrr": 1}, "unknown setting 'lrr', did you mean 'lr'"),
        ("linear", {"lr": -1}, "lr = -1: expected > 0"),
        ("nn2", {"dropout": 1}, "dropout = 1: expected >= 0 and < 1"),
    ):
        with pytest.raises(BadInput, match=told):
            runs.create(workspace, store, head, settings)
    assert runs.list_runs(workspace) == []
    assert not workspace.runs_dir.exists()


def test_runs_made_at_once_have_ids_of_their_own(
    workspace: Workspace, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = threading.Lock()
    real = secrets.token_hex

    def few(n: int) -> str:  # ids that collide again and again
        if n != 2:
            return real(n)
        with lock:
            return format(next(numbers) // 3, "04x")

    numbers = iter(range(10_000))
    monkeypatch.setattr(secrets, "token_hex", few)
    made: list[RunSnapshot] = []
    threads = [
        threading.Thread(target=lambda: made.extend(runs.create(workspace, store, "linear", {}) for _ in range(5)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({run.id for run in made}) == 20
    assert {run.id for run in runs.list_runs(workspace)} == {run.id for run in made}
    assert not list(workspace.runs_dir.glob(".*"))


def test_runs_are_listed_newest_first_and_found_by_their_beginning(workspace: Workspace, store: Store) -> None:
    with pytest.raises(BadInput, match="no runs yet"):
        runs.load(workspace, "last")
    first, second = (runs.create(workspace, store, head, {}) for head in ("linear", "nn1"))
    assert [run.id for run in runs.list_runs(workspace)] == [second.id, first.id]
    assert runs.load(workspace, second.id).id == second.id
    assert runs.load(workspace, first.id[:-1] if first.id[:-1] not in second.id else first.id).id == first.id
    assert runs.load(workspace, "last").id == second.id
    with pytest.raises(BadInput, match="2 runs start with this"):
        runs.load(workspace, "2")
    with pytest.raises(BadInput, match="unknown run 'nonsense'"):
        runs.load(workspace, "nonsense")
    with pytest.raises(BadInput, match="unknown run ''"):
        runs.load(workspace, "")


def test_a_run_is_lost_only_when_its_heart_is_still_and_its_process_gone(queued: RunSnapshot) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    old, now = time.time() - processes.OLD - 1, time.time()
    me = processes.identity()
    assert me.started is not None
    dead = msgspec.structs.replace(me, pid=gone.pid)
    reused = msgspec.structs.replace(me, started=me.started - 500)
    elsewhere = msgspec.structs.replace(me, host="some-other-host")
    for who, heartbeat, expected in (
        (me, now, "running"),
        (me, old, "running"),  # stopped by a debugger, or its disk is full
        (dead, now, "running"),
        (dead, old, "lost"),
        (reused, old, "lost"),
        (elsewhere, old, "running"),  # its process cannot be looked up from here
        (elsewhere, now - processes.OLD_ELSEWHERE - 1, "lost"),
    ):
        found = set_state(queued, state="running", heartbeat=heartbeat, **records.plain(who))
        assert found.state == expected, (who, heartbeat)
    assert found.error
    assert found.pid is None


def test_a_zombie_is_not_alive() -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    process = records.Process(pid=child.pid, started=psutil.Process(child.pid).create_time())
    while psutil.Process(child.pid).status() != psutil.STATUS_ZOMBIE:
        time.sleep(0.01)
    assert not processes.alive(process)
    child.wait()
    assert not processes.alive(process)
    assert not processes.alive(records.Process())


def test_damaged_files_are_a_failed_run_not_a_crash(queued: RunSnapshot, workspace: Workspace) -> None:
    set_state(queued, state="finished")
    assert "summary.json: is missing" in runs.list_runs(workspace)[0].error
    (queued.folder / "state.json").write_text('{"state": ')
    damaged = runs.list_runs(workspace)[0]
    assert damaged.state == "failed"
    assert "state.json: damaged: not JSON" in damaged.error
    assert damaged.settings["lr"] == 0.01  # what can be read is shown
    (queued.folder / "config.json").unlink()
    broken = runs.list_runs(workspace)[0]
    assert broken.state == "failed"
    assert "config.json: is missing" in broken.error
    assert "state.json: damaged" in broken.error
    with pytest.raises(BadInput, match=r"config\.json: is missing; .* remove the run"):
        runs.resume(broken)
    runs.remove(broken)
    assert list(workspace.runs_dir.iterdir()) == []


def test_only_the_stopped_is_resumed_and_only_the_queued_started(queued: RunSnapshot) -> None:
    with pytest.raises(BadInput, match="is queued: only a stopped, failed or lost run"):
        runs.resume(queued)
    stopped = runs.stop(queued)
    assert stopped.state == "stopped"
    with pytest.raises(BadInput, match="cannot be stopped"):
        runs.stop(queued)
    with pytest.raises(BadInput, match="not queued"):
        runs.start_sync(stopped)
    assert runs.resume(stopped).state == "queued"


def test_what_a_process_holds_is_not_touched(queued: RunSnapshot) -> None:
    stopped = runs.stop(queued)
    with FileLock(queued.folder / control.LOCK):
        with pytest.raises(BadInput, match="another workbench"):
            runs.resume(stopped)
        with pytest.raises(BadInput, match="is starting"):
            runs.remove(stopped)
    running = set_state(queued, state="running", heartbeat=time.time(), **records.plain(processes.identity()))
    with pytest.raises(BadInput, match="is running: stop it first"):
        runs.remove(running)


def test_looks_are_counted(workspace: Workspace) -> None:
    assert runs.test_looks(workspace) == {"test1": 0, "test2": 0}
    workspace.state.mkdir(exist_ok=True)
    for name in ("test1", "test2", "test1", "gone"):
        note(workspace.looks_file, "some-run", name, 5, "evaluation after training")
    assert runs.test_looks(workspace) == {"test1": 2, "test2": 1, "gone": 1}


def test_what_is_looked_at_is_the_newest_run_with_results_on_test_sets(workspace: Workspace, store: Store) -> None:
    made = [runs.create(workspace, store, "linear", {}) for _ in range(4)]
    states = ("queued", "finished", "finished", "finished")
    tests: list[dict[str, Scores]] = [{}, {}, {"test1": scores(0.5)}, {"test1": scores(0.4)}]
    listed = [
        replace(run, state=state, summary=summary(0.5, found) if state == "finished" else None)
        for run, state, found in zip(made, states, tests, strict=True)
    ]
    assert runs.newest_to_look_at(listed) == made[2].id
    assert runs.newest_to_look_at(listed[:2]) == made[1].id  # no test set anywhere
    assert runs.newest_to_look_at(listed[:1]) is None


def test_a_run_that_has_ended_is_removed_once_its_process_lets_go(workspace: Workspace, store: Store) -> None:
    run = runs.create(workspace, store, "linear", {})
    records.write(run.folder, RunState(state="failed", error="no such device", bad_input=True))
    lock = FileLock(run.folder / control.LOCK, thread_local=False)
    lock.acquire()
    letting_go = threading.Timer(0.3, lock.release)
    letting_go.start()
    runs.remove(run)
    letting_go.join()
    assert not run.folder.exists()


def test_the_end_of_a_log_is_read(queued: RunSnapshot, tmp_path: Path) -> None:
    log = queued.folder / "log.txt"
    assert runs.read_log(queued.folder) == ""
    log.write_bytes(b"a \xff line\n" + b"x" * 100)
    assert runs.read_log(queued.folder) == "a � line\n" + "x" * 100
    assert runs.read_log(queued.folder, 10) == "... last 10 bytes:\n" + "x" * 10
    log.unlink()
    (tmp_path / "elsewhere").write_text("not ours")
    log.symlink_to(tmp_path / "elsewhere")
    assert "not ours" not in runs.read_log(queued.folder)
    assert "log.txt" in runs.read_log(queued.folder)
