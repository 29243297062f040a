"""The commands `analyse` and `plugin`, as a script calls them."""

import hashlib
import json
import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from workbench.workspace import user_dir

ROOT = Path(__file__).parents[3]


def workbench(*args, cwd=None):
    env = {**os.environ, "PYTHONPATH": str(ROOT), "WORKBENCH_CONFIG_DIR": str(user_dir()), "COLUMNS": "100"}
    command = [sys.executable, "-m", "workbench", *map(str, args)]
    return subprocess.run(command, capture_output=True, text=True, env=env, cwd=cwd, timeout=120, check=False)


def answer(*args):
    done = workbench(*args, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_json_is_one_object_as_designed(make_folder):
    found = answer("analyse", make_folder(), "divergence", "--set", "limit=0")
    assert found["analysis"] == "divergence"
    assert found["params"]["limit"] == 0
    table = next(block for block in found["blocks"] if block["kind"] == "table")
    assert (table["title"], table["of"], len(table["rows"])) == ("features", 8, 8)
    assert table["columns"][:3] == ["feature", "ks", "wasserstein"]


def test_a_test_set_called_val_is_told_from_the_val_that_was_cut_from_train(make_folder):
    folder = make_folder()
    for old, new in (("test1", "val"), ("test2", "v2")):
        (folder / f"{old}.csv").rename(folder / f"{new}.csv")
    trained = answer("train", folder, "--head", "prototype")
    found = answer("analyse", folder, "calibration")
    drawn = next(block for block in found["blocks"] if block["kind"] == "chart")["series"]
    assert [line["split"] for line in drawn] == ["val of train", "val", "v2", ""]
    bins = next(block for block in found["blocks"] if block.get("title") == "bins")
    rows = {name: sum(row[1] for row in bins["rows"] if row[0] == name) for name in ("val of train", "val", "v2")}
    assert rows == {
        "val of train": trained["val"]["n"],
        **{name: trained["tests"][name]["n"] for name in ("val", "v2")},
    }
    listed = workbench("runs", folder)
    assert "val of train" in listed.stdout


def test_neighbours_and_their_limits(make_folder):
    folder = make_folder()
    found = answer("analyse", folder, "neighbours", "--set", "split=test1", "--set", "row=2", "--set", "k=4")
    table = next(block for block in found["blocks"] if block.get("title") == "neighbours")
    assert len(table["rows"]) == 4
    limited = answer("analyse", folder, "neighbours", "--set", "k=4", "--set", "limit=1")
    table = next(block for block in limited["blocks"] if block.get("title") == "neighbours")
    assert (len(table["rows"]), table["of"]) == (1, 4)


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (["divergance"], "did you mean 'divergence'"),
        (["divergence", "--set", "limt=3"], "did you mean 'limit'"),
        (["divergence", "--set", "limit=-3"], "limit = '-3'"),
        (["divergence", "--set", "limit"], "expected name=value"),
        (["divergence", "--set", "a=test9"], "unknown split 'test9'"),
        (["divergence", "--out", "report.docx"], "expected a file ending in .md, .html, .json"),
        (["divergence", "--out", "nowhere/report.md"], "does not exist"),
        (["divergence", "--pair", "test1"], "expected two different test sets"),
        (["neighbours", "--set", "row=9999"], "has no row 9999"),
        (["confusion"], "needs a finished run"),
    ],
)
def test_bad_input_is_one_message_and_2(make_folder, args, told):
    done = workbench("analyse", make_folder(), *args)
    assert done.returncode == 2
    assert told in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert done.stdout == ""


def failing_plugin():
    """An analysis `bad` of the user's that raises."""
    folder = user_dir() / "plugins"
    folder.mkdir(parents=True)
    (folder / "bad.py").write_text(
        'from workbench.api import *\nclass A(Analysis):\n    name = "bad"\n    title = "Bad one"\n'
        "    def run(self, ctx, params):\n        1 / 0\n"
    )


def test_a_plugin_that_fails_gives_1_and_its_traceback(make_folder):
    failing_plugin()
    done = workbench("analyse", make_folder(), "bad", "--json")
    assert done.returncode == 1
    assert "ZeroDivisionError" in done.stderr
    assert "bad.py" in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize(("suffix", "start"), [(".md", "# set"), (".html", "<!doctype html>"), (".json", "{")])
