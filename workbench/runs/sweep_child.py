"""The process of a sweep: `python -m workbench.runs.sweep_child SWEEP_FOLDER`.

It holds one place on the device for all its runs. Linear heads that see the same batches are trained together, other
heads one after another. The best head on val is then selected, and only this one is evaluated on the test sets.
"""

from __future__ import annotations

import sys
import time
from contextlib import ExitStack
from pathlib import Path

import msgspec

from workbench import files
from workbench.runs import disk_reserve, records, work
from workbench.runs.child import alone, ended, on_signals, turn
from workbench.runs.control import LOCK
from workbench.runs.folder import RunFolder, SweepFolder
from workbench.runs.recorder import RunRecorder, StateFile
from workbench.runs.records import FILES, SweepConfig, SweepPoint, SweepSummary, ValScore
from workbench.runs.snapshot import RunSnapshot, read
from workbench.runs.sweep import best_of
from workbench.training.recorder import Diverged, Stopped


class Sweep:
    """The work of one sweep."""

    def __init__(self, folder: SweepFolder) -> None:
        self.folder = folder
        self.stop_requested = False
        self.recorders: list[RunRecorder] = []
        names = [files.name(name, "run", folder.path / FILES[SweepConfig]) for name in folder.config.runs]
        self.runs = [RunFolder(folder.state_dir / "runs" / name) for name in names]

    def ask_to_stop(self) -> None:
        self.stop_requested = True
        for recorder in self.recorders:
            recorder.stop_requested = True

    def train(self) -> None:
        """All runs that are not finished; raises Stopped when asked to."""
        queued = [run for run in self.runs if run.state.state == "queued"]
        if len(queued) > 1 and self._possible(queued):
            self._together(queued)
        else:
            for run in queued:
                self._alone(run)

    def _possible(self, runs: list[RunFolder]) -> bool:
        from workbench import heads
        from workbench.training import batched, checkpoint

        settings = [heads.resolve_settings(run.head, run.config.settings) for run in runs]
        test_curves = any(run.config.settings.get("test_curves") for run in runs)
        saved = [checkpoint.read(run.path) for run in runs]
        return not test_curves and batched.possible(heads.find(runs[0].head), settings) and batched.same_step(saved)

    def _alone(self, run: RunFolder) -> None:
        if self.stop_requested:
            raise Stopped
        with files.lock(run.path / LOCK, timeout=0):
            if run.state.state != "queued":  # stopped by hand meanwhile
                return
            state = StateFile(run)
            self.recorders = [RunRecorder(run, state)]
            with ended(run, state):
                state.wait()
                disk_reserve.reserve(run.path)
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
                disk_reserve.reserve(run.path)
                state.begin()
            store, view = work.open_data(runs[0])
            settings = [heads.resolve_settings(run.head, run.config.settings) for run in runs]
            saved = [checkpoint.read(run.path) for run in runs]
            for recorder, one in zip(self.recorders, saved, strict=True):
                if one is not None:
                    recorder.resumed(one.about["epoch"], one.about["step"])
            try:
                heads_or_errors = batched.train(view, heads.find(runs[0].head), settings, self.recorders, saved)
            except BaseException as error:  # each run says what happened to it, and the sweep then says it too
                for run, state in zip(runs, states, strict=True):
                    _end(run, state, error)
                raise
            for run, state, recorder, head in zip(runs, states, self.recorders, heads_or_errors, strict=True):
                with ended(run, state):
                    if isinstance(head, Diverged):
                        raise head
                    work.finish(run, store, view, head, state, recorder, tests=False)
        if self.stop_requested:
            raise Stopped

    def choose(self, start: float) -> SweepSummary:
        """The best run on val, now evaluated on the test sets; the summary of the sweep, which began at `start`."""
        snapshots = [read(run.path) for run in self.runs]
        best = best_of(snapshots)
        if best is not None and not best.tests:
            best = _evaluate(best)
        config = self.folder.config
        return SweepSummary(
            sweep=self.folder.id,
            head=config.head,
            grid=config.grid,
            chosen_by="val accuracy, then val loss",
            best=best.id if best else None,
            val=best.summary.val if best and best.summary else None,
            tests=best.tests if best else {},
            gap=best.gap if best else None,
            runs=[self._point(run) for run in snapshots],
            seconds=time.perf_counter() - start,
        )

    def _point(self, run: RunSnapshot) -> SweepPoint:
        loss = run.summary.val.loss if run.summary else None
        return SweepPoint(
            run=run.id,
            state=run.state,
            settings={key: run.settings.get(key) for key in self.folder.config.grid},
            val=ValScore(accuracy=run.val_accuracy, loss=loss),
            epochs=run.epoch,
            seconds=run.seconds,
            error=run.error,
        )


def _evaluate(best: RunSnapshot) -> RunSnapshot:
    """The finished run, with results on the test sets."""
    from workbench.heads import trained
    from workbench.runs import results

    run = best.view
    store, _ = work.open_data(run)
    summary = run.summary
    head = trained.load(run.head_file, summary.device)
    value = summary.temperature.value if summary.temperature else None
    tests = results.on_tests(run, store, head, 1.0 if value is None else value)
    records.write(run.path, msgspec.structs.replace(summary, tests=tests, gap=results.gap(tests)))
    return read(run.path)


def _end(run: RunFolder, state: StateFile, error: BaseException) -> None:
    with ended(run, state):
        raise error


def main(args: list[str]) -> int:
    """Do the sweep in the folder `args[0]`; exit code 0 when it finished or stopped as asked."""
    return alone(SweepFolder(Path(args[0])), _take)


def _take(folder: SweepFolder) -> int:
    sweep, state = Sweep(folder), StateFile(folder)
    on_signals(sweep.ask_to_stop)
    start = time.perf_counter()
    with ended(folder, state) as outcome:
        state.wait()
        with turn(folder, state, work.device_of(sweep.runs[0]), lambda: sweep.stop_requested):
            sweep.train()
            state.set(phase="evaluating")
            summary = sweep.choose(start)
        records.write(folder.path, summary)
    return outcome.code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
