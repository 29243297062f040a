"""What a plugin has started ends with it, in whatever session it is; runs go on. Real processes all."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import textwrap
import time

import psutil
import pytest

from tests.unit.test_worker_faults import write_plugin
from workbench import supervisor
from workbench.process_environment import ROOT, command, environment
from workbench.worker import JobProgress, Worker

# starts processes by each way out of a session, noting their pids in the file PIDS
ESCAPES = """
import os, subprocess, sys, time

def note(pid):
    with open(PIDS, "a") as pids:
        pids.write(f"{pid}\\n")

note(subprocess.Popen(["sleep", "600"]).pid)
note(subprocess.Popen(["sleep", "600"], start_new_session=True).pid)
note(subprocess.Popen(["sh", "-c", "trap '' TERM HUP INT; while :; do sleep 1; done"], start_new_session=True).pid)
if os.fork() == 0:  # a daemon: in a session of its own, its parent gone
    os.setsid()
    if os.fork() == 0:
        os.execvpe("sleep", ["sleep", "601"], os.environ)
    os._exit(0)
os.wait()
"""
WITHOUT_A_TRACE = """
if os.fork() == 0:  # a daemon that has nothing of its parents' environment
    os.setsid()
    if os.fork() == 0:
        time.sleep(BEFORE)
        note(os.getpid())
        os.execve("/bin/sleep", ["sleep", "602"], {})
    time.sleep(BEFORE / 2)
    os._exit(0)
time.sleep(BEFORE * 2)
"""
WITHOUT_ADOPTION = "import sys, workbench.supervisor as s; s._prctl = lambda *a: False; sys.exit(s.main(sys.argv[1:]))"


def escapes(pids, before=0.1):
    return f"PIDS, BEFORE = {str(pids)!r}, {before}\n{ESCAPES}{WITHOUT_A_TRACE}"


def started(pids, daemon="601"):
    """The processes that were noted, and the daemon that could not be, found by what only it is called."""
    noted = [int(line) for line in pids.read_text().split()] if pids.exists() else []
    named = [process.pid for process in psutil.process_iter() if _command(process) == ["sleep", daemon]]
    return [pid for pid in {*noted, *named} if _runs(pid)]


def _ours(process: psutil.Process) -> bool:
    """Whether this test started it: its user folder is this test's own."""
    with contextlib.suppress(psutil.Error):
        return process.environ().get("WORKBENCH_CONFIG_DIR") == os.environ["WORKBENCH_CONFIG_DIR"]
    return False


def _command(process):
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def _runs(pid):
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def all_gone(pids, seconds=10.0, daemon="601"):
    deadline = time.monotonic() + seconds
    while (left := started(pids, daemon)) and time.monotonic() < deadline:
        time.sleep(0.05)
    names = [" ".join(_command(psutil.Process(pid))) for pid in left]
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    assert pids.read_text().count("\n") == 4, "not all were started"
    assert names == []
    return True


@pytest.fixture(autouse=True)
def _alone():
    """One worker of pytest-xdist at a time: the daemons are known by their command alone."""
    from filelock import FileLock

    with FileLock("/tmp/workbench-test-supervisor.lock"):
        yield


@pytest.fixture
def pids(tmp_path):
    return tmp_path / "pids"


@pytest.fixture
async def worker():
    made = Worker(memory_limit=3 << 30)
    yield made
    await made.close()


async def begin(worker, workspace, pids, after):
    """An analysis that starts its processes, tells of progress, and then does what `after` says; its task."""
    write_plugin("leaver", f'{escapes(pids)}\nctx.progress(0.5, "begun")\n{textwrap.dedent(after)}\nyield Text("end")')
    begun = asyncio.Event()
    job = asyncio.create_task(
        worker.run("l", workspace, "leaver", on_event=lambda e: begun.set() if isinstance(e, JobProgress) else None)
    )
    await asyncio.wait_for(begun.wait(), 30)
    return job


HANG = "while True: time.sleep(1)"
POLITE = "while not ctx.cancelled: time.sleep(0.01)"


@pytest.mark.parametrize("after", [HANG, "while True: pass", POLITE], ids=["sleeps", "works", "stops when asked"])
async def test_a_cancelled_plugin_leaves_nothing(worker, workspace, store, pids, after):
    job = await begin(worker, workspace, pids, after)
    assert len(started(pids)) == 5
    worker.cancel("l")
    assert (await asyncio.wait_for(job, 30)).kind == "cancelled"
    assert all_gone(pids, 2)


@pytest.mark.parametrize(
    "after",
    [
        "os._exit(3)",
        "os.kill(os.getpid(), 9)",
        "os.killpg(0, 9)",
        "os.abort()",
        "os.kill(os.getppid(), 15); time.sleep(60)",
    ],
)
async def test_a_plugin_that_ends_its_process_leaves_nothing(worker, workspace, store, pids, after):
    job = await begin(worker, workspace, pids, after)
    assert (await asyncio.wait_for(job, 30)).kind == "exited"
    assert all_gone(pids, 2)


async def test_closing_leaves_nothing(worker, workspace, store, pids):
    job = await begin(worker, workspace, pids, HANG)
    await worker.close()
    assert (await job).kind == "cancelled"
    assert all_gone(pids, 0)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