def test_out_writes_a_whole_file(make_folder, tmp_path, suffix, start):
    out = tmp_path / f"report{suffix}"
    done = workbench("analyse", make_folder(), "correlation", "--out", out)
    assert done.returncode == 0, done.stderr
    assert out.read_text().startswith(start)
    assert [path.name for path in tmp_path.iterdir() if "report" in path.name] == [out.name]


def test_the_answer_is_shown_as_text(make_folder):
    done = workbench("analyse", make_folder(), "divergence", "--set", "limit=2", "--set", "feature=f1")
    assert done.returncode == 0, done.stderr
    assert "the first 2 of 8 rows" in done.stdout
    assert "feature f1" in done.stdout


def test_list_names_every_plugin_and_what_is_wrong(make_folder):
    folder = make_folder()
    (folder / "plugins").mkdir()
    (folder / "plugins" / "broken.py").write_text("def (")
    found = answer("plugin", "list", folder)["plugins"]
    named = {info["name"]: info for info in found}
    assert {"neighbours", "confusion", "divergence", "correlation"} <= set(named)
    assert named["broken"]["error"].startswith("line 1")
    assert named["divergence"]["params"][0]["name"] == "a"
    assert "disabled" in workbench("plugin", "list", folder).stdout


def test_a_new_plugin_works_and_its_test_passes(make_folder, tmp_path):
    done = workbench("plugin", "new", "class-gap", "--folder", tmp_path / "mine")
    assert done.returncode == 0, done.stderr
    file = tmp_path / "mine" / "class_gap.py"
    checked = workbench("plugin", "check", file)
    assert checked.returncode == 0, checked.stderr
    assert "it yields blocks on a small synthetic data set: ok" in checked.stdout
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    test = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path / "mine")]
    assert subprocess.run(test, capture_output=True, env=env, cwd=tmp_path, check=False).returncode == 0
    assert workbench("plugin", "new", "class-gap", "--folder", tmp_path / "mine").returncode == 2
    assert workbench("plugin", "new", "divergence").returncode == 2
    assert workbench("plugin", "new", "Bad Name").returncode == 2


def test_check_tells_what_breaks_the_contract(tmp_path):
    head = "from workbench.api import *\nclass A(Analysis):\n"
    for text, told, code in (
        ('    name = "a"\n    def run(self, ctx, params):\n        yield Text("x")\n', "docstring", 2),
        (
            '    "Doc."\n    name = "a"\n    title = "A"\n    def run(self, ctx, params):\n        yield 3\n',
            "yielded a int",
            1,
        ),
        (
            '    "Doc."\n    name = "a"\n    title = "A"\n    def run(self, ctx, params):\n        return []\n',
            "no blocks",
            2,
        ),
        (
            '    "Doc."\n    name = "a"\n    def run(self, ctx, params):\n        import os; os._exit(4)\n',
            "exit code 4",
            1,
        ),
    ):
        (tmp_path / "a.py").write_text(head + text)
        done = workbench("plugin", "check", tmp_path / "a.py")
        assert (done.returncode, told in done.stderr) == (code, True), done.stderr
    assert workbench("plugin", "check", tmp_path / "none.py").returncode == 2


def local_plugin(folder, text="ran"):
    """An analysis `local` of the workspace that answers `text`."""
    (folder / "plugins").mkdir(exist_ok=True)
    (folder / "plugins" / "local.py").write_text(
        'from workbench.api import *\nclass A(Analysis):\n    name = "local"\n'
        f'    def run(self, ctx, params):\n        yield Text("{text}")\n'
    )
    return folder / "plugins" / "local.py"


