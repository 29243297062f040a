"""The worker process as seen by the parent: its pipes, limits and end."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import uuid
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

from workbench import supervisor
from workbench.process_environment import command, environment
from workbench.worker import wire

LINE_LENGTH = 2000
LAST_LINES = 60
LEAST_MEMORY = 1 << 30
LOOK = 0.2  # seconds between checks whether it is alive
ENDING = supervisor.PATIENCE + 1.0  # seconds that the supervisor may take to end what the worker has started
DRAIN = 1.0  # seconds to wait for the rest of a log; a process that the plugin started may hold it open


class Process:
    """A running child, under a supervisor, which ends what it has started, in whatever session, and then ends itself.

    The supervisor acts when `lifeline`, the write end of a pipe, is closed: by `kill`, or by the end of this process.
    """

    def __init__(self, process: asyncio.subprocess.Process, lifeline: int, mark: str) -> None:
        self._process = process
        self._lifeline: int | None = lifeline
        self._deadline = float("inf")  # of the loop's clock, for the supervisor to have ended
        self._family = mark
        self._last: deque[str] = deque(maxlen=LAST_LINES)
        self._log = asyncio.ensure_future(self._read_log())
        self._on_line: Callable[[str], object] | None = None
        self._mark = ""
        self._log_ended = asyncio.Event()

    @classmethod
    async def start(cls, memory_limit: int | None = None) -> Process:
        """Start a child in a new session. Raises OSError."""
        limit = memory_budget() if memory_limit is None else memory_limit
        mark = uuid.uuid4().hex
        supervised, lifeline = os.pipe()
        try:
            process = await asyncio.create_subprocess_exec(
                *command("workbench.supervisor", str(supervised), *command("workbench.worker", str(limit))),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                pass_fds=(supervised,),
                start_new_session=True,
                env=environment(**{supervisor.MARK: mark}),
            )
        except BaseException:
            os.close(lifeline)
            raise
        finally:
            os.close(supervised)
        return cls(process, lifeline, mark)

    @property
    def alive(self) -> bool:
        return self._process.returncode is None

    @property
    def last_words(self) -> str:
        """The last lines that it printed: after a crash they hold the stack."""
        return "\n".join(self._last)

    def begin(self, mark: str, on_line: Callable[[str], object]) -> None:
        """A job begins: `on_line` gets each line that is printed until the line `mark` ends its log."""
        self._mark, self._on_line = mark, on_line
        self._log_ended.clear()
        self._last.clear()

    def send(self, message: dict[str, Any]) -> None:
        """Write a message; a dead child shows at the next `receive`."""
        assert self._process.stdin is not None
        if not self._process.stdin.is_closing():
            self._process.stdin.write(wire.pack(message))

    async def receive(self) -> wire.Message | None:
        """The next message, None when the child has ended; raises ValueError for an invalid message."""
        reading = asyncio.ensure_future(self._read())
        try:
            while not (await asyncio.wait([reading], timeout=LOOK))[0]:
                if asyncio.get_running_loop().time() > self._deadline:
                    return None
                if not self.alive:  # what it started may hold the pipe open after its death
                    await asyncio.wait([reading], timeout=DRAIN)
                    self.kill()
                    return await asyncio.wait_for(reading, DRAIN)
            return await reading
        except TimeoutError:
            return None
        finally:
            reading.cancel()

    async def _read(self) -> wire.Message | None:
        pipe = self._process.stdout
        assert pipe is not None
        try:
            head, body = wire.sizes(await pipe.readexactly(wire.HEADER.size))
            return wire.unpack(await pipe.readexactly(head), await pipe.readexactly(body))
        except (asyncio.IncompleteReadError, ConnectionError):
            return None

    def kill(self) -> None:
        """End it, and what it started, at once."""
        if self._lifeline is not None:
            os.close(self._lifeline)
            self._lifeline = None
            self._deadline = asyncio.get_running_loop().time() + ENDING

    async def ended(self) -> int:
        """Wait for its end and the rest of its output; returns the return code."""
        if not await self._gone_by(asyncio.get_running_loop().time() + DRAIN):  # it closed its pipe, and may live on
            self.kill()
            await self._gone_by(self._deadline)
        self.kill()
        if self.alive or self._process.returncode == -signal.SIGKILL:
            await asyncio.to_thread(self._end_without_supervisor)
            await self._gone_by(asyncio.get_running_loop().time() + DRAIN)
        await asyncio.wait([self._log], timeout=DRAIN)
        self._log.cancel()
        return -signal.SIGKILL if self._process.returncode is None else self._process.returncode

    async def _gone_by(self, deadline: float) -> bool:
        """Whether it has ended by then; asyncio's wait() would also wait for whoever holds the pipes."""
        while self.alive and asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(LOOK / 10)
        return not self.alive

    def _end_without_supervisor(self) -> None:
        """Clean up when a plugin has stopped or killed the supervisor."""
        supervisor.end_all(self._process.pid, self._family)
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()

    async def end_of_log(self) -> None:
        """Wait until the log of the job has been read."""
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._log_ended.wait(), DRAIN)
        self._on_line = None

    async def _read_log(self) -> None:
        assert self._process.stderr is not None
        rest = b""
        while chunk := await self._process.stderr.read(1 << 16):
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                self._line(line)
            if len(rest) > LINE_LENGTH * 4:
                self._line(rest)
                rest = b""
        if rest:
            self._line(rest)

    def _line(self, raw: bytes) -> None:
        from workbench.text import printed

        text, _, mark = raw.rpartition(b"\0")
        ends = bool(self._mark) and mark == self._mark.encode()
        if not ends or text:
            line = printed((text if ends else raw).decode("utf-8", "replace"))
            shown = line if len(line) <= LINE_LENGTH else line[:LINE_LENGTH] + " ..."
            self._last.append(shown)
            if self._on_line is not None:
                self._on_line(shown)
        if ends:
            self._log_ended.set()


def memory_budget() -> int:
    """Four fifths of the memory that is free to this process, by its control group's limit where it has one."""
    import psutil

    free = psutil.virtual_memory().available
    with contextlib.suppress(OSError, ValueError):  # no control group, or one without a limit
        limit = int(Path("/sys/fs/cgroup/memory.max").read_text())
        free = min(free, limit - int(Path("/sys/fs/cgroup/memory.current").read_text()))
    return max(int(free * 0.8), LEAST_MEMORY)
