"""Writing one split of the store, batch by batch, in bounded memory."""

from __future__ import annotations

import errno
import mmap
import os
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType

import numpy as np

from workbench.errors import BadInput

HEADER = 128  # bytes reserved for the .npy header, which needs the row count and is written last
BLOCK = 1 << 22  # bytes written at once; a multiple of the block size of any disk
TILE = (256, 64)  # rows and columns transposed at once, so that both sides fit in the processor's cache
SHOWN = 3
FICLONE = 0x40049409  # Linux' request for a copy that shares blocks: ioctl_ficlone(2)


def npy_header(shape: tuple[int, int], dtype: np.dtype) -> bytes:
    """A version 1.0 .npy header of exactly HEADER bytes (format: numpy.lib.format)."""
    text = f"{{'descr': '{dtype.str}', 'fortran_order': False, 'shape': ({shape[0]}, {shape[1]}), }}"
    body = text.ljust(HEADER - 11) + "\n"
    return b"\x93NUMPY\x01\x00" + (HEADER - 10).to_bytes(2, "little") + body.encode("latin1")


class SplitWriter:
    """Appends batches to `<split>.npy`, looks for NaN and infinity, and keeps each feature's range.

    After closing: `rows`, `low` and `high` (float32 `[D]`), `rounding_error` (largest |stored - read|), `bad_cells` and
    `bad_rows` (counts), `first_bad` (row, column, value of the first few).
    """

    def __init__(self, path: Path, names: Sequence[str], dtype: str, drop_bad: bool, write: bool = True) -> None:
        self.path = path
        self.names = list(names)
        self.dtype = np.dtype(dtype)
        self.drop_bad = drop_bad
        self.rows = 0
        self.read_rows = 0
        self.bad_cells = 0
        self.bad_rows = 0
        self.first_bad: list[tuple[int, str, float]] = []
        self.rounding_error = 0.0
        self.low = np.full(len(names), np.inf, np.float32)
        self.high = np.full(len(names), -np.inf, np.float32)
        self._file = BlockFile(path) if write else None
        if self._file is not None:
            self._file.append(np.zeros(HEADER, np.uint8))

    def __enter__(self) -> SplitWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is None:
            return
        if kind is None:
            self._file.finish(npy_header((self.rows, len(self.names)), self.dtype))
        else:
            self._file.close()

    def add(self, features: np.ndarray) -> np.ndarray | None:
        """Write a batch (`[n, D]`, C or Fortran order); the mask (bool `[n]`) of rows kept, or None when all were."""
        plain = features if features.dtype == np.float32 else _to_float32(features)
        low, high = plain.min(axis=0), plain.max(axis=0)
        mask = None
        if not (np.isfinite(low).all() and np.isfinite(high).all()):
            mask = self._look_at_bad(plain)
            if not self.drop_bad:
                self.read_rows += len(plain)
                return mask
            plain = plain[mask]
            if len(plain):
                low, high = plain.min(axis=0), plain.max(axis=0)
        self.read_rows += len(features)
        if len(plain):
            np.minimum(self.low, low, out=self.low)
            np.maximum(self.high, high, out=self.high)
        self._write(plain)
        self.rows += len(plain)
        return mask

    def _look_at_bad(self, plain: np.ndarray) -> np.ndarray:
        good = np.isfinite(plain)
        self.bad_cells += int(good.size - np.count_nonzero(good))
        mask: np.ndarray = good.all(axis=1)
        self.bad_rows += int(len(mask) - np.count_nonzero(mask))
        if len(self.first_bad) < SHOWN:
            where = np.argwhere(~good)[: SHOWN - len(self.first_bad)]
            self.first_bad += [(self.read_rows + int(r), self.names[c], float(plain[r, c])) for r, c in where]
        return mask

    def _write(self, plain: np.ndarray) -> None:
        if self._file is None:
            return
        if self.dtype == np.float32:
            self._file.append_rows(plain)
            return
        with np.errstate(over="ignore"):
            stored = plain.astype(self.dtype)
        error = float(np.abs(stored.astype(np.float32) - plain).max(initial=0.0))
        if not np.isfinite(error):
            row, column = np.argwhere(~np.isfinite(stored))[0]
            raise BadInput(
                f"[features] dtype = 'float16': {plain[row, column]:g} in row {self.rows + int(row)}, column "
                f"{self.names[column]!r} is beyond float16's 65504; store float32"
            )
        self.rounding_error = max(self.rounding_error, error)
        self._file.append_rows(stored)


