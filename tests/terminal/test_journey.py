"""The main journey in a real terminal, by keyboard alone at 80x24: a head trained live, the gap followed to samples."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.terminal.conftest import Terminal

pytestmark = pytest.mark.terminal
BRAILLE = re.compile("[⠀-⣿]")

FIELDS = 10
EPOCHS_HINT = "heads: 100)"

PLUGIN = '''
from workbench.api import Analysis, Metric

class Greeting(Analysis):
    """Counts what train holds."""
    name = "greeting"
    title = "A greeting"

    def run(self, ctx, params):
        yield Metric("samples of train", float(ctx.train.rows))
'''
BROKEN = (
    PLUGIN.replace("greeting", "deadly")
    .replace("Greeting", "Deadly")
    .replace("yield Metric", "import os; os._exit(7)\n        yield Metric")
)


def curve(screen: str) -> str:
    """What the charts of the Train screen show."""
    return "".join(BRAILLE.findall(screen))


def test_the_journey(terminal: Callable[..., Terminal], tmp_path: Path) -> None:
    plugins = Path(os.environ["WORKBENCH_CONFIG_DIR"]) / "plugins"
    plugins.mkdir(parents=True)
    term = terminal(f"demo --folder {tmp_path / 'demo'}")

    term.wait("test1", "test2", "900", "400", "497", seconds=30)

    train(term)
    term.press("4")
    term.wait("Confused pairs", "recall", "three")
    term.press("Enter")
    screen = term.wait("predicted as", "path", "test2/")
    row = int(re.search(r"row (\d+)", screen)[1])  # type: ignore[index]
    term.press("Enter")
    term.wait("Neighbours", f"row {row}", "nearest in", "distance", "same class")
    term.press("Escape")
    term.wait("predicted as", f"row {row}")
    term.press("Escape")
    term.wait("Confused pairs")

    term.press("5")
    term.wait("KS", "Wass.", "64 features", "pixel_")

    (plugins / "greeting.py").write_text(PLUGIN)
    (plugins / "deadly.py").write_text(BROKEN)
    term.press("6")
    term.wait("greeting", "deadly", "confusion", "11 analyses")
    run_plugin(term, "deadly")
    term.wait("exit", "7")
    term.press("Escape", "Escape")
    run_plugin(term, "greeting")
    term.wait("samples of train", "900")

    term.press("7")
    term.wait("6 jobs", "greeting", "deadly", "exit cod", "divergence")
    term.press("q")
    term.until(lambda _: not term.alive, "q did not leave")


def start_linear(term: Terminal, epochs: int) -> None:
    """Fill in the form of a new run and start it."""
    term.press("2")
    term.wait("no runs yet")
    term.press("n")
    term.wait("head", "linear", "epochs", "back to the runs")
    for _ in range(FIELDS):
        term.press("Tab")
        time.sleep(0.3)
        if EPOCHS_HINT in term.screen:  # the hint of the field in focus is told in full
            break
    else:
        term.wait(EPOCHS_HINT, seconds=0)
    term.type(str(epochs))
    term.until(lambda screen: bool(re.search(rf"epochs +{epochs} ", screen)), "the epochs were not filled in")
    term.press("F5")


def train(term: Terminal) -> None:
    """Start a linear head of many epochs and see its curve move and its accuracies come."""
    start_linear(term, 400)
    first = term.until(lambda screen: "running" in screen and bool(curve(screen)), "no curve was drawn")
    term.until(lambda screen: "running" in screen and curve(screen) != curve(first), "the curve did not move")
    term.wait("finished", "400/400", "95", "p = ")


def run_plugin(term: Terminal, name: str) -> None:
    """Filter the list of analyses down to one and run it."""
    term.wait("place a .py file")
    term.press("/")
    time.sleep(0.5)  # no one types a word in the millisecond after a key
    term.type(name)
    term.press("Enter")
    term.until(lambda screen: "confusion" not in screen and name in screen, "the list was not filtered")
    term.press("Enter")
    term.wait("run")
    term.press("C-r")


def test_closing_the_terminal_does_not_end_a_run(
    terminal: Callable[..., Terminal], make_folder: Callable[..., Path]
) -> None:
    folder = make_folder()
    first = terminal(str(folder))
    first.wait("300")
    start_linear(first, 8000)
    first.wait("running")
    first.close()

    again = terminal(str(folder))
    again.wait("300")
    again.press("2")
    screen = again.wait("running", "of 8,000")
    again.until(lambda later: epoch(later) > epoch(screen), "the run stood still")
    stopped = subprocess.run(
        [sys.executable, "-m", "workbench", "runs", str(folder), "stop", "last"], capture_output=True, check=False
    )
    assert stopped.returncode == 0, stopped.stderr
    again.wait("stopped")


def epoch(screen: str) -> int:
    """The epoch that the Train screen tells of the run under the cursor."""
    found = re.search(r"epoch ([\d,]+) of", screen)
    return int(found[1].replace(",", "")) if found else 0


def test_a_small_terminal_does_not_crash(terminal: Callable[..., Terminal], make_folder: Callable[..., Path]) -> None:
    term = terminal(str(make_folder()), 40, 12)
    term.wait("Splits", "test set 2")
    for key in "2345671":
        term.press(key)
        term.until(lambda screen: bool(screen.strip()), "nothing is shown")
        assert term.alive
    term.press("q")
    term.until(lambda _: not term.alive, "q did not leave")


@pytest.mark.parametrize("size", [(1, 1), (5, 2), (30, 200)])
def test_too_small_a_terminal_can_be_left(
    terminal: Callable[..., Terminal], make_folder: Callable[..., Path], size: tuple[int, int]
) -> None:
    term = terminal(str(make_folder()), *size)
    term.until(lambda screen: "t" in screen, "nothing was said")  # the first letter of "too small" is all that fits
    term.press("1", "Enter", "q")
    term.until(lambda _: not term.alive, "q did not leave")


def test_the_terminal_is_believed_before_the_environment(
    terminal: Callable[..., Terminal], make_folder: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "100000")
    monkeypatch.setenv("LINES", "100000")
    term = terminal(str(make_folder()), 80, 24)
    term.wait("3 classes", "q quit", seconds=30)
    term.press("q")
    term.until(lambda _: not term.alive, "q did not leave")


def test_without_colour_words_remain(terminal: Callable[..., Terminal], make_folder: Callable[..., Path]) -> None:
    term = terminal(f"{make_folder()}", 80, 24)
    term.wait("train", "test set 1", "test set 2")
