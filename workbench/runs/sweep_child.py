"""The process of a sweep: `python -m workbench.runs.sweep_child SWEEP_FOLDER`.

It holds one place on the device for all its runs. Linear heads that see the same batches are trained together, other
heads one after another. Then val chooses, and the chosen head alone is evaluated on the test sets.
"""

from __future__ import annotations

import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from workbench import files
from workbench.runs import room, work
from workbench.runs.child import alone, ended, on_signals, turn
from workbench.runs.control import LOCK
from workbench.runs.folder import CONFIG, SUMMARY, RunFolder
from workbench.runs.record import RunRecorder, StateFile
from workbench.runs.snapshot import read
from workbench.runs.sweep import best_of
from workbench.training.recorder import Diverged, Stopped


class Sweep:
    """The work of one sweep."""

    def __init__(self, folder: RunFolder) -> None:
        self.folder = folder
        self.stop_requested = False
        self.recorders: list[RunRecorder] = []
        names = [files.name(name, "run", folder.path / CONFIG) for name in folder.config["runs"]]
        self.runs = [RunFolder(folder.state_dir / "runs" / name) for name in names]

    def ask_to_stop(self) -> None:
        self.stop_requested = True
        for recorder in self.recorders:
            recorder.stop_requested = True

    def train(self) -> None:
        """All runs that are not finished; raises Stopped when asked to."""
        left = [run for run in self.runs if run.state.get("state") == "queued"]
        if len(left) > 1 and self._possible(left):
            self._together(left)
        else:
            for run in left:
                self._alone(run)

    def _possible(self, runs: list[RunFolder]) -> bool:
        from workbench import heads
        from workbench.training import batched, checkpoint

        settings = [heads.resolve_settings(run.head, run.config["settings"]) for run in runs]
        asked = any(run.config["settings"].get("test_curves") for run in runs)
        saved = [checkpoint.read(run.path) for run in runs]
        return not asked and batched.possible(heads.find(runs[0].head), settings) and batched.same_step(saved)

    def _alone(self, run: RunFolder) -> None:
        if self.stop_requested:
            raise Stopped
        with files.lock(run.path / LOCK, timeout=0):
            if run.state.get("state") != "queued":  # stopped by hand meanwhile
                return
            state = StateFile(run)
            self.recorders = [RunRecorder(run, state)]
            with ended(run, state):
                state.wait()
                room.keep(run.path)
                state.begin()
                work.train(run, state, self.recorders[0], tests=False)
        if self.stop_requested:
            raise Stopped

    def _together(self, runs: list[RunFolder]) -> None:
        from workbench import heads
        from workbench.training import batched, checkpoint

        with ExitStack() as locks:
            for run in runs:
                locks.enter_context(files.lock(run.path / LOCK, timeout=0))
            states = [StateFile(run) for run in runs]
            self.recorders = [RunRecorder(run, state) for run, state in zip(runs, states, strict=True)]
            for run, state in zip(runs, states, strict=True):
                state.wait()
                room.keep(run.path)
                state.begin()
            store, view = work.open_data(runs[0])
            settings = [heads.resolve_settings(run.head, run.config["settings"]) for run in runs]
            saved = [checkpoint.read(run.path) for run in runs]
            for recorder, one in zip(self.recorders, saved, strict=True):
                if one is not None:
                    recorder.resumed(one.about["epoch"], one.about["step"])
            try:
                found = batched.train(view, heads.find(runs[0].head), settings, self.recorders, saved)
            except BaseException as error:  # each run says what happened to it, and the sweep then says it too
                for run, state in zip(runs, states, strict=True):
                    _end(run, state, error)
                raise
            for run, state, recorder, head in zip(runs, states, self.recorders, found, strict=True):
                with ended(run, state):
                    if isinstance(head, Diverged):
                        raise head
                    work.finish(run, store, view, head, state, recorder, tests=False)
        if self.stop_requested:
            raise Stopped

    def choose(self) -> dict[str, Any]:
        """The best run on val, now evaluated on the test sets; the summary of the sweep."""
        from workbench.heads import trained
        from workbench.runs import results

        snapshots = [read(run.path) for run in self.runs]
        best = best_of(snapshots)
        if best is not None and not best.tests:
            run = best.view
            store, _ = work.open_data(run)
            summary = dict(run.summary)
            head = trained.load(run.head_file, summary["device"])
            found = results.on_tests(run, store, head, summary["temperature"]["value"])
            files.write_json(run.path / SUMMARY, {**summary, **found})
            best = read(run.path)
        grid = self.folder.config["grid"]
        return {
            "sweep": self.folder.id,
            "head": self.folder.config["head"],
            "grid": grid,
            "chosen_by": "val accuracy, then val loss",
            "best": None if best is None else best.id,
            "val": None if best is None or best.summary is None else best.summary["val"],
            "tests": {} if best is None else best.tests,
            "gap": None if best is None else best.gap,
            "runs": [
                {
                    "run": one.id,
                    "state": one.state,
                    "settings": {key: one.settings.get(key) for key in grid},
                    "val": {"accuracy": one.val_accuracy, "loss": ((one.summary or {}).get("val") or {}).get("loss")},
                    "epochs": one.epoch,
                    "seconds": one.seconds,
                    "error": one.error,
                }
                for one in snapshots
            ],
        }


def _end(run: RunFolder, state: StateFile, error: BaseException) -> None:
    with ended(run, state):
        raise error


def main(args: list[str]) -> int:
    """Do the sweep in the folder `args[0]`; exit code 0 when it finished or stopped as asked."""
    return alone(RunFolder(Path(args[0])), _take)


def _take(folder: RunFolder) -> int:
    sweep, state = Sweep(folder), StateFile(folder)
    on_signals(sweep.ask_to_stop)
    started = time.perf_counter()
    with ended(folder, state) as outcome:
        state.wait()
        with turn(folder, state, work.device_of(sweep.runs[0]), lambda: sweep.stop_requested):
            sweep.train()
            state.set(phase="evaluating")
            summary = sweep.choose()
        files.write_json(folder.path / SUMMARY, {**summary, "seconds": time.perf_counter() - started})
    return outcome.code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
