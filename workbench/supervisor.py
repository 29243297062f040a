"""`python -m workbench.supervisor FD COMMAND...`: runs a command, and ends with it all that it started.

It stands between the interface and the worker, and loads no library that could bring it down. `FD` is the read end of
a pipe that nothing is written to: when its other end closes, which the kernel does however the interface dies, the
command is ended.

What a plugin started may be in a session of its own, its parent long gone. On Linux such processes become children of
the supervisor, their "subreaper". Elsewhere they are known by having been seen below it, or by a mark in their
environment, which misses a process of another's program whose parent ended within a LOOK of starting it.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import psutil

MARK = "WORKBENCH_SUPERVISED"  # in the environment of the command and of what it starts: a text of its own
OUTLIVES = "no"  # the mark of a process, a run's, that is not ended with the command that started it
LOOK = 0.5  # seconds between looks at what it has started, where the system does not keep them together
PATIENCE = 5.0  # seconds for killed processes to go: one that waits for a disk may take longer
_SET_DEATH_SIGNAL, _SET_CHILD_SUBREAPER = 1, 36  # of Linux' prctl


def main(arguments: list[str]) -> int:
    """Run the command; its exit code, 0 when the pipe was closed. A signal that ended it ends this process too."""
    lifeline, command = int(arguments[0]), arguments[1:]
    os.set_inheritable(lifeline, False)
    adopts = _prctl(_SET_CHILD_SUBREAPER, 1)
    process = os.posix_spawn(command[0], command, os.environ)
    _let_go_of_the_pipes()
    supervisor = Supervisor(process, lifeline, os.environ.get(MARK, ""), adopts)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, lambda *_: supervisor.stop())
    code = supervisor.wait()
    if code < 0:
        _die_of(-code)
    return code


def die_with_parent() -> None:
    """Let this process end when the one that started it is killed; on Linux, elsewhere nothing happens."""
    _prctl(_SET_DEATH_SIGNAL, signal.SIGKILL)


def _prctl(option: int, value: int) -> bool:
    if sys.platform != "linux":
        return False
    import ctypes

    return ctypes.CDLL(None).prctl(option, value, 0, 0, 0) == 0  # type: ignore[no-any-return]


def _let_go_of_the_pipes() -> None:
    """Leave the pipes to the command, so that their ends are seen when it closes them."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for pipe in (0, 1):
        os.dup2(nothing, pipe)


def _die_of(number: int) -> None:
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if number not in (signal.SIGKILL, signal.SIGSTOP):
        signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)


class Supervisor:
    """Waits for a child process, and ends it when the lifeline closes."""

    def __init__(self, process: int, lifeline: int, mark: str, adopts: bool) -> None:
        """`adopts`: whether processes that have lost their parent become children of this one."""
        self._process = process
        self._mark = mark
        self._adopts = adopts
        self._running = True
        self._stopped = False
        self._seen: set[psutil.Process] = set()
        threading.Thread(target=self._watch, args=[lifeline], daemon=True).start()

    def stop(self) -> None:
        """End the process."""
        self._stopped = True
        if self._running:
            if not self._adopts:
                self._look()
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._process, signal.SIGKILL)

    def wait(self) -> int:
        """Wait for the end of the process, and end what it left; its exit code, negative for a signal, 0 if stopped."""
        while True:
            ended, status = os.waitpid(-1, 0)
            if ended == self._process:
                break
        self._running = False
        if self._adopts and _children() is not None:
            end_adopted()
        else:
            end_all(os.getpid(), "" if self._adopts else self._mark, self._seen, _bury)
        return 0 if self._stopped else os.waitstatus_to_exitcode(status)

    def _watch(self, lifeline: int) -> None:
        while not select.select([lifeline], [], [], None if self._adopts else LOOK)[0]:
            self._look()
        self.stop()

    def _look(self) -> None:
        self._seen = {process for process in self._seen if process.is_running()} | set(family(os.getpid()))


def family(root: int, mark: str = "") -> list[psutil.Process]:
    """The processes below process `root` and, where a `mark` is given, those that carry it; not `root` nor runs."""
    import psutil

    processes: set[psutil.Process] = set()
    with contextlib.suppress(psutil.NoSuchProcess):
        processes.update(psutil.Process(root).children(recursive=True))
    if mark:
        processes.update(process for process in psutil.process_iter() if _mark_of(process) == mark)
    return [process for process in processes if process.pid != root and _to_be_ended(process)]


def _mark_of(process: psutil.Process) -> str | None:
    """The mark of a process; None also where its environment may not be read."""
    import psutil

    with contextlib.suppress(psutil.Error, OSError):
        return process.environ().get(MARK)
    return None


def _to_be_ended(process: psutil.Process) -> bool:
    import psutil

    with contextlib.suppress(psutil.Error):
        return process.status() != psutil.STATUS_ZOMBIE and _mark_of(process) != OUTLIVES
    return False


def end_all(
    root: int, mark: str = "", seen: Iterable[psutil.Process] = (), after_each: Callable[[], object] = lambda: None
) -> None:
    """Kill the `family` of process `root` and those `seen` before, until none is left or PATIENCE is over.

    `after_each` is called after each round of it.
    """
    import psutil

    deadline = time.monotonic() + PATIENCE
    left = {*family(root, mark), *filter(_to_be_ended, seen)}
    while left and time.monotonic() < deadline:
        for process in left:
            with contextlib.suppress(psutil.Error):
                process.kill()
        time.sleep(0.01)
        after_each()
        left = {*family(root, mark), *filter(_to_be_ended, left)}  # one may have started another meanwhile


def end_adopted() -> None:
    """Kill the children of this subreaper, and those that their deaths make its children, until none but runs is left.

    There is no pause between rounds: a process may do nothing but start its successor and go.
    """
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        _bury()
        left = [pid for pid in _children() or () if not _outlives(pid)]
        if not left:
            return
        for pid in left:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)


def _children() -> list[int] | None:
    """The numbers of this process' children, as the kernel keeps them; None where it does not tell."""
    tasks = Path("/proc/self/task")
    if not (tasks / str(os.getpid()) / "children").exists():
        return None
    pids: list[int] = []
    for task in tasks.iterdir():
        with contextlib.suppress(OSError):  # a thread that has just ended; its children pass to another
            pids += map(int, (task / "children").read_text().split())
    return pids


def _outlives(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return f"{MARK}={OUTLIVES}".encode() in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    return False


def _bury() -> None:
    """Take note of the children that have died: until then they still count as processes."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
