"""The work of a run: train, evaluate, write the summary. Heavy modules are imported when it begins."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench import files
from workbench.errors import BadInput
from workbench.runs.folder import CONFIG, SUMMARY, RunFolder
from workbench.runs.record import RunRecorder, StateFile

if TYPE_CHECKING:
    from workbench.features.store import Store, TrainingView
    from workbench.heads.trained import TrainedHead


def device_of(run: RunFolder) -> str:
    """The device that a run will train on, by name; raises BadInput for one that is not there."""
    name = str(run.config["settings"]["device"])
    if name == "cpu":
        return name  # without waiting for torch
    from workbench.training import devices

    return str(devices.resolve(name))


def open_data(run: RunFolder) -> tuple[Store, TrainingView]:
    """The store that a run was made for, and all of it that training may see."""
    from workbench.features.store import Store, TrainingView

    config = run.config
    store = Store.open(store_folder(run))
    return store, TrainingView(store, config["validation"]["fraction"], config["validation"]["seed"])


def store_folder(run: RunFolder) -> Path:
    """The folder of the store that a run was made for; raises BadInput for one outside the run's workspace."""
    room, _, fingerprint = str(run.config["store"]).partition("/")
    if room != "features":
        raise BadInput(f"{run.path / CONFIG}: store {run.config['store']!r}: expected features/FINGERPRINT")
    return files.folder(run.state_dir / room) / files.name(fingerprint, "store", run.path / CONFIG)


def train(run: RunFolder, state: StateFile, recorder: RunRecorder, *, tests: bool = True) -> None:
    """Train, from the checkpoint if there is one, and `finish`."""
    from workbench import heads
    from workbench.training import checkpoint, loop

    store, view = open_data(run)
    settings = heads.resolve_settings(run.head, run.config["settings"])
    state.set(phase="reading features")
    saved = checkpoint.read(run.path)
    if saved is not None:
        print(f"going on after step {saved.about['step']} of epoch {saved.about['epoch'] + 1}", flush=True)
        recorder.resumed(saved.about["epoch"], saved.about["step"])
    watch_tests(run, store, recorder)
    head = loop.train(view, heads.find(run.head), settings, recorder, saved)
    finish(run, store, view, head, state, recorder, tests=tests)


def watch_tests(run: RunFolder, store: Store, recorder: RunRecorder) -> None:
    """Have test curves drawn where the settings ask for them."""
    from workbench.runs import results

    if run.config["settings"].get("test_curves"):
        recorder.watch = results.curves(run, store)


def finish(
    run: RunFolder,
    store: Store,
    view: TrainingView,
    head: TrainedHead,
    state: StateFile,
    recorder: RunRecorder,
    *,
    tests: bool = True,
) -> None:
    """Keep the head, evaluate it (on test sets only with `tests`), write the summary."""
    from workbench.runs import results

    recorder.settle()
    head.save(run.head_file)
    state.set(phase="evaluating")
    started = time.perf_counter()
    found = results.evaluate(run, store, head, view.val_rows, lambda: recorder.stop_requested, tests=tests)
    summary = _summary(run, head, state, recorder, found, time.perf_counter() - started)
    files.write_json(run.path / SUMMARY, summary)


def _summary(
    run: RunFolder,
    head: TrainedHead,
    state: StateFile,
    recorder: RunRecorder,
    found: dict[str, Any],
    evaluation: float,
) -> dict[str, Any]:
    plan = recorder.plan
    assert plan is not None
    return {
        "run": run.id,
        "head": run.head,
        "epochs": state.value("epoch"),
        "seconds": state.value("seconds"),
        **found,
        "chosen": head.chosen,
        "settings": run.config["settings"],
        "batch_size": plan.batch_size,
        "parameters": plan.parameters,
        "device": plan.device,
        "device_name": plan.device_name,
        "memory_bytes": plan.memory_bytes,
        "evaluation_seconds": evaluation,
    }
