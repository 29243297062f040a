"""Faults for real: each plugin here does what plugins are feared for, in a real child process."""

import asyncio
import sys
import textwrap
from typing import Any

import pytest

from workbench.api import Metric, Table, Text
from workbench.worker import JobBlock, JobDone, JobFailed, JobLog, JobProgress, JobStarted, Worker
from workbench.workspace import user_dir

HEAD = """
from workbench.api import Analysis, BadInput, Metric, Table, Text, param
import polars as pl

class It(Analysis):
    "What it answers."
    name = {name!r}
    title = "a title"

    class Params:
        top: int = param(3, help="rows", ge=1)

    def run(self, ctx, params):
"""


def write_plugin(name, body, folder=None):
    folder = folder or user_dir() / "plugins"
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{name}.py"
    file.write_text(HEAD.format(name=name) + textwrap.indent(textwrap.dedent(body), " " * 8))
    return file


@pytest.fixture
async def worker():
    made = Worker(memory_limit=3 << 30)
    yield made
    await made.close()


async def run(worker, workspace, name, params=None, job="1", **more):
    events: list[Any] = []
    last = await asyncio.wait_for(worker.run(job, workspace, name, params or {}, on_event=events.append, **more), 60)
    assert events[-1] is last
    return last, events


def blocks(events):
    return [event.block for event in events if isinstance(event, JobBlock)]


def logged(events):
    return [event.text for event in events if isinstance(event, JobLog)]


async def good_one_works(worker, workspace):
    write_plugin("sound", 'yield Metric("rows", len(ctx.train.labels) + params.top)')
    last, events = await run(worker, workspace, "sound", {"top": "4"})
    assert isinstance(last, JobDone), last
    assert blocks(events) == [Metric("rows", 304.0)]
    return last


async def test_a_sound_plugin_answers_and_its_answer_is_kept(worker, workspace, store):
    first = await good_one_works(worker, workspace)
    assert first.params == {"top": 4}
    assert not first.cached
    assert (await good_one_works(worker, workspace)).cached
    write_plugin("sound", 'yield Metric("rows", 304)\nyield Text("new")')
    last, events = await run(worker, workspace, "sound", {"top": 4})
    assert not last.cached, "another source is another question"
    assert blocks(events)[1] == Text("new")


async def test_what_an_analysis_caches_outlives_the_job_but_not_its_source(worker, workspace, store):
    body = 'ctx.cache["jobs"] = ctx.cache.get("jobs", 0) + 1\nyield Metric("jobs", ctx.cache["jobs"])'
    write_plugin("counting", body)
    for top in (1, 2):
        _, events = await run(worker, workspace, "counting", {"top": top})
        assert blocks(events) == [Metric("jobs", float(top))]
    write_plugin("counting", f"{body}\n# other source")
    _, events = await run(worker, workspace, "counting", {"top": 3})
    assert blocks(events) == [Metric("jobs", 1.0)]


async def test_prints_go_to_the_log_and_leave_the_protocol_alone(worker, workspace, store):
    write_plugin(
        "chatty",
        r"""
        import os, subprocess, sys
        print("plain")
        print("\x1b[31mred\x1b[0m\x07")
        os.write(1, b"\x00\x00\x00\x02\x00 raw bytes\n")
        subprocess.run(["echo", "from a child"])
        sys.stderr.write("no line break at the end")
        ctx.log("logged")
        try:
            input()
        except EOFError:
            print("no input")
        yield Text("fine")
        """,
    )
    last, events = await run(worker, workspace, "chatty")
    assert isinstance(last, JobDone), last
    lines = logged(events)
    assert lines[:2] == ["plain", "red\\x07"]
    assert "from a child" in lines
    assert "no input" in "".join(lines)
    assert not any("\x1b" in line or "\0" in line for line in lines)
    assert blocks(events) == [Text("fine")]


async def test_a_plugin_that_raises_shows_its_own_traceback_and_the_process_stays(worker, workspace, store):
    write_plugin("bad", 'yield Text("before")\nprint("words")\nraise KeyError("no \\x1b[1msuch thing")')
    last, events = await run(worker, workspace, "bad")
    assert isinstance(last, JobFailed)
    assert (last.kind, last.message) == ("raised", "KeyError: 'no \\x1b[1msuch thing'")
    assert 'raise KeyError("no' in last.traceback
    assert "worker/work.py" not in last.traceback
    assert blocks(events) == [Text("before")]
    process = worker._process
    await good_one_works(worker, workspace)
    assert worker._process is process


