"""A monkey at the keyboard: random keys, clicks and resizes, sent as fast as a terminal delivers what was typed ahead.

The same seed plays the same keys; what the interface makes of them still depends on time, as it does for a person.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
import traceback
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl
from textual import events
from textual.geometry import Size
from textual.keys import REPLACED_KEYS, _character_to_key, _get_unicode_name_from_key
from textual.worker import Worker

from tests.tui.tui_support import make_run
from workbench import plugins, worker
from workbench.api import Context
from workbench.blocks import decode, encode
from workbench.errors import BadInput
from workbench.features.ingest import open_store
from workbench.runs import RunFolder, StoredRun
from workbench.settings import resolve
from workbench.tui.app import WorkbenchApp
from workbench.tui.shell.actions import ACTIONS
from workbench.workspace import Workspace

SIZES = (
    (80, 24), (80, 24), (80, 24), (120, 40), (200, 60), (100, 30), (40, 12), (36, 10),
    (30, 10), (30, 200), (60, 1), (20, 6), (5, 2), (1, 1),
)  # fmt: skip
STORM = ("enter", "escape", "tab", "enter", "escape", "tab", "shift+tab", "up", "down", "space", "backspace")
MOVES = ("up", "down", "left", "right", "pageup", "pagedown", "home", "end", "g", "G", "j", "k")
WORDS = (
    "f1",
    "cat",
    "correct=no",
    "lr>=1e-4",
    "confusion",
    "class",
    "7",
    "-1",
    "1e-3",
    "(",
    "[b]",
    '"',
    "a=",
    "zzz",
    "é",
)
LEAVING = {key for action in ACTIONS if action.id == "quit" for key in action.keys}
KEYS = sorted({key for action in ACTIONS for key in action.keys} - LEAVING)
ANSWER_WITHIN = 20.0  # seconds within which the interface has to handle what was sent
TAIL = 60

Play = tuple[
    str, Any
]  # ("key", name), ("click", (x, y)), ("scroll", (x, y)), ("resize", (w, h)), ("wait", seconds), ...


def plays(seed: int, keys: int) -> Iterator[Play]:
    """What the monkey does until it has pressed `keys` keys."""
    dice = random.Random(seed)
    pressed = 0
    while pressed < keys:
        burst = list(_burst(dice))
        pressed += sum(kind == "key" for kind, _ in burst)
        yield from burst
        yield "wait", dice.choice((0, 0, 0.002, 0.01, 0.03, 0.1, 0.3))


def _burst(dice: random.Random) -> Iterator[Play]:
    kind = dice.choices(
        ("actions", "storm", "moves", "typing", "palette", "click", "resize", "runs", "named", "leave"),
        (30, 20, 10, 12, 8, 6, 6, 3, 12, 0.4),
    )[0]
    if kind == "actions":
        yield from (("key", dice.choice(KEYS)) for _ in range(dice.randint(1, 12)))
    elif kind == "storm":
        yield from (("key", dice.choice(STORM)) for _ in range(dice.randint(2, 16)))
    elif kind == "moves":
        yield from (("key", dice.choice(MOVES)) for _ in range(dice.randint(1, 10)))
    elif kind == "typing":
        yield "key", dice.choice(("slash", "slash", "n", "t", "e", "tab"))
        yield from (("key", char) for char in dice.choice(WORDS))
        yield from (("key", dice.choice(("enter", "escape", "tab"))) for _ in range(dice.randint(0, 3)))
    elif kind == "palette":
        yield "key", "ctrl+p"
        yield from (("key", char) for char in dice.choice(("", "", "run", "the", "remove", "zzz", "a")))
        yield from (("key", dice.choice(("enter", "enter", "escape", "down"))) for _ in range(dice.randint(0, 4)))
    elif kind == "click":
        for _ in range(dice.randint(1, 4)):
            yield dice.choice(("click", "click", "scroll")), (dice.random(), dice.random())
    elif kind == "resize":
        yield from (("resize", dice.choice(SIZES)) for _ in range(dice.randint(1, 3)))
    elif kind == "runs":
        yield dice.choice(("run ends", "run starts", "run goes")), None
    elif kind == "named":
        yield from (("key", key) for key in dice.choice(SEQUENCES))
    else:
        yield "key", dice.choice(sorted(LEAVING))


SEQUENCES = (
    ("R", "enter", "enter"), ("ctrl+p", "enter", "enter"), ("D", "enter", "enter"), ("2", "D", "enter", "enter"),
    ("ctrl+p", "escape", "escape"), ("2", "n", "escape"), ("2", "n", "ctrl+r", "escape"), ("3", "e", "enter", "escape"),
    ("6", "enter", "ctrl+r", "escape"), ("question_mark", "escape", "q", "escape"), ("1", "enter", "enter", "escape"),
    ("4", "enter", "enter", "enter"), ("5", "enter", "down", "escape"), ("1", "f", "down", "enter"),
    ("2", "t", "enter"),
    ("P", "P", "enter"), ("T", "T", "1", "2", "3", "4", "5", "6", "7"), ("2", "d", "w", "m", "escape", "escape"),
)  # fmt: skip


def press(app: WorkbenchApp, key: str) -> None:
    """Send a key as the terminal's driver does, without waiting for what it does."""
    if len(key) == 1 and not key.isalnum():
        key = _character_to_key(key)
    try:
        char: str | None = unicodedata.lookup(_get_unicode_name_from_key(REPLACED_KEYS.get(key, key)))
    except KeyError:
        char = key if len(key) == 1 else None
    event = events.Key(key, char)
    event.set_sender(app)
    app._driver.send_message(event)  # type: ignore[union-attr]


