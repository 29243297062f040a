"""The process of a run: `python -m workbench.runs.child RUN_FOLDER`. Its output goes to the run's log."""

from __future__ import annotations

import contextlib
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import TypeVar

from filelock import Timeout

from workbench import files
from workbench.errors import BadInput, Failed
from workbench.runs import disk_reserve, queue, records, work
from workbench.runs.control import LOCK
from workbench.runs.folder import JobFolder, RunFolder, SweepFolder
from workbench.runs.recorder import RunRecorder, StateFile
from workbench.runs.records import Progress
from workbench.training.recorder import Diverged, Stopped

F = TypeVar("F", RunFolder, SweepFolder)


def main(args: list[str]) -> int:
    """Train the queued run in the folder `args[0]`; exit code 0 when it finished or stopped as asked."""
    return alone(RunFolder(Path(args[0])), _take)


def _take(run: RunFolder) -> int:
    if run.state.state != "queued":
        print(f"run {run.id} is {run.state.state}, not queued; nothing to do", flush=True)
        return 1
    state = StateFile(run)
    recorder = RunRecorder(run, state)

    def ask_to_stop() -> None:
        recorder.stop_requested = True

    on_signals(ask_to_stop)
    with ended(run, state) as outcome:
        state.wait()
        files.clear_temporary(run.path)
        disk_reserve.reserve(run.path)
        with turn(run, state, work.device_of(run), lambda: recorder.stop_requested):
            # val selects among the runs of a sweep; the others are not evaluated on test sets
            work.train(run, state, recorder, tests=not run.config.sweep)
    return outcome.code


def alone(folder: F, take: Callable[[F], int]) -> int:
    """The exit code returned by `take` for the folder; 1 without any work when another process holds it."""
    try:
        with files.lock(folder.path / LOCK, timeout=0):
            return take(folder)
    except Timeout:
        say(f"{folder.id} already has a process")
        return 1


@contextmanager
def turn(
    folder: RunFolder | SweepFolder, state: StateFile, device: str, stop_requested: Callable[[], bool]
) -> Iterator[None]:
    """Wait for a place on the device; raises Stopped when asked to stop while waiting."""
    place = queue.place(
        folder.state_dir,
        device,
        folder.id,
        folder.config.parallel,
        lambda holder: state.set(waits_for=holder),
        stop_requested,
    )
    with place as mine:
        if not mine:
            raise Stopped
        state.begin()
        yield


def on_signals(ask_to_stop: Callable[[], None]) -> None:
    """SIGTERM and SIGINT request a stop; SIGHUP, sent when the terminal closes, is ignored."""

    def handle(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - the form that signal wants
        ask_to_stop()

    signal.signal(signal.SIGTERM, handle)
    signal.signal(signal.SIGINT, handle)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)


@dataclass
class Outcome:
    """The exit code of a process, once its work has ended."""

    code: int = 0


@contextmanager
def ended(job: JobFolder, state: StateFile) -> Iterator[Outcome]:
    """Record how the work in the context ends; `code` is the exit code of the process."""
    outcome = Outcome()
    try:
        yield outcome
    except Stopped:
        say("stopped on request")
        state.end("stopped")
    except (BadInput, Diverged, Failed) as error:
        say(str(error))
        state.end("failed", str(error), bad_input=isinstance(error, BadInput))
        outcome.code = 1
    except BaseException as error:  # noqa: BLE001 - whatever it was, the run must say so
        outcome.code = 1
        if disk_reserve.is_full(error):
            state.end("failed", _full(job))
        else:
            with contextlib.suppress(OSError):
                traceback.print_exc()
            first_line = f"{type(error).__name__}: {error}".strip().splitlines()[0]
            state.end("failed", first_line + " (see the run's log)")
        say(state.value.error)
    else:
        state.end("finished")


def _full(job: JobFolder) -> str:
    try:
        progress = records.find(job.path, Progress)
    except BadInput:
        progress = None
    rest = f"it continues after epoch {progress.epoch}" if progress else "it starts from the beginning"
    return f"the disk that holds {job.path} is full; free some space, then resume the run ({rest})"


def say(text: str) -> None:
    """Write a line to the log, ignoring errors."""
    with contextlib.suppress(OSError):
        print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
