"""Reads the declarations of untrusted files in a separate process with limited time and memory.

Python's parser has no limits: a few kilobytes of text can take minutes or gigabytes, or crash the process.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import selectors
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from workbench.plugins.manifest import TYPES, Declared, NotAnAnalysis, read_analyses
from workbench.plugins.sources import SourceFile
from workbench.settings import Setting

CPU_SECONDS = 1.0  # for one file
WALL_SECONDS = 20.0  # for one file, the start of the process included: on a busy machine it gets little of a processor
FOLDER_SECONDS = 5.0  # of a processor, for all files of a folder together; after that the rest are not read
MEMORY = 1 << 30  # bytes
LONGEST_ANSWER = 4 << 20  # bytes
REMEMBERED = 1000  # answers
START = "import sys; sys.path[:0] = sys.argv[1:]; from workbench.plugins.reader import main; main()"

Answer = list[Declared] | NotAnAnalysis

_answers: dict[str, Answer] = {}  # by the hash of the contents
_lock = threading.Lock()


def read_guarded(files: Iterable[SourceFile]) -> dict[str, Answer]:
    """What each file declares, or why that cannot be determined, by file name.

    A file takes at most one second of processor time, all files together about five.
    """
    answers: dict[str, Answer] = {}
    with _lock, _Reader() as reader:
        for file in files:
            answer = _answers.get(file.sha256)
            if answer is None and reader.seconds >= FOLDER_SECONDS:
                answer = NotAnAnalysis("not read: reading the other files of its folder took too long")
            elif answer is None:
                answer = reader.ask(file.text)
                while len(_answers) >= REMEMBERED:
                    _answers.pop(next(iter(_answers)))
                _answers[file.sha256] = answer
            answers[file.name] = answer
    return answers


class _Reader:
    """The process, started on first use and again when a file has made it exit.

    `seconds` is the processor time of its answers; a file that made it exit counts with the full limit.
    """

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self.seconds = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._end()

    def ask(self, text: str) -> Answer:
        try:
            if self._process is None:
                self._process = _start()
            assert self._process.stdin is not None
            assert self._process.stdout is not None
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.write(json.dumps(text).encode() + b"\n")
                self._process.stdin.flush()
            line = _line(self._process.stdout)
        except OSError as error:
            self._end()
            return NotAnAnalysis(f"the process that reads it could not be started ({error.strerror})")
        if line is None:
            self.seconds += CPU_SECONDS
            return NotAnAnalysis(_ending(self._end()))
        reply = json.loads(line)
        self.seconds += reply["seconds"]
        return NotAnAnalysis(reply["error"]) if "error" in reply else [_declared(one) for one in reply["declared"]]

    def _end(self) -> int:
        """End the process; its return code."""
        process, self._process = self._process, None
        if process is None:
            return 0
        if process.poll() is None:
            with contextlib.suppress(subprocess.TimeoutExpired):  # the kernel may just be ending it
                process.wait(1.0 if self._is_over(process) else 0)
        process.kill()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        return process.wait()

    @staticmethod
    def _is_over(process: subprocess.Popen[bytes]) -> bool:
        """Whether it has closed its end of the pipe."""
        assert process.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ)
            return bool(selector.select(0))


def _start() -> subprocess.Popen[bytes]:
    package = str(Path(__file__).resolve().parents[2])
    entries = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    libraries = [
        path for path in entries if Path(path).is_absolute()
    ]  # -I passes over all, for the sake of the relative ones
    return subprocess.Popen(
        [sys.executable, "-I", "-c", START, package, *libraries],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd="/",
    )


def _line(pipe: IO[bytes]) -> bytes | None:
    """The next line of the process, None when it ends, takes too long or says too much."""
    received = bytearray()
    deadline = time.monotonic() + WALL_SECONDS
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        while len(received) < LONGEST_ANSWER and selector.select(max(0.0, deadline - time.monotonic())):
            part = os.read(pipe.fileno(), 1 << 16)
            received += part
            if not part:
                return None
            if received.endswith(b"\n"):
                return bytes(received)
    return None


def _ending(code: int) -> str:
    if code in (-signal.SIGPROF, -signal.SIGKILL):
        return f"reading it takes longer than {CPU_SECONDS:g} s"
    return "it cannot be read as Python: nested too deeply, or too large for memory"


def main() -> None:
    """The process: a text as one line of JSON in, what it declares as one line out."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with contextlib.suppress(ValueError, OSError):  # a lower limit holds already
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    signal.signal(signal.SIGPROF, signal.SIG_DFL)  # the kernel ends the process, whatever the parser is doing
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGPROF})
    for line in sys.stdin.buffer:
        started = time.process_time()
        signal.setitimer(signal.ITIMER_PROF, CPU_SECONDS)
        try:
            reply: dict[str, Any] = {"declared": [_as_object(one) for one in read_analyses(json.loads(line))]}
        except NotAnAnalysis as error:
            reply = {"error": str(error)}
        reply["seconds"] = time.process_time() - started
        answer = json.dumps(reply).encode() + b"\n"
        signal.setitimer(signal.ITIMER_PROF, 0)
        sys.stdout.buffer.write(answer)
        sys.stdout.buffer.flush()


def _as_object(one: Declared) -> dict[str, Any]:
    settings = None
    if one.settings is not None:
        settings = [{**asdict(setting), "type": setting.type.__name__} for setting in one.settings]
    return {**vars(one), "settings": settings}


def _declared(one: dict[str, Any]) -> Declared:
    types = {kind.__name__: kind for kind in TYPES.values()}
    settings = one["settings"]
    if settings is not None:
        settings = tuple(
            Setting(**{**setting, "type": types[setting["type"]], "choices": tuple(setting["choices"])})
            for setting in settings
        )
    return Declared(**{**one, "settings": settings})