class LocalWorker:
    """Runs the analyses themselves in threads of this process, one at a time like the worker process."""

    def __init__(self, workspace: Workspace) -> None:
        self._store = open_store(workspace)
        self._workspace = workspace
        self._turn = asyncio.Lock()
        self._cancelled: set[str] = set()

    async def run(
        self, job_id: str, workspace: Workspace, analysis_name: str, params: dict[str, Any], run_id: str | None = None,
        pair: tuple[str, str] | None = None, on_event: Callable[[Any], None] = lambda event: None,
    ) -> None:  # fmt: skip
        async with self._turn:
            on_event(worker.JobStarted(job_id))
            on_event(worker.JobProgress(job_id, 0.1, "working"))
            try:
                blocks = await asyncio.to_thread(self._answer, analysis_name, params, run_id, pair)
            except BadInput as error:
                on_event(worker.JobFailed(job_id, str(error), "", "bad input"))
            except Exception as error:  # noqa: BLE001 - as the worker process reports whatever an analysis raises
                # No trace: Python 3.11 parses source for one, which must not meet the parsing of plugins in a thread.
                on_event(worker.JobFailed(job_id, str(error), "Traceback ...", "raised"))
            else:
                if job_id in self._cancelled:
                    on_event(worker.JobFailed(job_id, "stopped", "", "cancelled"))
                    return
                for block in blocks:
                    on_event(worker.JobBlock(job_id, block))
                    await asyncio.sleep(0)
                on_event(worker.JobDone(job_id, 0.01, False))

    def _answer(self, name: str, params: dict[str, Any], run_id: str | None, pair: tuple[str, str] | None) -> list[Any]:
        store, folder = self._store, self._workspace.runs_dir / (run_id or "")
        run = StoredRun(RunFolder(folder)) if run_id and (folder / "predictions").is_dir() else None
        ctx = Context(
            store.splits, pair or ("test1", "test2"), store.classes, store.label_values, store.feature_names, run
        )
        cls = plugins.load(plugins.find(None, name))
        return [decode(*encode(block)) for block in cls().run(ctx, resolve(cls.Params, params))]

    def cancel(self, job_id: str) -> None:
        self._cancelled.add(job_id)

    async def close(self) -> None:
        pass


def make_runs(workspace: Workspace) -> None:
    """Runs to look at: finished ones with predictions, one that failed, one that trains."""
    store = open_store(workspace)
    for number in (1, 2):
        folder = make_run(workspace, f"2026010{number}-120000-linear-aaa{number}", created=float(number))
        (folder / "predictions").mkdir()
        for name, every in (("train", 1000), ("test1", 5), ("test2", 3)):
            split = store.split(name)
            wrong = np.arange(split.rows) % every == every - 1
            predicted = np.where(wrong, (split.labels + 1) % 3, split.labels)
            confidence = np.linspace(0.4, 0.9, split.rows, dtype=np.float32)
            columns = {"label": split.labels, "predicted": predicted, "confidence": confidence, "correct": ~wrong}
            pl.DataFrame(columns).write_parquet(folder / "predictions" / f"{name}.parquet")
    make_run(workspace, "20260103-120000-linear-aaa3", state="failed", created=3.0)
    make_run(workspace, "20260104-120000-linear-aaa4", state="queued", created=4.0)


@dataclass
class Report:
    """What a monkey met: exceptions with their traces, and the last of what it did."""

    seed: int
    errors: list[str] = field(default_factory=list)
    done: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        errors = "\n".join(self.errors)
        return f"seed {self.seed}, after {len(self.done)} steps: ... {' '.join(self.done[-TAIL:])}\n{errors}"