def copy_rows(matrix: np.ndarray, target: np.ndarray) -> None:
    """Copy a matrix into one in C order; from Fortran order tile by tile, in half the time of one long copy."""
    if matrix.flags.c_contiguous:
        target[:] = matrix
        return
    high, wide = TILE
    for top in range(0, len(matrix), high):
        for left in range(0, matrix.shape[1], wide):
            target[top : top + high, left : left + wide] = matrix[top : top + high, left : left + wide]


class BlockFile:
    """A new file, filled from front to back in blocks that go past the page cache where the file system allows.

    A store is written once and can be larger than memory. Writing through the cache takes 0.2 s of processor time per
    gigabyte, up to 2 s in a virtual machine whose memory is not yet allocated, and evicts the files being read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.written = 0
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        try:
            self._handle = os.open(path, flags | getattr(os, "O_DIRECT", 0), 0o666)
        except OSError as error:
            if error.errno != errno.EINVAL:
                raise
            self._handle = os.open(path, flags, 0o666)
        self._blocks = [
            np.frombuffer(mmap.mmap(-1, BLOCK), np.uint8) for _ in range(3)
        ]  # O_DIRECT requires whole pages
        self._filled = 0
        self._disk = ThreadPoolExecutor(2)
        self._pending: list[Future[None]] = []

    def append(self, data: np.ndarray) -> None:
        """Add bytes (uint8 `[n]`); raises the OSError of an earlier block that the disk did not take."""
        while len(data):
            part, data = np.split(data, [BLOCK - self._filled])
            self._room(len(part))[:] = part
            self._send_full()

    def append_rows(self, matrix: np.ndarray) -> None:
        """Add a matrix (`[n, D]`, C or Fortran order) row by row, turned straight into the blocks."""
        width = matrix.shape[1] * matrix.itemsize
        while len(matrix):
            fitting = min(len(matrix), (BLOCK - self._filled) // width)
            rows, matrix = matrix[:fitting], matrix[fitting:]
            copy_rows(rows, self._room(rows.nbytes).view(rows.dtype).reshape(rows.shape))
            self._send_full()
            across, matrix = matrix[:1], matrix[1:]  # the row that begins in one block and ends in a later one
            self.append(np.ascontiguousarray(across).reshape(-1).view(np.uint8))

    def _room(self, size: int) -> np.ndarray:
        """The next `size` bytes of the block being filled."""
        start, self._filled = self._filled, self._filled + size
        return self._blocks[0][start : self._filled]

    def _send_full(self) -> None:
        if self._filled == BLOCK:
            self._settle(1)
            self._pending.append(self._disk.submit(self._write, self._blocks[0], self.written))
            self.written += BLOCK
            self._blocks.append(self._blocks.pop(0))
            self._filled = 0

    def _write(self, block: np.ndarray, offset: int) -> None:
        left = block.data
        while left:
            size = os.pwrite(self._handle, left, offset)
            left, offset = left[size:], offset + size

    def _settle(self, left: int) -> None:
        while len(self._pending) > left:
            self._pending.pop(0).result()

    def finish(self, head: bytes) -> None:
        """Write what does not fill a block, put `head` over the first bytes, and wait until all is on the disk."""
        try:
            self._settle(0)
        finally:
            self.close()
        with self.path.open("r+b") as file:
            file.seek(self.written)
            file.write(self._blocks[0][: self._filled].data)
            file.seek(0)
            file.write(head)
            file.flush()
            os.fsync(file.fileno())

    def close(self) -> None:
        """Let go of the file, after the blocks that are on their way."""
        self._disk.shutdown()
        os.close(self._handle)


def share_blocks(source: Path, target: Path) -> bool:
    """Make `target` a copy that shares the blocks of `source` until either changes (XFS, Btrfs).

    Returns False, with `target` empty or missing, if this is not supported, as on ext4 or between two disks.
    """
    try:
        import fcntl

        with source.open("rb") as original, target.open("wb") as copy:
            fcntl.ioctl(copy, FICLONE, original.fileno())
            os.fsync(copy.fileno())
    except (ImportError, OSError):
        return False
    return True


def _to_float32(features: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore"):
        return features.astype(np.float32)
