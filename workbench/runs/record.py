"""Writes what training tells into the run's directory, and keeps its heart beating."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from workbench import files
from workbench.runs import processes, room
from workbench.runs.folder import METRICS, STATE, RunFolder
from workbench.training.recorder import EpochRow, Plan, StepRow

if TYPE_CHECKING:
    from workbench.heads.trained import TrainedHead
    from workbench.training.checkpoint import Checkpoint

CHECKPOINT_SHARE = 0.03  # of the time of training that writing checkpoints may take


class StateFile:
    """`state.json` of a run whose process this is: every change is written at once, and the heartbeat each second."""

    def __init__(self, run: RunFolder) -> None:
        self._path = run.path / STATE
        self._lock = threading.Lock()
        self._value = run.state
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="heartbeat", daemon=True)

    def wait(self) -> None:
        """The run is this process' from now on, and waits for its turn."""
        self.set(**processes.identity(), state="queued", phase="waiting", waits_for="", error="", bad_input=False)
        self._thread.start()

    def begin(self) -> None:
        """It is its turn."""
        self.set(state="running", phase="starting", waits_for="")

    def set(self, **values: Any) -> None:
        """Change some keys; raises OSError when the disk refuses."""
        with self._lock:
            self._value |= values
            files.write_json(self._path, {**self._value, "heartbeat": time.time()})

    def value(self, key: str) -> Any:
        """What was last set."""
        with self._lock:
            return self._value.get(key)

    def end(self, state: str, error: str = "", *, bad_input: bool = False) -> None:
        """The last word, after which the heart is still; written even when the disk is full."""
        self._done.set()
        self._thread.join()
        last = {"state": state, "phase": "", "waits_for": "", "error": error, "bad_input": bad_input}
        try:
            self.set(**last)
        except OSError:
            room.give_up(self._path.parent)
            self.set(**last)
        room.give_up(self._path.parent)

    def _beat(self) -> None:
        while not self._done.wait(processes.BEAT):
            try:
                self.set()
            except OSError as error:  # a full disk, say: training may still succeed, and the next beat may be written
                print(f"heartbeat not written: {error}", flush=True)


class RunRecorder:
    """The recorder of a run: rows to `metrics.jsonl`, progress to `state.json`, checkpoints beside them."""

    step_interval = 0.1

    def __init__(self, run: RunFolder, state: StateFile) -> None:
        self.plan: Plan | None = None
        self.stop_requested = False
        self.watch: Callable[[TrainedHead], dict[str, dict[str, float]]] | None = None  # looks at the test sets
        self._run, self._state = run, state
        self._metrics = run.path / METRICS
        self._kept, self._cost = time.monotonic(), 0.0
        self._told = 0.0
        self._last: EpochRow | None = None
        files.end_torn_line(self._metrics)

    def resumed(self, epoch: int, step: int) -> None:
        """Training goes on after `step`: later rows that are already there are void."""
        files.append_line(self._metrics, {"kind": "resumed", "epoch": epoch, "step": step})

    def began(self, plan: Plan) -> None:
        self.plan = plan
        self._state.set(phase="training", device=plan.device, epoch=plan.first_epoch, epochs=plan.epochs)
        where = "kept there" if plan.resident else "streamed from the store"
        print(f"{plan.train_rows:,} rows x {plan.dim} on {plan.device_name}, {where}; {plan.parameters:,} parameters")
        if plan.memory_bytes:
            print(f"about {plan.memory_bytes / 1e9:.2f} GB of memory, of {plan.free_bytes / 1e9:.1f} GB free")
        print(f"{plan.epochs} epochs of {plan.steps_per_epoch} steps of {plan.batch_size:,} rows", flush=True)

    def step(self, row: StepRow) -> None:
        files.append_line(self._metrics, {"kind": "step", **asdict(row)})

    def epoch(self, row: EpochRow, snapshot: Callable[[], Checkpoint]) -> None:
        files.append_line(self._metrics, {"kind": "epoch", **asdict(row)})
        self._last = row
        last = self.plan is not None and row.epoch == self.plan.epochs
        now = time.monotonic()
        if now - self._told >= self.step_interval or last:
            self._told = now
            self.settle()
        # a checkpoint at each epoch unless epochs are so short that writing them would be the larger part of the work
        if last or self._cost <= CHECKPOINT_SHARE * (now - self._kept):
            self._keep(snapshot)

    def settle(self) -> None:
        """Say how far training got: its end may come early, and not every epoch is told when it is over."""
        if self._last is not None:
            latest = {key: value for key, value in asdict(self._last).items() if key != "epoch"}
            self._state.set(epoch=self._last.epoch, seconds=self._last.time, latest=latest)

    def stopping(self, snapshot: Callable[[], Checkpoint]) -> None:
        self._keep(snapshot)

    def look(self, epoch: int, step: int, head: Callable[[], TrainedHead]) -> None:
        if self.watch is not None:
            for name, scores in self.watch(head()).items():
                row = {"kind": "test", "epoch": epoch, "step": step, "test_set": name, **scores}
                files.append_line(self._metrics, row)

    def note(self, text: str) -> None:
        print(text, flush=True)
        files.append_line(self._metrics, {"kind": "note", "step": 0, "text": text})

    def _keep(self, snapshot: Callable[[], Checkpoint]) -> None:
        started = time.monotonic()
        checkpoint = snapshot()
        checkpoint.write(self._run.path)
        self._kept = time.monotonic()
        self._cost = self._kept - started
        self._state.set(epoch=checkpoint.about["epoch"], seconds=checkpoint.about["seconds"])
