"""The process of a run: `python -m workbench.runs.child RUN_FOLDER`. Its output goes to the run's log."""

from __future__ import annotations

import signal
import sys
import time
import traceback
from pathlib import Path
from types import FrameType
from typing import Any

from filelock import FileLock, Timeout

from workbench.errors import BadInput, Failed
from workbench.runs import files
from workbench.runs.control import LOCK
from workbench.runs.folder import SUMMARY, RunFolder
from workbench.runs.record import RunRecorder, StateFile
from workbench.training.recorder import Diverged, Stopped


def main(args: list[str]) -> int:
    """Train the queued run in the folder `args[0]`; exit code 0 when it finished or stopped as asked."""
    run = RunFolder(Path(args[0]))
    try:
        with FileLock(run.path / LOCK, timeout=0):
            return _take(run)
    except Timeout:
        print(f"run {run.id} has a process already", flush=True)
        return 1


def _take(run: RunFolder) -> int:
    if run.state.get("state") != "queued":
        print(f"run {run.id} is {run.state.get('state')}, not queued: nothing to do", flush=True)
        return 1
    state = StateFile(run)
    recorder = RunRecorder(run, state)

    def ask_to_stop(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - the form that signal wants
        recorder.stop_requested = True

    signal.signal(signal.SIGTERM, ask_to_stop)
    signal.signal(signal.SIGINT, ask_to_stop)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    state.begin()
    try:
        _work(run, state, recorder)
    except Stopped:
        print("stopped as asked", flush=True)
        state.end("stopped")
    except (BadInput, Diverged, Failed) as error:
        print(error, flush=True)
        state.end("failed", str(error), bad_input=isinstance(error, BadInput))
        return 1
    except BaseException as error:  # noqa: BLE001 - whatever it was, the run must say so
        traceback.print_exc()
        state.end("failed", f"{type(error).__name__}: {error}".strip().splitlines()[0] + " (see the run's log)")
        return 1
    else:
        state.end("finished")
    return 0


def _work(run: RunFolder, state: StateFile, recorder: RunRecorder) -> None:
    """Train, evaluate, write the summary."""
    from workbench import heads
    from workbench.features.store import Store, TrainingView
    from workbench.runs import results
    from workbench.training import checkpoint, loop

    config = run.config
    store = Store.open(run.state_dir / config["store"])
    view = TrainingView(store, config["validation"]["fraction"], config["validation"]["seed"])
    settings = heads.resolve_settings(config["head"], config["settings"])
    state.set(phase="reading features")
    saved = checkpoint.read(run.path)
    if saved is not None:
        print(f"going on after step {saved.about['step']} of epoch {saved.about['epoch'] + 1}", flush=True)
        recorder.resumed(saved.about["epoch"], saved.about["step"])
    head = loop.train(view, heads.find(config["head"]), settings, recorder, saved)
    head.save(run.head_file)
    state.set(phase="evaluating")
    started = time.perf_counter()
    found = results.evaluate(run, store, head, view.val_rows, lambda: recorder.stop_requested)
    files.write_json(run.path / SUMMARY, _summary(run, state, recorder, {**found, "chosen": head.chosen}, time.perf_counter() - started))


def _summary(
    run: RunFolder, state: StateFile, recorder: RunRecorder, found: dict[str, Any], evaluation: float
) -> dict[str, Any]:
    plan = recorder.plan
    assert plan is not None
    return {
        "run": run.id,
        "head": run.head,
        "epochs": plan.epochs,
        "seconds": state.value("seconds"),
        **found,
        "settings": run.config["settings"],
        "batch_size": plan.batch_size,
        "parameters": plan.parameters,
        "device": plan.device,
        "device_name": plan.device_name,
        "evaluation_seconds": evaluation,
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
