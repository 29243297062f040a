"""Every way out gives the terminal back and ends all but the runs: real signals to a real interface."""

from __future__ import annotations

import os
import pty
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests.terminal.conftest import WORKBENCH, Terminal

pytestmark = pytest.mark.terminal
SIGNALS = [signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGINT]
IN_USE = "1 1 0"
GIVEN_BACK = "0 0 1"
LEAVER = '''
import subprocess, time
from workbench.api import Analysis, Metric

class Leaver(Analysis):
    """Leaves a process in a session of its own."""
    name = "leaver"
    title = "A leaver"

    def run(self, ctx, params):
        subprocess.Popen(["sleep", "{seconds}"], start_new_session=True)
        yield Metric("begun", 1.0)
        {after}
'''
# another meaning for the key of the help
WITH_HELP = """
import time
from workbench import runs
from workbench.tui.app import WorkbenchApp
def act(self):
    {act}
WorkbenchApp.action_help = act
from workbench.cli import main
main()
"""
BOTH = """self.submit("leaver", {}, owner="plugins")
    runs.start_sync(runs.create(self.session.workspace, self.session.store, "linear", {"epochs": 100_000}))
"""


def with_help(act: str) -> str:
    """The command of an interface that does this at the key `?`."""
    return f"{shlex.quote(sys.executable)} -c {shlex.quote(WITH_HELP.replace('{act}', act))}"


def open_in(shell: Terminal, folder: Path, program: str = WORKBENCH) -> psutil.Process:
    """The process of an interface that shows its data and has started its worker."""
    shell.wait("prompt>")
    shell.type(f'clear; {program} {folder}; echo "code $?"')
    shell.press("Enter")
    shell.wait("300", "test1")
    shell.until(lambda _: shell.modes == IN_USE, "the interface did not take the terminal")
    shell.until(lambda _: bool(_worker(folder)), "no worker was started")
    return _interface(folder)


def _interface(folder: Path) -> psutil.Process:
    return next(
        process
        for process in psutil.process_iter(["cmdline", "name"])
        if process.info["cmdline"] and process.info["cmdline"][-1] == str(folder)
    )


def _worker(folder: Path) -> list[psutil.Process]:
    below = _interface(folder).children(recursive=True)
    return [process for process in below if "workbench.worker" in process.cmdline()]


def ended(processes: list[psutil.Process], seconds: float = 10.0) -> bool:
    _, alive = psutil.wait_procs(processes, timeout=seconds)
    return not [process for process in alive if process.status() != psutil.STATUS_ZOMBIE]


def given_back(shell: Terminal, code: int) -> None:
    """The shell has its terminal again: its modes, its prompt, its line editing, its interrupts."""
    shell.wait(f"code {code}", "prompt>", seconds=10)
    shell.until(lambda _: shell.modes == GIVEN_BACK, f"the modes are {shell.modes}", seconds=5)
    shell.type("clear; stty -a; echo us''able")
    shell.press("Enter")
    screen = shell.wait("usable", seconds=10).replace(";", " ").split()
    assert {"icanon", "echo", "isig", "icrnl", "opost"} <= set(screen), screen


@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
def test_a_signal_gives_the_terminal_back(shell: Terminal, make_folder: Callable[..., Path], number: int) -> None:
    interface = open_in(shell, make_folder())
    below = interface.children(recursive=True)
    assert len(below) >= 3  # the tracker of multiprocessing, the supervisor and the worker
    interface.send_signal(number)
    given_back(shell, 128 + number)
    assert ended(below)


@pytest.mark.parametrize("moment", [0.05, 0.25, 0.5, 0.8])
def test_a_signal_at_the_start_gives_the_terminal_back(
    shell: Terminal, make_folder: Callable[..., Path], moment: float
) -> None:
    folder = make_folder()
    shell.wait("prompt>")
    shell.type(f'clear; {WORKBENCH} {folder} & P=$!; (sleep {moment}; kill $P) & fg %1; echo "code $?"')
    shell.press("Enter")
    given_back(shell, 143)


