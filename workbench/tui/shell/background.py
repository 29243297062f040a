"""What worker threads do for the app: plain functions that read, then post messages. They touch no widget."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench import files
from workbench.errors import BadInput
from workbench.tui.shell import messages

if TYPE_CHECKING:
    import polars as pl

    from workbench.features.store import Store
    from workbench.runs import RunSnapshot
    from workbench.tui.shell.session import Session
    from workbench.workspace import Workspace

Post = Callable[[Any], Any]


def open_store(workspace: Workspace, post: Post, cancelled: Callable[[], bool]) -> None:
    """Open the store, reading the feature files if need be; posts StoreOpened or StoreFailed."""
    from workbench.features import ingest

    try:
        store = ingest.ingested(workspace)
        was_read = store is None
        if store is None:
            store = ingest.open_store(
                workspace,
                progress=lambda progress: post(messages.IngestProgressed(progress)),
                notice=lambda text: post(messages.IngestWaits(text)),
                cancelled=cancelled,
            )
    except BadInput as error:
        post(messages.StoreFailed(str(error), stopped=cancelled()))
    except Exception as error:  # noqa: BLE001 - the screen says what happened instead of staying empty
        post(messages.StoreFailed(f"{type(error).__name__}: {error}", stopped=cancelled()))
    else:
        post(messages.StoreOpened(store, was_read, ingest.sources_missing(workspace), ingest.strangers(workspace)))


def make_checks(store: Store, post: Post) -> None:
    """The quick checks of the data; posts ChecksMade."""
    from workbench.features.checks import quick_checks

    post(messages.ChecksMade(tuple(quick_checks(store))))


def save_table(frame: pl.DataFrame, workspace: Workspace, name: str) -> Path:
    """Write a table as CSV among the workspace's `tables/`; raises BadInput when that cannot be written."""
    import polars as pl

    workspace.writable()
    file = workspace.state / "tables" / f"{name}-{time.strftime('%Y%m%d-%H%M%S')}.csv"
    plain = frame.select(column for column in frame.columns if not frame.schema[column].is_nested())
    try:
        files.folder(file.parent, make=True)
        with files.replacing(file) as beside:
            plain.write_csv(beside)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise BadInput(f"{file}: cannot be written ({error})") from None
    return file


def find_device() -> str:
    """The device that training would use: the name of the first GPU that NVML knows, else `cpu`."""
    try:
        import pynvml

        pynvml.nvmlInit()
        name = pynvml.nvmlDeviceGetName(pynvml.nvmlDeviceGetHandleByIndex(0))
    except (ImportError, OSError, RuntimeError, Exception):  # noqa: BLE001 - NVML's own errors derive from Exception alone
        return "cpu"
    return str(name)


def watch_usage(post: Post, wait: Callable[[float], bool]) -> None:
    """Look at how busy the machine is until `wait(seconds)` says that it was called off; posts UsageMeasured."""
    from workbench.tui.shell.usage import INTERVAL, Sampler

    sampler = Sampler()
    while not wait(INTERVAL):
        post(messages.UsageMeasured(sampler.look()))


def list_runs(session: Session, post: Post) -> None:
    """The runs on disk; posts RunsChanged when they differ from the session's."""
    from workbench import runs

    snapshots = tuple(runs.list_runs(session.workspace))
    looks = runs.test_looks(session.workspace)
    if snapshots != session.runs or looks != session.looks:
        post(messages.RunsChanged(snapshots, looks))


def start_run(workspace: Workspace, store: Store, head: str, settings: dict[str, Any], post: Post) -> None:
    """Make a run and launch its process; posts RunStarted or RunRefused."""
    from workbench import runs

    try:
        run = runs.create(workspace, store, head, settings)
        post(messages.RunStarted(runs.start_sync(run)))
    except (BadInput, OSError) as error:
        post(messages.RunRefused(str(error)))


def change_run(run: RunSnapshot, what: str, post: Post) -> None:
    """Stop, resume or remove a run; posts RunRefused when that cannot be. The run folders then tell the rest."""
    from workbench import runs

    try:
        if what == "stop":
            runs.stop(run)
        elif what == "resume":
            post(messages.RunStarted(runs.start_sync(runs.resume(run))))
        else:
            runs.remove(run)
    except (BadInput, OSError) as error:
        post(messages.RunRefused(str(error)))


def note_run(run: RunSnapshot, what: str, name: str, post: Post) -> None:
    """Turn a run's star, or its tag `name`; posts RunRefused when that cannot be."""
    from workbench import runs

    try:
        if what == "star":
            runs.star(run)
        else:
            runs.tag(run, name)
    except (BadInput, OSError) as error:
        post(messages.RunRefused(str(error)))
