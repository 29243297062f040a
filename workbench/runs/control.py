"""Make, start, stop, resume and remove runs."""

from __future__ import annotations

import asyncio
import contextlib
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

import msgspec
from filelock import Timeout

from workbench import __version__, files, heads, supervisor
from workbench.errors import BadInput, Failed
from workbench.features.store import Store
from workbench.process_environment import command, environment
from workbench.runs import processes, records
from workbench.runs.folder import LOG
from workbench.runs.records import FILES, Launched, Marks, RunConfig, RunState, RunSummary, Validation
from workbench.runs.snapshot import RunSnapshot, read
from workbench.settings import values_of
from workbench.workspace import Workspace

LOCK = ".lock"  # held by the run's process; the kernel releases it however the process ends
LEAVING = 3.0  # seconds that a process may take to release its lock once its run has ended
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

    `parallel`: maximum number of concurrent runs on the device, including this one. `sweep`: the id of the sweep
    that it is part of.

    Raises BadInput for an unknown head or setting, a value outside its range, or a state folder that cannot be written.
    """
    resolved = heads.resolve_settings(head, settings)
    if parallel < 1:
        raise BadInput(f"parallel = {parallel}: expected >= 1")
    workspace.writable()
    files.folder(workspace.runs_dir, make=True)
    now = time.time()
    validation = workspace.config.validation
    config = RunConfig(
        created=now,
        head=head,
        settings=values_of(resolved),
        workspace=str(workspace.root),
        # relative to the state folder, so that a workspace can be moved
        store=os.path.relpath(store.folder, workspace.state),
        fingerprint=store.fingerprint,
        dim=store.dim,
        classes=len(store.classes),
        rows={name: split.rows for name, split in store.splits.items()},
        tests=list(store.tests),
        validation=Validation(fraction=validation.fraction, seed=validation.seed),
        versions=_versions(),
        host=socket.gethostname(),
        parallel=parallel,
        sweep=sweep,
    )
    state = RunState(state="queued", epochs=heads.find(head).rounds(resolved))
    stamp = time.strftime("%Y%m%d-%H%M%S", time.localtime(now))
    while True:
        # created under another name first, since other processes may list the folder at any moment
        partial = workspace.runs_dir / f".new-{secrets.token_hex(8)}"
        run_id = f"{stamp}-{head}-{secrets.token_hex(2)}"
        partial.mkdir()
        records.write(partial, msgspec.structs.replace(config, id=run_id))
        records.write(partial, state)
        try:
            partial.rename(workspace.runs_dir / run_id)
        except OSError:  # the id is taken, by another workbench in this second
            shutil.rmtree(partial)
            if not (workspace.runs_dir / run_id).exists():
                raise
            continue
        return read(workspace.runs_dir / run_id)


def _versions() -> dict[str, str]:
    versions = {"workbench": __version__, "python": platform.python_version()}
    for package in ("torch", "numpy"):
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            versions[package] = "missing"
    return versions


def start_sync(run: RunSnapshot) -> RunSnapshot:
    """Start the process of a queued run in a new session, so that it outlives this process.

    Not asyncio's subprocess: its transport kills the child when the event loop is closed.
    Raises BadInput unless queued.
    """
    if run.state != "queued":
        raise BadInput(f"run {run.id} is {run.state}, not queued")
    child = launch("workbench.runs.child", run.folder)
    launched = records.find(run.folder, Launched) or Launched()
    records.write(run.folder, Launched(processes=[*launched.processes, processes.birth(child.pid)]))
    return read(run.folder)


def launch(module: str, folder: Path) -> subprocess.Popen[bytes]:
    """`python -m module folder` in a new session; its output is written to the log in `folder`."""
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
    """Ask a run to save its state and stop; waits up to `wait` seconds for it.

    Raises BadInput when it is not queued or running, or runs on another host.
    """
    now = read(run.folder)
    if not now.active:
        raise BadInput(f"run {run.id} is {now.state}: it cannot be stopped")
    if now.state == "queued" and _mark(now, "queued", "stopped"):
        return read(run.folder)
    state = now.view.state
    deadline = time.monotonic() + max(wait, 5.0)
    # its process exists, but has not recorded its start yet
    while now.state == "queued" and not state.pid and time.monotonic() < deadline:
        time.sleep(0.05)
        now = read(run.folder)
        state = now.view.state
    if state.host not in (None, socket.gethostname()):
        raise BadInput(f"run {run.id} runs on {state.host}: stop it there")
    if now.active and state.pid and processes.alive(state.process):
        os.kill(state.pid, signal.SIGTERM)
    deadline = time.monotonic() + wait
    while (now := read(run.folder)).active and time.monotonic() < deadline:
        time.sleep(0.05)
    return now


def resume(run: RunSnapshot) -> RunSnapshot:
    """Queue a stopped, failed or lost run again; `start` then continues from its last checkpoint.

    A damaged state is rewritten. Raises BadInput when the run is active or finished, or its configuration
    cannot be read.
    """
    now = read(run.folder)
    if now.state not in ("stopped", "failed", "lost"):
        raise BadInput(f"run {run.id} is {now.state}: only a stopped, failed or lost run can be resumed")
    records.find(run.folder, Marks)  # damaged marks are to be removed, not trained away
    with contextlib.suppress(files.DamagedFile):  # damaged results are replaced, those of a newer workbench are kept
        records.find(run.folder, RunSummary)
    config = now.view.config
    settings = heads.resolve_settings(config.head, config.settings)
    fallback = RunState(state="failed", epochs=heads.find(config.head).rounds(settings))
    # a killed process releases its lock only when its last thread has ended
    if not _mark(now, _state(now, fallback).state, "queued", patience=LEAVING, fallback=fallback):
        raise BadInput(f"run {run.id} has just been started by another workbench")
    return read(run.folder)


def _state(run: RunSnapshot, fallback: RunState | None) -> RunState:
    """Its state, or `fallback` where its file is damaged; raises DamagedFile without one."""
    try:
        return run.view.state
    except files.DamagedFile:
        if fallback is None:
            raise
        return fallback


def _mark(
    run: RunSnapshot, expected: str, state: str, *, patience: float = 0.0, fallback: RunState | None = None
) -> bool:
    """Set the state from outside if it is still `expected` and no process holds the run; returns whether it was set."""
    try:
        with files.lock(run.folder / LOCK, timeout=patience):
            now = _state(run, fallback)
            if now.state != expected:
                return False
            (run.folder / FILES[Launched]).unlink(missing_ok=True)
            changes = {"state": state, "error": "", "bad_input": False, "pid": None, "phase": ""}
            records.write(run.folder, msgspec.structs.replace(now, **changes))
            return True
    except Timeout:
        return False


def remove(run: RunSnapshot) -> None:
    """Delete a run's directory; raises BadInput while it is running, Failed when deletion fails."""
    files.folder(run.folder)
    now = read(run.folder)
    if now.state == "running":
        raise BadInput(f"run {run.id} is running: stop it first")
    # renamed first, so that no partial run is ever visible
    doomed = run.folder.with_name(f".removed-{run.id}-{secrets.token_hex(4)}")
    try:
        # the process of a run that has just ended may still hold the lock while it exits
        with files.lock(run.folder / LOCK, timeout=0 if now.active else LEAVING):
            run.folder.rename(doomed)
        shutil.rmtree(doomed)
    except Timeout:
        raise BadInput(f"run {run.id} is starting: stop it first") from None
    except OSError as error:
        raise Failed(f"run {run.id}: cannot be removed ({error.strerror})") from None
