"""Make, start, stop, resume and remove runs."""

from __future__ import annotations

import asyncio
import os
import platform
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from filelock import Timeout

from workbench import __version__, files, heads, supervisor
from workbench.errors import BadInput, Failed
from workbench.features.store import Store
from workbench.process_environment import command, environment
from workbench.runs import processes
from workbench.runs.folder import CONFIG, LAUNCHED, LOG, STATE
from workbench.runs.snapshot import RunSnapshot, read
from workbench.settings import values_of
from workbench.workspace import Workspace

LOCK = ".lock"  # held by the run's process; the kernel lets go of it however the process ends
LEAVING = 3.0  # seconds that a process may take to let go of its lock once its run has ended
_children: list[subprocess.Popen[bytes]] = []


def create(
    workspace: Workspace,
    store: Store,
    head: str,
    settings: Mapping[str, object],
    *,
    parallel: int = 1,
    sweep: str = "",
) -> RunSnapshot:
    """A queued run of `head` on the workspace's features; `settings` are values or their text.

    `parallel`: so many runs may be at work on the device when it starts, itself included. `sweep`: the id of the sweep
    that it is part of.

    Raises BadInput for an unknown head or setting, a value outside its range, or a state folder that cannot be written.
    """
    resolved = heads.resolve_settings(head, settings)
    if parallel < 1:
        raise BadInput(f"parallel = {parallel}: expected >= 1")
    workspace.writable()
    files.folder(workspace.runs_dir, make=True)
    now = time.time()
    config = {
        "version": 1,
        "created": now,
        "head": head,
        "settings": values_of(resolved),
        "workspace": str(workspace.root),
        # relative to the state folder, so that a workspace can be moved
        "store": os.path.relpath(store.folder, workspace.state),
        "fingerprint": store.fingerprint,
        "dim": store.dim,
        "classes": len(store.classes),
        "rows": {name: split.rows for name, split in store.splits.items()},
        "tests": list(store.tests),
        "validation": {"fraction": workspace.config.validation.fraction, "seed": workspace.config.validation.seed},
        "versions": _versions(),
        "host": socket.gethostname(),
        "parallel": parallel,
        "sweep": sweep,
    }
    stamp = time.strftime("%Y%m%d-%H%M%S", time.localtime(now))
    while True:
        # made whole under another name first, since others list the folder at any moment
        made = workspace.runs_dir / f".new-{secrets.token_hex(8)}"
        run_id = f"{stamp}-{head}-{secrets.token_hex(2)}"
        made.mkdir()
        files.write_json(made / CONFIG, {"id": run_id, **config})
        files.write_json(made / STATE, {"state": "queued", "epoch": 0, "epochs": heads.find(head).rounds(resolved)})
        try:
            made.rename(workspace.runs_dir / run_id)
        except OSError:  # the id is taken, by another workbench in this second
            shutil.rmtree(made)
            if not (workspace.runs_dir / run_id).exists():
                raise
            continue
        return read(workspace.runs_dir / run_id)


