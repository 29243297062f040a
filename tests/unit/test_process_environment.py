"""No file of the current folder stands in for a library: real files that leave a mark when they are imported."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from workbench.process_environment import ROOT, command, environment

AS_SCRIPT = ["-c", "from workbench.cli import main; main()"]  # what the installed command does
AS_MODULE = ["-m", "workbench"]
NAMES = (
    *(
        "random",
        "json",
        "numpy",
        "msgspec",
        "textual",
        "polars",
        "torch",
        "scipy",
        "rich",
        "typer",
        "psutil",
        "asyncio",
    ),
    *("multiprocessing", "threading", "signal", "ctypes", "subprocess", "uuid", "faulthandler"),
    *("difflib", "_strptime", "decimal", "secrets", "tomllib", "dataclasses"),
)
SPAWNS = '''
import multiprocessing, subprocess, sys
from workbench.api import Analysis, Metric

class Spawns(Analysis):
    """Starts processes the way libraries do."""
    name = "spawns"
    title = "Spawns"

    def run(self, ctx, params):
        subprocess.run([sys.executable, "-c", "import random, json, numpy"], check=True)
        subprocess.run([sys.executable, "-m", "uuid"], check=True)
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            yield Metric("three", pool.apply(abs, (-3,)))
'''


@pytest.fixture
def hostile(make_folder):
    """A workspace whose files have the names of libraries, and are the current folder."""
    folder = make_folder()
    (folder / "lib").mkdir()
    for place in (folder, folder / "lib"):
        for name in NAMES:
            (place / f"{name}.py").write_text("open(__file__ + '.imported', 'w').close()\n")
    return folder


def run(folder, path, start, *arguments):
    env = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    env |= {"OMP_NUM_THREADS": "1"} | ({"PYTHONPATH": path} if path is not None else {})
    return subprocess.run(
        [sys.executable, *start, *arguments], cwd=folder, env=env, capture_output=True, text=True, check=False
    )


def marks(folder):
    return sorted(str(file.relative_to(folder)) for file in folder.rglob("*.imported"))


@pytest.mark.parametrize("path", [f"{ROOT}:", f":{ROOT}", f"{ROOT}:.:lib", f"{ROOT}::{ROOT}", ROOT, ":"])
@pytest.mark.parametrize("start", [AS_SCRIPT, AS_MODULE], ids=["script", "module"])
def test_help_imports_nothing_of_the_current_folder(hostile, path, start):
    done = run(hostile, path, start, "--help")
    assert (done.returncode, marks(hostile)) == (0, []), done.stderr
    assert "ingest" in done.stdout


@pytest.mark.slow
def test_the_commands_and_their_processes_import_nothing_of_the_current_folder(hostile):
    plugins = Path(os.environ["WORKBENCH_CONFIG_DIR"]) / "plugins"
    plugins.mkdir()
    (plugins / "spawns.py").write_text(SPAWNS)
    path = f"{ROOT}:.:lib:"
    for arguments in (
        ["ingest", "."],
        ["train", ".", "--head", "linear", "--set", "epochs=1", "--set", "device=cpu"],
        ["analyse", ".", "confusion"],
        ["analyse", ".", "spawns", "--json"],
        ["sweep", ".", "--head", "linear", "--grid", "lr=1e-3,1e-2", "--set", "epochs=1"],
    ):
        done = run(hostile, path, AS_MODULE, *arguments)
        assert (done.returncode, marks(hostile)) == (0, []), (arguments, done.stderr)


def test_the_folder_would_stand_in_without_protection(hostile):
    """The marks tell: Python itself imports from the current folder."""
    run(hostile, ":", ["-c", "import random"])
    assert marks(hostile) == ["random.py.imported"]


def test_an_absolute_entry_stays_on_the_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(["", str(tmp_path), "lib", "/elsewhere", "."]))
    assert environment()["PYTHONPATH"].split(os.pathsep)[-2:] == [str(tmp_path), "/elsewhere"]
    code = "import sys; from workbench.process_environment import protect_imports as p; p(); print(sys.path)"
    done = run(tmp_path, f"{tmp_path}/:{ROOT}::lib", ["-c", code])
    kept = json.loads(done.stdout.replace("'", '"'))
    assert kept[:2] == [str(tmp_path), ROOT]
    assert str(tmp_path / "lib") not in kept


def test_a_child_has_no_more_of_the_path_than_was_given(monkeypatch, tmp_path):
    monkeypatch.setenv("PYTHONPATH", ":")
    monkeypatch.setenv("OMP_WAIT_POLICY", "ACTIVE")
    env = environment(EXTRA="1")
    assert env.get("PYTHONPATH", "") in ("", ROOT)
    assert (env["OMP_WAIT_POLICY"], env["EXTRA"], env["PYTHONSAFEPATH"]) == ("ACTIVE", "1", "1")
    done = subprocess.run(
        [*command("workbench", "--version")], env=env, cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("workbench ")


def test_a_deleted_current_folder_is_no_obstacle(tmp_path):
    gone = tmp_path / "gone"
    gone.mkdir()
    remove = f"import os, sys; os.rmdir({str(gone)!r}); sys.argv[1:] = ['--version']"
    code = f"{remove}; from workbench.cli import main; main()"
    done = run(gone, f"{ROOT}:", ["-c", code])
    assert done.returncode == 0, done.stderr
