"""The work of a run: train, evaluate, write the summary. Heavy modules are imported when it begins."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from workbench import files
from workbench.errors import BadInput
from workbench.runs import records
from workbench.runs.folder import RunFolder
from workbench.runs.recorder import RunRecorder, StateFile
from workbench.runs.records import FILES, Results, RunConfig, RunSummary

if TYPE_CHECKING:
    from workbench.features.store import Store, TrainingView
    from workbench.heads.trained import TrainedHead


def device_of(run: RunFolder) -> str:
    """The device that a run will train on, by name; raises BadInput for one that is not there."""
    name = str(run.config.settings.get("device", "auto"))
    if name == "cpu":
        return name  # without importing torch
    from workbench.training import devices

    return str(devices.resolve(name))


def open_data(run: RunFolder) -> tuple[Store, TrainingView]:
    """The store that a run was made for, and all of it that training may see."""
    from workbench.features.store import Store, TrainingView

    store = Store.open(store_folder(run))
    validation = run.config.validation
    return store, TrainingView(store, validation.fraction, validation.seed)


def store_folder(run: RunFolder) -> Path:
    """The folder of the store that a run was made for; raises BadInput for one outside the run's workspace."""
    file = run.path / FILES[RunConfig]
    parent, _, fingerprint = run.config.store.partition("/")
    if parent != "features":
        raise BadInput(f"{file}: store {run.config.store!r}: expected features/FINGERPRINT")
    return files.folder(run.state_dir / parent) / files.name(fingerprint, "store", file)


def train(run: RunFolder, state: StateFile, recorder: RunRecorder, *, tests: bool = True) -> None:
    """Train, resuming from a checkpoint if there is one, and `finish`."""
    from workbench import heads
    from workbench.training import checkpoint, loop

    store, view = open_data(run)
    settings = heads.resolve_settings(run.head, run.config.settings)
    state.set(phase="reading features")
    saved = checkpoint.read(run.path)
    if saved is not None:
        print(f"continuing after step {saved.about['step']} of epoch {saved.about['epoch'] + 1}", flush=True)
        recorder.resumed(saved.about["epoch"], saved.about["step"])
    watch_tests(run, store, recorder)
    head = loop.train(view, heads.find(run.head), settings, recorder, saved)
    finish(run, store, view, head, state, recorder, tests=tests)


def watch_tests(run: RunFolder, store: Store, recorder: RunRecorder) -> None:
    """Evaluate on the test sets after each epoch if the settings enable test curves."""
    from workbench.runs import results

    if run.config.settings.get("test_curves"):
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
    """Save the head, evaluate it (on test sets only with `tests`) and write the summary."""
    from workbench.runs import results

    recorder.settle()
    head.save(run.head_file)
    state.set(phase="evaluating")
    start = time.perf_counter()
    scores = results.evaluate(run, store, head, view.val_rows, lambda: recorder.stop_requested, tests=tests)
    records.write(run.path, _summary(run, head, state, recorder, scores, time.perf_counter() - start))


def _summary(
    run: RunFolder, head: TrainedHead, state: StateFile, recorder: RunRecorder, results: Results, seconds: float
) -> RunSummary:
    plan, progress = recorder.plan, state.value
    assert plan is not None
    return RunSummary(
        run=run.id,
        head=run.head,
        epochs=progress.epoch,
        seconds=progress.seconds,
        train=results.train,
        val=results.val,
        temperature=results.temperature,
        tests=results.tests,
        gap=results.gap,
        chosen=head.chosen,
        settings=run.config.settings,
        batch_size=plan.batch_size,
        parameters=plan.parameters,
        device=plan.device,
        device_name=plan.device_name,
        memory_bytes=plan.memory_bytes,
        evaluation_seconds=seconds,
    )