class Monkey:
    """Plays one seed on a workspace; opens the interface again whenever a key has left it."""

    def __init__(self, workspace: Workspace, seed: int, keys: int) -> None:
        self.workspace = workspace
        self.report = Report(seed)
        self._plays = plays(seed, keys)
        self._runs = 0
        self._over = False

    async def play(self) -> Report:
        """Play to the end, or to the first exception."""
        loop = asyncio.get_running_loop()
        before = loop.get_exception_handler()
        loop.set_exception_handler(lambda _, context: self._note(context.get("exception"), context["message"]))
        try:
            while not self._over and not self.report.errors:
                await self._open()
        finally:
            loop.set_exception_handler(before)
        return self.report

    async def _open(self) -> None:
        app = WorkbenchApp(self.workspace)
        local = LocalWorker(self.workspace)
        app.jobs.make_worker = lambda: local  # type: ignore[assignment]
        try:
            async with app.run_test(size=(80, 24), message_hook=self._watch) as pilot:
                while not self.report.errors and not self._gone(app):
                    play = next(self._plays, None)
                    if play is None:
                        self._over = True
                        await self._settle(app)
                        await pilot.resize_terminal(80, 24)
                        await self._settle(app)
                        break
                    await self._do(app, *play)
                app.exit()
        except Exception as error:  # noqa: BLE001 - whatever ended the interface is what is looked for
            self._note(error, "the interface ended")

    @staticmethod
    def _gone(app: WorkbenchApp) -> bool:
        return app._exit or app._closing or app._exception is not None or not app._running

    def _note(self, error: BaseException | None, message: str) -> None:
        trace = "".join(traceback.format_exception(error)) if error is not None else ""
        self.report.errors.append(f"{message}\n{trace}")

    def _watch(self, message: Any) -> None:
        if isinstance(message, Worker.StateChanged):
            error = message.worker.error
            if error is not None and not isinstance(error, BadInput | asyncio.CancelledError):
                self._note(error, f"worker {message.worker.name}")

    async def _do(self, app: WorkbenchApp, kind: str, what: Any) -> None:
        self.report.done.append(str(what) if kind == "key" else f"<{kind} {what}>" if what is not None else f"<{kind}>")
        if kind == "key":
            press(app, what)
        elif kind == "wait":
            await (self._settle(app) if what >= 0.1 else asyncio.sleep(what))
        elif kind == "resize":
            app._driver._size = Size(*what)  # type: ignore[union-attr]
            app.post_message(events.Resize(Size(*what), Size(*what)))
        elif kind in ("click", "scroll"):
            self._point(app, kind, what)
        else:
            self._turn_runs(kind)

    def _point(self, app: WorkbenchApp, kind: str, where: tuple[float, float]) -> None:
        x, y = int(where[0] * app.size.width), int(where[1] * app.size.height)
        kinds = (events.MouseDown, events.MouseUp) if kind == "click" else (events.MouseScrollDown, events.MouseMove)
        for cls in kinds:
            event = cls(
                widget=None, x=x, y=y, delta_x=0, delta_y=0, button=1 if kind == "click" else 0,
                shift=False, meta=False, ctrl=False, screen_x=x, screen_y=y,
            )  # fmt: skip
            event.set_sender(app)
            app._driver.send_message(event)  # type: ignore[union-attr]

    def _turn_runs(self, kind: str) -> None:
        """A run that trains ends, is begun, or has its folder removed by someone else."""
        folders = sorted(self.workspace.runs_dir.glob("*-linear-*"))
        if kind == "run starts" or not folders:
            self._runs += 1
            make_run(
                self.workspace, f"20260201-1200{self._runs:02d}-linear-bbbb", state="queued", created=10.0 + self._runs
            )
            return
        if kind == "run goes" and len(folders) > 3:
            import shutil

            shutil.rmtree(folders[-1], ignore_errors=True)
            return
        state = folders[-1] / "state.json"
        if state.is_file():
            row = json.loads(state.read_text()) | {"state": "failed", "error": "it ended [b]meanwhile[/b]"}
            state.with_suffix(".tmp").write_text(json.dumps(row))
            state.with_suffix(".tmp").replace(state)

    async def _settle(self, app: WorkbenchApp) -> None:
        """Wait until all that was sent has been handled; it must not take long."""
        end = time.monotonic() + ANSWER_WITHIN
        quiet = 0
        while quiet < 3 and not self._gone(app):
            quiet = quiet + 1 if app._message_queue.empty() else 0
            await asyncio.sleep(0.01)
            if time.monotonic() > end:
                self.report.errors.append(f"what was sent was not handled within {ANSWER_WITHIN:g} s")
                return


async def let_loose(workspace: Workspace, seed: int, keys: int) -> Report:
    """One monkey on a workspace with runs."""
    make_runs(workspace)
    return await Monkey(workspace, seed, keys).play()


def seeds_of(text: str) -> list[int]:
    """`1-24` or `3,7,11-13` as numbers."""
    out: list[int] = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        out += range(int(first), int(last or first) + 1)
    return out