async def test_bad_parameters_and_bad_input_are_messages(worker, workspace, store):
    write_plugin("bad", 'raise BadInput("give it more")')
    last, _ = await run(worker, workspace, "bad")
    assert (last.kind, last.message) == ("bad input", "give it more")
    last, _ = await run(worker, workspace, "bad", {"tpo": 1})
    assert last.kind == "bad input"
    assert "did you mean 'top'" in last.message
    last, _ = await run(worker, workspace, "baad")
    assert "did you mean 'bad'" in last.message
    last, _ = await run(worker, workspace, "bad", pair=("test1", "test3"))
    assert "unknown test set 'test3'" in last.message


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("import os; os._exit(7)", "exit code 7"),
        ("import os; os._exit(0)", "exit code 0"),
        ("import ctypes; ctypes.string_at(0)", "signal 11 (SIGSEGV"),
        ("import os; os.kill(os.getpid(), 9)", "signal 9 (SIGKILL"),
        ("import os; os.abort()", "signal 6 (SIGABRT"),
    ],
)
async def test_a_plugin_that_ends_its_process_is_named_and_the_next_job_works(worker, workspace, store, body, told):
    write_plugin("fatal", f'yield Text("before")\nprint("last words")\n{body}')
    last, events = await run(worker, workspace, "fatal")
    assert isinstance(last, JobFailed)
    assert last.kind == "exited"
    assert told in last.message
    assert "last words" in last.traceback
    assert blocks(events) == [Text("before")]
    await good_one_works(worker, workspace)


async def test_a_segfault_shows_where_it_was(worker, workspace, store):
    write_plugin("fatal", "import ctypes; ctypes.string_at(0)")
    last, _ = await run(worker, workspace, "fatal")
    assert "Segmentation fault" in last.traceback
    assert "fatal.py" in last.traceback


async def test_a_death_is_seen_though_a_grandchild_holds_the_pipes(worker, workspace, store):
    write_plugin("orphan", "import os, time\nif os.fork() == 0:\n    time.sleep(60)\nos._exit(3)")
    last, _ = await asyncio.wait_for(run(worker, workspace, "orphan"), 20)
    assert "exit code 3" in last.message
    await good_one_works(worker, workspace)


@pytest.mark.parametrize("loop", ["while True: pass", "import time\nwhile True: time.sleep(1)", "list(iter(int, 1))"])
async def test_a_plugin_that_hangs_is_ended_when_cancelled(worker, workspace, store, loop):
    write_plugin("endless", f'ctx.progress(0.5, "begun")\n{loop}')
    events = []

    def on_event(event):
        events.append(event)
        if isinstance(event, JobProgress) and event.text == "begun":
            worker.cancel("h")

    last = await asyncio.wait_for(worker.run("h", workspace, "endless", {}, on_event=on_event), 30)
    assert isinstance(last, JobFailed)
    assert last.kind == "cancelled"
    await good_one_works(worker, workspace)


async def test_a_plugin_that_looks_at_cancelled_keeps_its_process(worker, workspace, store):
    write_plugin(
        "polite",
        """
        import time
        ctx.progress(0.5, "begun")
        while not ctx.cancelled:
            time.sleep(0.01)
        """,
    )
    begun: list[Any] = []

    def on_event(event):
        if isinstance(event, JobProgress) and not begun:
            begun.append(worker._process)
            worker.cancel("p")

    last = await worker.run("p", workspace, "polite", {}, on_event=on_event)
    assert (last.kind, last.message) == ("cancelled", "cancelled")
    await good_one_works(worker, workspace)
    assert worker._process is begun[0]


async def test_jobs_wait_their_turn_and_leave_the_queue_when_cancelled(worker, workspace, store):
    write_plugin("sound", 'import time\ntime.sleep(0.3)\nyield Metric("top", params.top)')
    order = []
    jobs = [
        asyncio.create_task(worker.run(str(i), workspace, "sound", {"top": i}, on_event=lambda e: order.append(e)))
        for i in (1, 2, 3)
    ]
    await asyncio.sleep(0)
    assert worker.running == "1"
    assert [job.id for job in worker._queue] == ["1", "2", "3"]
    worker.cancel("2")
    ends = await asyncio.gather(*jobs)
    assert [type(end) for end in ends] == [JobDone, JobFailed, JobDone]
    assert [event.job for event in order if isinstance(event, JobStarted)] == ["1", "3"]
    assert worker.running is None