def _versions() -> dict[str, str]:
    found = {"workbench": __version__, "python": platform.python_version()}
    for package in ("torch", "numpy"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "missing"
    return found


def start_sync(run: RunSnapshot) -> RunSnapshot:
    """Start the process of a queued run, in a session of its own, so that it outlives this one.

    Not asyncio's subprocess: its transport kills the child when the event loop is closed.
    Raises BadInput unless queued.
    """
    if run.state != "queued":
        raise BadInput(f"run {run.id} is {run.state}, not queued")
    child = launch("workbench.runs.child", run.folder)
    found = files.read_json(run.folder / LAUNCHED) or {}
    mine = processes.birth(child.pid)
    files.write_json(run.folder / LAUNCHED, {"processes": [*found.get("processes", []), mine]})
    return read(run.folder)


def launch(module: str, folder: Path) -> subprocess.Popen[bytes]:
    """`python -m module folder` in a session of its own; what it prints goes to the log in `folder`."""
    _children[:] = [child for child in _children if child.poll() is None]
    with files.open_append(folder / LOG) as log:
        child = subprocess.Popen(
            command(module, str(folder)),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            env=environment(PYTHONUNBUFFERED="1", **{supervisor.MARK: supervisor.OUTLIVES}),
        )
    _children.append(child)
    return child


async def start(run: RunSnapshot) -> RunSnapshot:
    """`start_sync`, from a coroutine."""
    return await asyncio.to_thread(start_sync, run)


def stop(run: RunSnapshot, wait: float = 0.0) -> RunSnapshot:
    """Ask a run to keep its state and stop; waits up to `wait` seconds until it has.

    Raises BadInput when it is not queued or running, or runs on another host.
    """
    now = read(run.folder)
    if not now.active:
        raise BadInput(f"run {run.id} is {now.state}: there is nothing to stop")
    state = now.view.state
    if now.state == "queued" and _mark(now, "queued", "stopped"):
        return read(run.folder)
    deadline = time.monotonic() + max(wait, 5.0)
    # its process is there, but has not said so yet
    while now.state == "queued" and not state.get("pid") and time.monotonic() < deadline:
        time.sleep(0.05)
        now = read(run.folder)
        state = now.view.state
    if state.get("host") not in (None, socket.gethostname()):
        raise BadInput(f"run {run.id} runs on {state['host']}: stop it there")
    if now.active and processes.alive(state):
        os.kill(int(state["pid"]), signal.SIGTERM)
    deadline = time.monotonic() + wait
    while (now := read(run.folder)).active and time.monotonic() < deadline:
        time.sleep(0.05)
    return now


def resume(run: RunSnapshot) -> RunSnapshot:
    """Queue a stopped, failed or lost run again; `start` then goes on from its last checkpoint.

    Raises BadInput when it is active or finished.
    """
    now = read(run.folder)
    if now.state not in ("stopped", "failed", "lost"):
        raise BadInput(f"run {run.id} is {now.state}: only a stopped, failed or lost run can be resumed")
    if not now.config:
        raise BadInput(f"run {run.id}: {CONFIG} cannot be read, so that it cannot be resumed; remove it")
    # a killed process lets go of its lock only when the last of its threads is gone
    if not _mark(now, now.view.state.get("state", ""), "queued", patience=LEAVING):
        raise BadInput(f"run {run.id} was taken up by another workbench just now")
    return read(run.folder)


def _mark(run: RunSnapshot, expected: str, state: str, patience: float = 0.0) -> bool:
    """Set the state from outside, where it is still `expected` and no process holds the run; whether that was done."""
    try:
        with files.lock(run.folder / LOCK, timeout=patience):
            found = run.view.state
            if found.get("state", "") != expected:
                return False
            (run.folder / LAUNCHED).unlink(missing_ok=True)
            files.write_json(
                run.folder / STATE, {**found, "state": state, "error": "", "bad_input": False, "pid": None, "phase": ""}
            )
            return True
    except Timeout:
        return False


def remove(run: RunSnapshot) -> None:
    """Delete a run's directory; raises BadInput while it is running, Failed when the disk refuses."""
    files.folder(run.folder)
    now = read(run.folder)
    if now.state == "running":
        raise BadInput(f"run {run.id} is running: stop it first")
    # renamed first, so that nobody sees half of it
    gone = run.folder.with_name(f".removed-{run.id}-{secrets.token_hex(4)}")
    try:
        # the process of a run that has just said how it ended may still hold the lock while it exits
        with files.lock(run.folder / LOCK, timeout=0 if now.active else LEAVING):
            run.folder.rename(gone)
        shutil.rmtree(gone)
    except Timeout:
        raise BadInput(f"run {run.id} is starting: stop it first") from None
    except OSError as error:
        raise Failed(f"run {run.id}: not removed ({error.strerror})") from None