def test_trust_lets_exactly_the_reviewed_code_run(make_folder):
    folder = make_folder()
    file = local_plugin(folder)
    assert "workbench plugin trust" in workbench("analyse", folder, "local").stderr
    told = answer("plugin", "trust", folder, "--yes")
    assert (told["plugins"], told["trusted"], told["before"]) == (["local"], True, "new")
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    assert told["files"] == [{"name": "local.py", "bytes": file.stat().st_size, "sha256": digest}]
    assert answer("analyse", folder, "local")["blocks"][0]["text"] == "ran"
    local_plugin(folder, "changed")
    assert "changed since it was trusted" in workbench("analyse", folder, "local").stderr
    listed = {info["name"]: info for info in answer("plugin", "list", folder)["plugins"]}
    assert (listed["local"]["trusted"], listed["local"]["trust"]) == (False, "changed")
    told = answer("plugin", "trust", folder, "--yes")
    assert told["before"] == "changed"
    assert [(change["name"], change["kind"]) for change in told["changes"]] == [("local.py", "changed")]
    assert answer("analyse", folder, "local")["blocks"][0]["text"] == "changed"
    assert "unchanged since" in workbench("plugin", "trust", folder).stdout


def test_trust_shows_what_would_run_and_records_nothing_unasked(make_folder, tmp_path):
    folder = make_folder()
    file = local_plugin(folder)
    (folder / "plugins" / "linked.py").symlink_to(tmp_path / "elsewhere.py")
    for args in ([], ["--json"]):
        done = workbench("plugin", "trust", folder, *args)
        assert (done.returncode, "--yes" in done.stderr) == (2, True)
        assert hashlib.sha256(file.read_bytes()).hexdigest() in done.stdout
        assert "it is a symbolic link" in done.stdout
    assert json.loads(done.stdout)["trusted"] is False
    assert not (user_dir() / "trusted.json").exists()
    assert workbench("plugin", "trust", folder, "--yes").returncode == 0
    local_plugin(folder, "new\x1b[2J")
    done = workbench("plugin", "trust", folder)
    assert '-        yield Text("ran")\n+        yield Text("new\\x1b[2J")' in done.stdout
    assert done.returncode == 2


@pytest.mark.parametrize(("key", "code"), [("y", 0), ("n", 1), ("", 1)])
def test_trust_asks_at_a_terminal(make_folder, key, code):
    folder = make_folder()
    local_plugin(folder)
    ours, theirs = pty.openpty()
    env = {**os.environ, "PYTHONPATH": str(ROOT), "WORKBENCH_CONFIG_DIR": str(user_dir())}
    command = [sys.executable, "-m", "workbench", "plugin", "trust", str(folder)]
    with subprocess.Popen(command, stdin=theirs, stdout=-1, stderr=-1, text=True, env=env) as started:
        os.write(ours, f"{key}\n".encode())
        out, problem = started.communicate(timeout=60)
    os.close(ours)
    os.close(theirs)
    assert (started.returncode, "Allow exactly these files to run with your permissions? [y/N]" in problem) == (
        code,
        True,
    )
    assert "local.py" in out
    assert (user_dir() / "trusted.json").exists() == (code == 0)


def test_there_must_be_something_to_trust(make_folder, tmp_path):
    folder = make_folder()
    assert "no Python file" in workbench("plugin", "trust", folder, "--yes").stderr
    assert workbench("plugin", "trust", tmp_path / "nowhere", "--yes").returncode == 2
    local_plugin(folder)
    (folder / "plugins").rename(tmp_path / "elsewhere")
    (folder / "plugins").symlink_to(tmp_path / "elsewhere")
    done = workbench("plugin", "trust", folder, "--yes")
    assert (done.returncode, "link to a folder" in done.stderr) == (2, True)


def test_the_traceback_of_an_import_shows_the_plugins_own_steps(make_folder):
    folder = user_dir() / "plugins"
    folder.mkdir(parents=True)
    (folder / "_helper.py").write_text("1 / 0  # in the helper\n")
    (folder / "bad.py").write_text(
        "import _helper\nfrom workbench.api import *\nclass A(Analysis):\n"
        '    name = "bad"\n    def run(self, ctx, params): ...\n'
    )
    done = workbench("analyse", make_folder(), "bad")
    assert "1 / 0  # in the helper" in done.stderr
    assert "import _helper" in done.stderr
    assert "loading.py" not in done.stderr
    assert "importlib" not in done.stderr


def test_check_runs_a_plugin_with_its_helper(make_folder, tmp_path):
    done = workbench("plugin", "new", "class-gap", "--folder", tmp_path / "mine")
    assert done.returncode == 0, done.stderr
    file = tmp_path / "mine" / "class_gap.py"
    (tmp_path / "mine" / "_helper.py").write_text("import polars as pl\n")
    file.write_text(file.read_text().replace("import polars as pl", "from _helper import pl"))
    done = workbench("plugin", "check", file)
    assert done.returncode == 0, done.stderr
    assert not list((tmp_path / "mine").glob("__pycache__"))
    (tmp_path / "plain.txt").write_text("x")
    assert "ends in .py" in workbench("plugin", "check", tmp_path / "plain.txt").stderr


