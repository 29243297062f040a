"""`pip install .` elsewhere gives a working demo: the wheel, in a fresh environment, is opened."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return next(out.glob("*.whl"))


def test_the_wheel_carries_plugins_and_data_and_nothing_that_was_made(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    for name in ("plugins/correlation.py", "data/train.csv", "data/test1.csv", "data/test2.csv", "data/README.md"):
        assert f"workbench/_shipped/{name}" in names
    styles = {str(path.relative_to(ROOT)) for path in (ROOT / "workbench").rglob("*.tcss")}
    assert len(styles) > 1
    assert styles <= set(names)
    assert not [name for name in names if ".workbench" in name or "__pycache__" in name]


def test_the_demo_opens_in_a_fresh_environment(wheel: Path, tmp_path: Path) -> None:
    fresh = tmp_path / "fresh"
    venv.create(fresh, with_pip=False, symlinks=True)
    site = next((fresh / "lib").glob("python3.*/site-packages"))
    # This environment's packages serve the fresh one; a plain path entry runs none of its .pth files, so that the
    # checkout, which is installed here in place, is not found there.
    (site / "borrowed.pth").write_text(next(path for path in sys.path if path.endswith("site-packages")) + "\n")
    pip = [sys.executable, "-m", "pip", "--python", str(fresh / "bin" / "python"), "install", "-q"]
    subprocess.run([*pip, "--no-deps", "--no-index", str(wheel)], check=True)
    told = subprocess.run(
        [fresh / "bin" / "python", "-c", "import workbench; print(workbench.__file__)"],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
    )
    assert told.stdout.startswith(str(fresh))
    shown = run_in_terminal([str(fresh / "bin" / "workbench"), "demo", "--folder", str(tmp_path / "demo")], tmp_path)
    assert "test1" in shown
    assert "900" in shown


def run_in_terminal(command: list[str], folder: Path) -> str:
    """What `command` shows on a terminal of its own until the data stand there; then `q` must end it."""
    pid, master = pty.fork()
    if pid == 0:
        os.chdir(folder)
        os.environ.update(TERM="xterm-256color")
        os.execv(command[0], command)
    fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    shown = b""
    end = time.monotonic() + 60
    asked = False
    while time.monotonic() < end:
        if select.select([master], [], [], 0.2)[0]:
            try:
                shown += os.read(master, 1 << 16)
            except OSError:
                break
        if not asked and all(text in plain(shown) for text in ("test1", "test2", "900", "497")):
            os.write(master, b"q")
            asked = True
    _, status = os.waitpid(pid, 0)
    assert asked, plain(shown)[-4000:]
    assert os.waitstatus_to_exitcode(status) == 0
    return plain(shown)


def plain(shown: bytes) -> str:
    """What a terminal would show of it, escape sequences left out."""
    return re.sub(r"\x1b\[[0-9;?<>=]*[a-zA-Z$]", "", shown.decode(errors="replace"))
