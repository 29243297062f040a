"""A real terminal for tests: tmux, keys in, screen out."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator

import pytest

WORKBENCH = f"{shlex.quote(sys.executable)} -m workbench"


class Terminal:
    """One tmux session with one command in it."""

    def __init__(self, command: str, width: int = 80, height: int = 24) -> None:
        self.name = f"workbench-{uuid.uuid4().hex[:8]}"
        user = os.environ["WORKBENCH_CONFIG_DIR"]
        shell = f"exec env COLORTERM=truecolor WORKBENCH_CONFIG_DIR={shlex.quote(user)} {command}"
        size = ["-x", str(width), "-y", str(height)]
        subprocess.run(
            ["tmux", "-L", self.name, "-f", "/dev/null", "new-session", "-d", "-s", "t", *size, shell], check=True
        )

    def _tmux(self, *args: str) -> str:
        done = subprocess.run(["tmux", "-L", self.name, *args], capture_output=True, text=True, check=False)
        return done.stdout

    @property
    def screen(self) -> str:
        return self._tmux("capture-pane", "-p", "-t", "t")

    @property
    def modes(self) -> str:
        """Whether the mouse is reported, the other screen shown and the cursor on: 0 0 1 is how a shell wants it."""
        return self._tmux("display", "-p", "-t", "t", "#{mouse_any_flag} #{alternate_on} #{cursor_flag}").strip()

    @property
    def alive(self) -> bool:
        return bool(self._tmux("list-sessions").strip())

    def press(self, *keys: str) -> None:
        for key in keys:
            self._tmux("send-keys", "-t", "t", key)

    def type(self, text: str) -> None:
        self._tmux("send-keys", "-t", "t", "-l", text)

    def wait(self, *texts: str, seconds: float = 60) -> str:
        """The screen once it shows all `texts`; fails with what it shows instead."""
        return self.until(lambda screen: all(text in screen for text in texts), f"never showed {texts}", seconds)

    def until(self, holds: Callable[[str], bool], told: str, seconds: float = 60) -> str:
        """The screen once `holds` is true of it; fails with `told` and the screen otherwise."""
        end = time.monotonic() + seconds
        screen = self.screen
        while not holds(screen):
            if time.monotonic() > end:
                pytest.fail(f"{told}; the screen:\n{screen}")
            time.sleep(0.1)
            screen = self.screen
        return screen

    def close(self) -> None:
        """End the session as a dropped connection does: the terminal goes, its children get SIGHUP."""
        self._tmux("kill-server")


@pytest.fixture
def shell(terminal: Callable[..., Terminal]) -> Terminal:
    """A terminal with a shell in it."""
    return terminal("env PS1='prompt> ' bash --norc --noprofile", program="")


@pytest.fixture
def terminal() -> Iterator[Callable[..., Terminal]]:
    """Start a command in a terminal of a given size; skips where there is no tmux."""
    if shutil.which("tmux") is None:
        pytest.skip("tmux is not installed")
    started: list[Terminal] = []

    def start(arguments: str, width: int = 80, height: int = 24, program: str = WORKBENCH) -> Terminal:
        started.append(Terminal(f"{program} {arguments}", width, height))
        return started[-1]

    yield start
    for each in started:
        each.close()
