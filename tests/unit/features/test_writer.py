"""Files written in blocks: every byte in its place, whatever the sizes, and an error of the disk told."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import numpy as np
import pytest

from workbench.features.writer import BLOCK, BlockFile, SplitWriter

PIECES = [100, BLOCK - 100, 1, 2 * BLOCK + 7, 4096, 0, 3 * BLOCK]


def written(path: Path, pieces: list[int]) -> np.ndarray:
    rng = np.random.default_rng(0)
    data = [rng.integers(0, 256, size, np.uint8) for size in pieces]
    file = BlockFile(path)
    for piece in data:
        file.append(piece)
    whole = np.concatenate(data)
    head = b"head of it"[: len(whole)]
    file.finish(head)
    whole[: len(head)] = np.frombuffer(head, np.uint8)
    return whole


@pytest.mark.parametrize("pieces", [[0], [1], [BLOCK], [BLOCK + 1], PIECES], ids=str)
def test_a_file_holds_what_was_appended(tmp_path: Path, pieces: list[int]) -> None:
    expected = written(tmp_path / "file", pieces)
    assert (np.fromfile(tmp_path / "file", np.uint8) == expected).all()


def test_a_file_system_without_direct_writing_is_written_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = os.open

    def without(path: Path, flags: int, mode: int) -> int:
        if flags & getattr(os, "O_DIRECT", 0):
            raise OSError(errno.EINVAL, "Invalid argument")
        return opened(path, flags, mode)

    monkeypatch.setattr(os, "open", without)
    expected = written(tmp_path / "file", PIECES)
    assert (np.fromfile(tmp_path / "file", np.uint8) == expected).all()


def test_a_block_that_the_disk_does_not_take_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(handle: int, data: memoryview, offset: int) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    file = BlockFile(tmp_path / "file")
    file.append(np.zeros(BLOCK, np.uint8))
    with pytest.raises(OSError, match="No space left"):
        file.finish(b"head")


def test_a_split_of_many_blocks_is_read_back_by_numpy(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    batches = [rng.standard_normal((rows, 300), np.float32) for rows in (5000, 1, 7000, 333)]
    batches[2] = np.asfortranarray(batches[2])
    with SplitWriter(tmp_path / "x.npy", [f"f{i}" for i in range(300)], "float32", drop_bad=False) as out:
        for batch in batches:
            assert out.add(batch) is None
    expected = np.concatenate(batches)
    assert (np.load(tmp_path / "x.npy", mmap_mode="r") == expected).all()
    assert (out.low == expected.min(axis=0)).all()
    assert (out.high == expected.max(axis=0)).all()