def endless(folder):
    """An analysis that never ends and says so; its command, started and seen at work, and its worker's process id."""
    place = user_dir() / "plugins"
    place.mkdir(parents=True)
    (place / "endless.py").write_text(
        'import os\nfrom workbench.api import *\nclass A(Analysis):\n    name = "endless"\n'
        "    def run(self, ctx, params):\n        print(os.getpid(), flush=True)\n        while True: pass\n"
    )
    env = {**os.environ, "PYTHONPATH": str(ROOT), "WORKBENCH_CONFIG_DIR": str(user_dir())}
    command = [sys.executable, "-m", "workbench", "analyse", str(folder), "endless"]
    started = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=env)
    assert started.stderr is not None
    line = next(line for line in started.stderr if line.strip().isdigit())
    return started, int(line)


def gone(pid, seconds=10):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return True
        time.sleep(0.05)
    return False


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGKILL, -9)])
def test_the_worker_ends_with_the_command(make_folder, number, code):
    started, worker = endless(make_folder())
    started.send_signal(number)
    assert started.wait(20) == code
    started.stderr.close()
    assert gone(worker)


@pytest.mark.parametrize("args", [["analyse", "--help"], ["plugin", "--help"], ["plugin", "check", "--help"]])
def test_help_is_light(args):
    code = (
        "import sys; sys.argv = ['workbench', *sys.argv[1:]]\n"
        "from workbench.cli import main\n"
        "try:\n    main()\n"
        "except SystemExit as stop:\n"
        "    heavy = [m for m in ('torch', 'faiss', 'sklearn', 'scipy', 'polars') if m in sys.modules]\n"
        "    print('HEAVY', heavy, stop.code)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *args], capture_output=True, text=True, cwd=ROOT, timeout=60, check=False
    )
    assert "HEAVY [] 0" in done.stdout


def test_a_report_without_a_run_leaves_out_what_needs_one(make_folder, tmp_path):
    out = tmp_path / "page.html"
    done = workbench("report", make_folder(), "--out", out, "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["analyses"], told["failed"]) == (["divergence", "checks"], {})
    assert "since there is no finished run: gap, confusion, calibration" in done.stderr
    page = out.read_text()
    assert "Divergence" in page
    assert "<script" not in page


def test_a_report_of_a_run_holds_its_analyses_in_order(make_folder, tmp_path):
    folder, out = make_folder(), tmp_path / "page.md"
    assert workbench("train", folder, "--head", "prototype").returncode == 0
    names = ["confusion", "gap"]
    done = workbench("report", folder, "--out", out, "--analysis", names[0], "--analysis", names[1])
    assert done.returncode == 0, done.stderr
    page = out.read_text()
    assert 0 < page.index("## Confusion") < page.index("## Gap")
    assert " points " in page


def test_a_report_is_written_though_an_analysis_fails_and_the_code_is_1(make_folder, tmp_path):
    failing_plugin()
    out = tmp_path / "page.html"
    done = workbench("report", make_folder(), "--out", out, "--analysis", "bad", "--analysis", "divergence", "--json")
    assert done.returncode == 1
    assert "division by zero" in done.stderr
    assert list(json.loads(done.stdout)["failed"]) == ["Bad one"]
    assert "Incomplete" in out.read_text()
    assert "wasserstein" in out.read_text()


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (["--out", "page.pdf"], "expected a file ending in .html, .md"),
        (["--out", "page.html", "--analysis", "gapp"], "did you mean 'gap'"),
        (["--out", "page.html", "--analysis", "gap"], "needs a finished run"),
        (["--out", "page.html", "--run", "2026"], "2026"),
    ],
)
def test_a_report_refuses_bad_input_before_work(make_folder, args, told, tmp_path):
    done = workbench("report", make_folder(), *args, cwd=tmp_path)
    assert done.returncode == 2
    assert told in done.stderr
    assert not list(tmp_path.glob("page*"))
