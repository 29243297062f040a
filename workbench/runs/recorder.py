"""Writes the reports of training to the run's directory, and the heartbeat of its process."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from workbench import files
from workbench.runs import disk_reserve, metrics, processes, records
from workbench.runs.folder import JobFolder, RunFolder
from workbench.runs.records import RunState
from workbench.training.recorder import EpochRow, Plan, StepRow

if TYPE_CHECKING:
    from workbench.heads.trained import TrainedHead
    from workbench.training.checkpoint import Checkpoint

CHECKPOINT_SHARE = 0.03  # of the time of training that writing checkpoints may take


class TestScore(NamedTuple):
    """Accuracy and mean loss (nats) of a head on a test set while it is trained."""

    accuracy: float
    loss: float


class StateFile:
    """`state.json` of the run or sweep that this process works on.

    Every change is written at once, and the heartbeat each second.
    """

    def __init__(self, job: JobFolder) -> None:
        """Raises DamagedFile when the file is missing or cannot be read."""
        self._folder = job.path
        self._lock = threading.Lock()
        self._value = job.state
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="heartbeat", daemon=True)

    @property
    def value(self) -> RunState:
        """What was last set."""
        with self._lock:
            return self._value

    def wait(self) -> None:
        """Assign the run to this process, which waits for its turn."""
        process = records.plain(processes.identity())
        self.set(**process, state="queued", phase="waiting", waits_for="", error="", bad_input=False)
        self._thread.start()

    def begin(self) -> None:
        """Record that the run has started."""
        self.set(state="running", phase="starting", waits_for="")

    def set(self, **values: Any) -> None:
        """Change some fields of the `RunState`; raises TypeError for one that it does not have, and OSError."""
        with self._lock:
            self._value = msgspec.structs.replace(self._value, **values, heartbeat=time.time())
            records.write(self._folder, self._value)

    def end(self, state: str, error: str = "", *, bad_input: bool = False) -> None:
        """Record how the run ended. The heartbeat stops, and the state is written even when the disk is full."""
        self._done.set()
        self._thread.join()
        text = error.encode("utf-8", "replace").decode()  # a path in it may hold bytes that are no text
        last = {"state": state, "phase": "", "waits_for": "", "error": text, "bad_input": bad_input}
        try:
            self.set(**last)
        except OSError:
            disk_reserve.release(self._folder)
            self.set(**last)
        disk_reserve.release(self._folder)

    def _beat(self) -> None:
        while not self._done.wait(processes.BEAT):
            try:
                self.set()
            except OSError as error:  # a full disk, say: training may still succeed, and the next beat may be written
                print(f"heartbeat not written: {error}", flush=True)


class RunRecorder:
    """The recorder of a run: rows to `metrics.jsonl`, progress to `state.json`, and checkpoints."""

    step_interval = 0.1

    def __init__(self, run: RunFolder, state: StateFile) -> None:
        self.plan: Plan | None = None
        self.stop_requested = False
        self.watch: Callable[[TrainedHead], dict[str, TestScore]] | None = None  # evaluates on the test sets
        self._run, self._state = run, state
        self._checkpoint_time, self._checkpoint_cost = time.monotonic(), 0.0
        self._state_time = 0.0
        self._last: EpochRow | None = None
        files.end_torn_line(run.path / metrics.METRICS)

    def resumed(self, epoch: int, step: int) -> None:
        """Training goes on after `step`: later rows that are already there are void."""
        metrics.append(self._run.path, metrics.Resumed(epoch=epoch, step=step))

    def began(self, plan: Plan) -> None:
        self.plan = plan
        self._state.set(phase="training", device=plan.device, epoch=plan.first_epoch, epochs=plan.epochs)
        where = "kept on the device" if plan.resident else "streamed from the store"
        print(f"{plan.train_rows:,} rows x {plan.dim} on {plan.device_name}, {where}; {plan.parameters:,} parameters")
        if plan.memory_bytes:
            print(f"about {plan.memory_bytes / 1e9:.2f} GB of memory, of {plan.free_bytes / 1e9:.1f} GB free")
        print(f"{plan.epochs} epochs of {plan.steps_per_epoch} steps of {plan.batch_size:,} rows", flush=True)

    def step(self, row: StepRow) -> None:
        metrics.append(self._run.path, metrics.of_step(row))

    def epoch(self, row: EpochRow, snapshot: Callable[[], Checkpoint]) -> None:
        metrics.append(self._run.path, metrics.of_epoch(row))
        self._last = row
        last = self.plan is not None and row.epoch == self.plan.epochs
        now = time.monotonic()
        if now - self._state_time >= self.step_interval or last:
            self._state_time = now
            self.settle()
        # a checkpoint at each epoch unless epochs are so short that writing them would be the larger part of the work
        if last or self._checkpoint_cost <= CHECKPOINT_SHARE * (now - self._checkpoint_time):
            self._write_checkpoint(snapshot)

    def settle(self) -> None:
        """Bring the state up to the last epoch: training may end early, and the state is not written at each epoch."""
        if self._last is not None:
            self._state.set(epoch=self._last.epoch, seconds=self._last.time, latest=metrics.figures(self._last))

    def stopping(self, snapshot: Callable[[], Checkpoint]) -> None:
        self._write_checkpoint(snapshot)

    def look(self, epoch: int, step: int, head: Callable[[], TrainedHead]) -> None:
        if self.watch is not None:
            for name, scores in self.watch(head()).items():
                row = metrics.TestMetrics(
                    epoch=epoch, step=step, test_set=name, accuracy=scores.accuracy, loss=scores.loss
                )
                metrics.append(self._run.path, row)

    def note(self, text: str) -> None:
        print(text, flush=True)
        metrics.append(self._run.path, metrics.Note(text=text))

    def _write_checkpoint(self, snapshot: Callable[[], Checkpoint]) -> None:
        start = time.monotonic()
        checkpoint = snapshot()
        checkpoint.write(self._run.path)
        self._checkpoint_time = time.monotonic()
        self._checkpoint_cost = self._checkpoint_time - start
        self._state.set(epoch=checkpoint.about["epoch"], seconds=checkpoint.about["seconds"])
