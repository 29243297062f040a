"""Decoding in a process of its own: one that hangs, crashes or eats the memory costs its picture and nothing else.

A thread would not do: none can be ended, and the program waits for those it has before it leaves.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import struct
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.errors import BadInput

if TYPE_CHECKING:
    from PIL.Image import Image as PilImage

SECONDS = 10.0  # that decoding one image may take
MOST_MEMORY = 2 << 30  # bytes of address space
SIZE = struct.Struct(">II")  # width and height, before the pixels
REFUSED = 2


async def decode_apart(path: str, largest: int) -> PilImage:
    """`decode` in a process that is ended after `SECONDS`, or when this call is cancelled; raises BadInput alone."""
    try:
        process = await asyncio.create_subprocess_exec(
            *command(path, largest),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env=_environment(),
        )
    except (OSError, ValueError) as error:  # ValueError: a NUL byte in the path
        raise BadInput(f"{path}: cannot be decoded ({error})") from None
    try:
        answer, _ = await asyncio.wait_for(process.communicate(), SECONDS)
    except TimeoutError:
        raise BadInput(f"{path}: decoding exceeded the time limit of {SECONDS:g} s") from None
    finally:
        if process.returncode is None:
            process.kill()
            with contextlib.suppress(TimeoutError):  # its pipe is closed before the loop is
                await asyncio.wait_for(process.communicate(), 1.0)
    return _picture(path, answer, process.returncode)


def command(path: str, largest: int) -> list[str]:
    """What runs `main` in a new process; -P keeps files of the current folder from standing in for a library."""
    return [sys.executable, "-P", "-m", __name__, path, str(largest)]


def _environment() -> dict[str, str]:
    package = str(Path(__file__).resolve().parents[2])
    inherited = [folder for folder in os.environ.get("PYTHONPATH", "").split(os.pathsep) if folder]
    return {**os.environ, "PYTHONPATH": os.pathsep.join([package, *inherited])}


def _picture(path: str, answer: bytes, code: int | None) -> PilImage:
    if code == REFUSED:
        raise BadInput(answer.decode("utf-8", "surrogateescape"))
    if code != 0 or len(answer) < SIZE.size:
        why = f"signal {signal.Signals(-code).name}" if code and code < 0 else f"exit code {code}"
        raise BadInput(f"{path}: its decoder ended with {why}")
    from PIL.Image import frombytes

    try:
        return frombytes("RGB", SIZE.unpack_from(answer), answer[SIZE.size :])
    except ValueError:
        raise BadInput(f"{path}: its decoder returned an incomplete picture") from None


def main(arguments: list[str]) -> int:
    """Decode the file that `arguments` name and write its size and pixels, or why not, to stdout."""
    import resource

    from workbench.images.decode import decode

    for what, limit in (
        (resource.RLIMIT_AS, MOST_MEMORY),
        (resource.RLIMIT_CPU, int(SECONDS) + 1),  # should its parent die first
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        _, hard = resource.getrlimit(what)
        resource.setrlimit(what, (limit if hard == resource.RLIM_INFINITY else min(limit, hard),) * 2)
    path, largest = arguments
    try:
        picture = decode(path, int(largest))
    except BadInput as error:
        sys.stdout.buffer.write(str(error).encode("utf-8", "surrogateescape"))
        return REFUSED
    sys.stdout.buffer.write(SIZE.pack(*picture.size) + picture.tobytes())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
