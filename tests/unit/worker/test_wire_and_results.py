"""Messages between processes, and answers kept on disk: whole, or refused."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench import blocks as codec
from workbench.api import Metric, Table, Text
from workbench.worker import results, wire


@given(st.binary(max_size=200), st.binary(max_size=50))
@settings(max_examples=200, deadline=None)
def test_garbage_from_a_process_is_refused(head: bytes, body: bytes) -> None:
    with pytest.raises(ValueError, match="message"):
        wire.unpack(head, body)


def test_answers_are_kept_whole_or_not_at_all(tmp_path: Path) -> None:
    answer = results.Answer(
        [codec.encode(Metric("a", 1.0)), codec.encode(Table(pl.DataFrame({"a": [1, None]}), of=9))], {"run": "x"}
    )
    results.save(tmp_path, "k", answer)
    assert results.load(tmp_path, "k") == answer
    file = tmp_path / "k.answer"
    whole = file.read_bytes()
    for length in (0, 5, len(whole) // 2, len(whole) - 1):
        file.write_bytes(whole[:length])
        assert results.load(tmp_path, "k") is None
    assert results.load(tmp_path, "other") is None
    assert [path.name for path in tmp_path.iterdir()] == ["k.answer"]


def test_the_oldest_answers_go_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = results.Answer([codec.encode(Text("x" * 1000))])
    for i in range(5):
        results.save(tmp_path, f"{i:040x}", answer)
        os.utime(tmp_path / f"{i:040x}.answer", (i, i))
    monkeypatch.setattr(results, "LARGEST_CACHE", 3500)
    torn = tmp_path / f".{7:040x}.answer.123abc"
    torn.write_bytes(b"x")
    os.utime(torn, (0, 0))
    results.save(tmp_path, f"{9:040x}", answer)
    assert sorted(int(path.stem, 16) for path in tmp_path.iterdir()) == [3, 4, 9]


def test_the_key_depends_on_all_that_the_answer_does() -> None:
    base: tuple[Any, ...] = ("data", "name", "source", {"a": 1}, ("x", "y"), {"id": "r", "summary": {}})
    keys = {results.key(*base)}
    for i, other in enumerate(("d2", "n2", "s2", {"a": 2}, ("y", "x"), None)):
        changed: list[Any] = [*base[:i], other, *base[i + 1 :]]
        keys.add(results.key(*changed))
    assert len(keys) == 7