@pytest.mark.parametrize("fault", ["time.sleep(1000)", "while True: pass"], ids=["waits", "works"])
def test_an_interface_that_hangs_is_ended_by_force(
    shell: Terminal, make_folder: Callable[..., Path], fault: str
) -> None:
    interface = open_in(shell, make_folder(), with_help(fault))
    below = interface.children(recursive=True)
    shell.press("?")
    time.sleep(0.5)
    interface.send_signal(signal.SIGTERM)
    given_back(shell, 143)
    assert ended(below)


def test_a_second_signal_does_not_wait(shell: Terminal, make_folder: Callable[..., Path]) -> None:
    interface = open_in(shell, make_folder(), with_help("while True: pass"))
    shell.press("?")
    time.sleep(0.5)
    interface.send_signal(signal.SIGTERM)
    time.sleep(0.3)
    begun = time.monotonic()
    interface.send_signal(signal.SIGQUIT)
    assert ended([interface])
    assert time.monotonic() - begun < 2
    given_back(shell, 131)


def test_an_exception_gives_the_terminal_back(shell: Terminal, make_folder: Callable[..., Path]) -> None:
    interface = open_in(shell, make_folder(), with_help("raise ValueError(12345)"))
    below = interface.children(recursive=True)
    shell.press("?")
    shell.wait("ValueError", "12345")
    given_back(shell, 1)
    assert ended(below)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, None], ids=["SIGTERM", "SIGKILL", "hang-up"])
def test_what_a_plugin_left_ends_and_a_run_goes_on(
    shell: Terminal, make_folder: Callable[..., Path], number: int | None
) -> None:
    plugins = Path(os.environ["WORKBENCH_CONFIG_DIR"]) / "plugins"
    plugins.mkdir(parents=True)
    seconds = str(100_000 + os.getpid())
    (plugins / "leaver.py").write_text(LEAVER.format(seconds=seconds, after="while True: time.sleep(1)"))
    folder = make_folder()
    interface = open_in(shell, folder, with_help(BOTH))
    shell.press("?")
    shell.until(lambda _: len(sleeping(seconds)) == 1, "the plugin did not start its process")
    shell.press("2")
    shell.wait("running")
    run = next(process for process in interface.children() if "workbench.runs.child" in process.cmdline())
    below = [process for process in interface.children(recursive=True) if process.pid != run.pid]
    if number is None:
        shell.close()
    else:
        interface.send_signal(number)
    assert ended([interface, *below, *sleeping(seconds)])
    assert sleeping(seconds) == []
    if number == signal.SIGTERM:
        shell.wait("1 run still training", "code 143")
        given_back(shell, 143)
    assert run.is_running()
    assert run.status() != psutil.STATUS_ZOMBIE
    subprocess.run([sys.executable, "-m", "workbench", "runs", str(folder), "stop", "last"], check=True)
    assert ended([run], 30)


def sleeping(seconds: str) -> list[psutil.Process]:
    return [process for process in psutil.process_iter(["cmdline"]) if process.info["cmdline"] == ["sleep", seconds]]


def test_a_terminal_that_goes_without_a_word_ends_the_interface(make_folder: Callable[..., Path]) -> None:
    master, slave = pty.openpty()
    line = [sys.executable, "-m", "workbench", str(make_folder())]
    # a session without a controlling terminal gets no SIGHUP
    process = subprocess.Popen(line, stdin=slave, stdout=slave, stderr=slave, start_new_session=True)
    os.close(slave)
    shown = b""
    while b"300" not in shown:
        shown += os.read(master, 1 << 16)
    below = psutil.Process(process.pid).children(recursive=True)
    os.close(master)
    assert process.wait(15) != 0
    assert ended(below)


def test_a_progress_bar_gives_the_cursor_back(shell: Terminal, make_folder: Callable[..., Path]) -> None:
    folder = make_folder()
    shell.wait("prompt>")
    shell.type(f'clear; {WORKBENCH} train {folder} --head linear --set epochs=100000; echo "code $?"')
    shell.press("Enter")
    shell.until(lambda screen: "epoch" in screen and shell.modes == "0 0 0", "no progress was shown")
    process = next(
        process
        for process in psutil.process_iter(["cmdline"])
        if process.info["cmdline"] and "train" in process.info["cmdline"] and str(folder) in process.info["cmdline"]
    )
    process.send_signal(signal.SIGTERM)
    given_back(shell, 143)
    subprocess.run([sys.executable, "-m", "workbench", "runs", str(folder), "stop", "last"], check=True)