async def test_a_plugin_that_does_away_with_the_supervisor_leaves_what_it_marked_out_at_most(
    worker, workspace, store, pids, number
):
    job = await begin(worker, workspace, pids, f"os.kill(os.getppid(), {int(number)}); time.sleep(600)")
    await asyncio.sleep(0.5)
    worker.cancel("l")
    await asyncio.wait_for(job, 60)
    left = [_command(psutil.Process(pid)) for pid in started(pids)]
    for pid in started(pids):
        os.kill(pid, signal.SIGKILL)
    assert left in ([], [["sleep", "602"]])
    assert not [each for each in psutil.process_iter() if "workbench.worker" in _command(each) and _ours(each)]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_the_end_of_the_interface_is_the_end_of_what_plugins_started(workspace, store, pids, number):
    write_plugin("leaver", f"{escapes(pids)}\n{HANG}\nyield 1")
    line = ["workbench", "analyse", str(workspace.root), "leaver"]
    process = subprocess.Popen(command(*line), env=environment(), cwd=ROOT, stderr=subprocess.PIPE)
    deadline = time.monotonic() + 60
    while len(started(pids)) < 5 and time.monotonic() < deadline:
        time.sleep(0.1)
    assert len(started(pids)) == 5
    process.send_signal(number)
    code = process.wait(20)
    assert code == (-9 if number == signal.SIGKILL else 128 + number)
    assert all_gone(pids, 5)


async def test_a_run_that_a_plugin_launches_goes_on(worker, workspace, store, pids, tmp_path, monkeypatch):
    (tmp_path / "sleeper.py").write_text("import os, time\nopen('ran', 'w').write(str(os.getpid()))\ntime.sleep(600)")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    launch = f"""
    from pathlib import Path
    from workbench.runs.control import launch
    launch("sleeper", Path({str(tmp_path)!r}))
    while not Path("ran").exists(): time.sleep(0.05)
    {HANG}
    """
    job = await begin(worker, workspace, pids, launch)
    while not (tmp_path / "ran").exists() or not (tmp_path / "ran").read_text():
        await asyncio.sleep(0.05)
    worker.cancel("l")
    assert (await asyncio.wait_for(job, 30)).kind == "cancelled"
    assert all_gone(pids, 2)
    run = psutil.Process(int((tmp_path / "ran").read_text()))
    assert run.is_running()
    run.kill()


def supervise(code, *, adopts=True):
    """A supervisor of `python -c code` and the write end of its lifeline."""
    supervised, lifeline = os.pipe()
    start = command("workbench.supervisor") if adopts else [sys.executable, "-P", "-c", WITHOUT_ADOPTION]
    process = subprocess.Popen(
        [*start, str(supervised), sys.executable, "-c", code],
        pass_fds=[supervised],
        env=environment(**{supervisor.MARK: os.urandom(8).hex()}),
        start_new_session=True,
        stderr=subprocess.PIPE,
        text=True,
    )
    os.close(supervised)
    return process, lifeline


@pytest.mark.parametrize("code", [0, 3, -signal.SIGSEGV, -signal.SIGKILL, -signal.SIGTERM])
def test_the_exit_code_is_that_of_the_command(code):
    end = f"os.kill(os.getpid(), {-int(code)})" if code < 0 else f"sys.exit({code})"
    process, lifeline = supervise(f"import os, sys; {end}")
    assert process.wait(20) == code, process.stderr.read()
    os.close(lifeline)


@pytest.mark.parametrize("adopts", [True, False], ids=["a subreaper", "by mark and sight"])
@pytest.mark.parametrize("end", ["the pipe closes", "a signal", "the command ends"])
def test_everything_ends_with_the_command(pids, adopts, end):
    # what leaves no trace is seen only when it takes longer than a look
    last = "" if end == "the command ends" else HANG
    process, lifeline = supervise(f"{escapes(pids, 0.1 if adopts else 3 * supervisor.LOOK)}\n{last}", adopts=adopts)
    if last:
        deadline = time.monotonic() + 20
        while len(started(pids)) < 5 and time.monotonic() < deadline:
            time.sleep(0.05)
        assert len(started(pids)) == 5
    if end == "a signal":
        process.terminate()
    elif end == "the pipe closes":
        os.close(lifeline)
    assert process.wait(20) == 0, process.stderr.read()
    assert all_gone(pids, 0)


def test_what_keeps_starting_others_is_ended_too(tmp_path):
    name = f"respawn-{os.getpid()}"
    (tmp_path / name).write_text(
        # for a minute only, lest a failure of this test outlive it
        "import os, time\nend = time.time() + 60\nwhile time.time() < end:\n    if os.fork():\n        os._exit(0)\n"
    )
    process, lifeline = supervise(
        f"import subprocess, sys, time\n"
        f"for _ in range(3): subprocess.Popen([sys.executable, {str(tmp_path / name)!r}], start_new_session=True)\n"
        "time.sleep(600)"
    )
    time.sleep(1.0)
    os.close(lifeline)
    assert process.wait(30) == 0
    for _ in range(20):  # each look may miss a process that is just being replaced
        assert not [process for process in psutil.process_iter() if str(tmp_path / name) in _command(process)]
