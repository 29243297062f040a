"""How a signal ends this process: in order, or by force when that takes too long."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from types import FrameType
from typing import NoReturn

GRACE = 3.0  # seconds to leave in order
DRAWING = 1.0  # seconds that the terminal may take to be restored: one that is stopped takes nothing at all
_NAMES = (
    *("SIGHUP", "SIGINT", "SIGQUIT", "SIGTERM", "SIGUSR1", "SIGUSR2", "SIGALRM", "SIGVTALRM", "SIGPROF", "SIGXCPU"),
    *("SIGIO", "SIGPWR", "SIGSTKFLT"),
)
# those that end a process unless it handles them; a platform has most of them
ENDING = tuple(getattr(signal, name) for name in _NAMES if hasattr(signal, name))


def unhandled() -> list[signal.Signals]:
    """The signals that would end this process at once: not SIGINT, and not what `nohup` told it to ignore."""
    return [number for number in ENDING if signal.getsignal(number) is signal.SIG_DFL]


def exit_code(number: int) -> int:
    """The exit code of a process that signal `number` ended, as a shell counts it."""
    return 128 + number


def leave(number: int) -> NoReturn:
    """Raise SystemExit in the main thread, so that whatever is open there is closed."""
    raise SystemExit(exit_code(number))


def in_event_loop(then: Callable[[int], object]) -> Callable[[int], None]:
    """What calls `then(number)` in the event loop of the main thread, and leaves at once where none runs."""
    import asyncio  # the command line starts without it

    def ask(number: int) -> None:
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            leave(number)
        loop.call_soon_threadsafe(then, number)

    return ask


@contextlib.contextmanager
def on_signals(
    ask: Callable[[int], object], restore: Callable[[], object], signals: Iterable[signal.Signals] = ENDING
) -> Iterator[None]:
    """The first of `signals` to come calls `ask(number)` in the main thread.

    A second one, or GRACE seconds without an end, calls `restore()`, which is to give the terminal back, and ends the
    process where it stands.
    """
    ending = threading.Lock()

    def handle(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - the form that signal wants
        if not ending.acquire(blocking=False):
            _end(number, restore)
        timer = threading.Timer(GRACE, _end, [number, restore])
        timer.daemon = True
        timer.start()
        ask(number)

    before = {number: signal.signal(number, handle) for number in signals}
    try:
        yield
    finally:
        if not ending.locked():  # a process that is on its way out is not ended by a third signal's own default
            for number, handler in before.items():
                signal.signal(number, handler)


def _end(number: int, restore: Callable[[], object]) -> NoReturn:
    drawing = threading.Thread(target=restore, daemon=True)
    drawing.start()
    drawing.join(DRAWING)
    os._exit(exit_code(number))


def show_cursor() -> None:
    """Show the cursor again, which a progress bar hides."""
    with contextlib.suppress(OSError, ValueError):
        if sys.stderr.isatty():
            os.write(sys.stderr.fileno(), b"\x1b[?25h")
