"""The terminal as the shell wants it back, however the interface ends."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import termios
import threading
from collections.abc import Iterator
from typing import Any

LOOK = 1.0  # seconds between looks at whether the terminal is still there
# a cut sequence is cancelled; mouse reports, focus reports, bracketed paste and reports of the size off; cursor on
MODES = b"\x18" + b"".join(
    b"\x1b[?%d%c" % (mode, end)
    for end, modes in ((ord("l"), (1000, 1002, 1003, 1015, 1006, 1016, 1004, 2004, 2048, 2026)), (ord("h"), (7, 25)))
    for mode in modes
)
KEYS_AND_SCREEN = b"\x1b[<u\x1b[?1049l"  # the keyboard protocol is a stack: taken off once, and before the screen


class Terminal:
    """What the terminal was like before the interface took it."""

    def __init__(self) -> None:
        self._input, self._output = sys.__stdin__, sys.__stderr__  # where Textual reads and draws
        self._before = self._attributes()

    def _attributes(self) -> list[Any] | None:
        try:
            return termios.tcgetattr(self._input) if self._input is not None else None
        except (termios.error, OSError, ValueError):
            return None

    def restore(self) -> None:
        """Give the terminal back; where Textual has done so, put right what it leaves out."""
        now = self._attributes()
        if now is None or self._before is None or self._output is None:
            return
        was_canonical = self._before[3] & termios.ICANON and not now[3] & termios.ICANON
        with contextlib.suppress(termios.error, OSError, ValueError):
            assert self._input is not None
            termios.tcsetattr(self._input, termios.TCSANOW, self._before)
            os.write(self._output.fileno(), (KEYS_AND_SCREEN if was_canonical else b"") + MODES)

    @contextlib.contextmanager
    def restored(self) -> Iterator[None]:
        """Give the terminal back at the end; if it goes away without a signal, end the process as SIGHUP does."""
        over = threading.Event()

        def watch() -> None:
            while not over.wait(LOOK):
                if self._attributes() is None:
                    os.kill(os.getpid(), signal.SIGHUP)
                    return

        if self._before is not None:
            threading.Thread(target=watch, name="terminal", daemon=True).start()
        try:
            yield
        finally:
            over.set()
            self.restore()