@pytest.mark.skipif(sys.platform != "linux", reason="the limit on data memory is Linux's")
async def test_a_memory_eater_meets_its_limit(workspace, store):
    worker = Worker(memory_limit=1 << 30)
    try:
        write_plugin("greedy", "held = []\nwhile True: held.append(bytearray(50_000_000))")
        last, _ = await run(worker, workspace, "greedy")
        assert isinstance(last, JobFailed)
        assert "out of memory" in last.message
        assert "1.0 GiB" in last.message
        await good_one_works(worker, workspace)
    finally:
        await worker.close()


async def test_what_is_no_block_is_told(worker, workspace, store):
    for body, told in (
        ('yield "text"', "yielded a str; expected one of Metric"),
        ("return None", "run() returned a NoneType"),
        ('yield Table({"a": [1]})', "frame is a polars DataFrame"),
        ('yield Table(pl.DataFrame({"a": [1]}), samples="row")', "names the column 'row'"),
    ):
        write_plugin("odd", body)
        last, _ = await run(worker, workspace, "odd")
        assert (last.kind, told in last.message) == ("raised", True), last


async def test_text_of_plugins_arrives_as_it_is(worker, workspace, store):
    write_plugin(
        "sly",
        r"""
        yield Metric("a\x1b[2Jb", 1, note="\x07")
        yield Table(pl.DataFrame({"c\x1b[1m": ["x\x1b]0;title\x07y\n"], "n": [[1, 2]]}), title="t\x00")
        yield Text("line\nline\u202e")
        """,
    )
    _, events = await run(worker, workspace, "sly")
    metric, table, text = blocks(events)
    assert (metric.name, metric.note) == ("a\x1b[2Jb", "\x07")
    assert isinstance(table, Table)
    assert (table.title, table.frame.columns) == ("t\x00", ["c\x1b[1m", "n"])
    assert table.frame.rows() == [("x\x1b]0;title\x07y\n", "[1, 2]")]
    assert text.text == "line\nline\u202e"


async def test_code_of_a_workspace_waits_for_trust(worker, workspace, store):
    from workbench import plugins

    mark = workspace.root / "ran"
    write_plugin("local", f'open({str(mark)!r}, "w")\nyield Text("ran")', workspace.root / "plugins")
    last, _ = await run(worker, workspace, "local")
    assert last.kind == "bad input"
    assert "workbench plugin trust" in last.message
    assert not mark.exists()
    plugins.trust(plugins.review(workspace.root))
    last, _ = await run(worker, workspace, "local")
    assert isinstance(last, JobDone)
    assert mark.exists()


async def test_no_file_beside_the_user_stands_in_for_a_library(worker, workspace, store, monkeypatch):
    (workspace.root / "polars.py").write_text("raise SystemExit('taken over')")
    monkeypatch.chdir(workspace.root)
    await good_one_works(worker, workspace)


async def test_closing_ends_what_runs(workspace, store):
    worker = Worker()
    write_plugin("endless", 'ctx.progress(0.5, "begun")\nwhile True: pass')
    begun = asyncio.Event()
    job = asyncio.create_task(
        worker.run("e", workspace, "endless", on_event=lambda e: begun.set() if isinstance(e, JobProgress) else None)
    )
    await asyncio.wait_for(begun.wait(), 30)
    await worker.close()
    last = await job
    assert isinstance(last, JobFailed)
    assert last.kind == "cancelled"


async def test_a_flood_of_lines_is_drained_and_told(worker, workspace, store):
    write_plugin("flood", 'for i in range(20_000): print("line", i)\nprint("x" * 1_000_000)\nyield Text("done")')
    last, events = await run(worker, workspace, "flood")
    assert isinstance(last, JobDone)
    lines = logged(events)
    assert len(lines) == 5000
    assert "omitted" in lines[-1]


def test_the_client_imports_little():
    import subprocess

    heavy = ("polars", "numpy", "torch", "scipy", "faiss")
    code = f"import sys, workbench.worker; print([name for name in {heavy} if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"
