"""Every `--help` is light, and names what it should."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from workbench.cli import COMMANDS
from workbench.workspace import Workspace

HEAVY = ("torch", "faiss", "sklearn", "scipy", "textual")
CODE = f"""
import sys, json
from workbench import cli
sys.argv = ["workbench", *json.loads(sys.argv[1])]
try:
    cli.main()
except SystemExit as stop:
    print(json.dumps([stop.code, [name for name in {HEAVY} if name in sys.modules]]))
"""


@pytest.mark.parametrize("words", [[], *([name] for name in COMMANDS), ["plugin", "new"]])
def test_help_is_light(words: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", CODE, json.dumps([*words, "--help"])], capture_output=True, text=True, check=True
    )
    *shown, last = done.stdout.splitlines()
    assert json.loads(last) == [0, []]
    assert any("Usage:" in line for line in shown)


def test_the_list_of_commands_names_each() -> None:
    done = subprocess.run([sys.executable, "-m", "workbench", "--help"], capture_output=True, text=True, check=True)
    for name in COMMANDS:
        assert f"  {name} " in done.stdout


def test_a_misspelt_command_is_told_and_is_no_folder() -> None:
    done = subprocess.run([sys.executable, "-m", "workbench", "trian"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "did you mean 'train'" in done.stderr


def test_the_interface_needs_a_terminal_and_says_so(workspace: Workspace) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "workbench", str(workspace.root)],
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 2
    assert "terminal" in done.stderr
