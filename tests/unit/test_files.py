"""The small files that several processes share."""

from __future__ import annotations

import json
import multiprocessing
import os
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench import files, runs


def test_json_is_replaced_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "state.json"
    files.write_json(path, {"a": 1, "bad": float("nan")})
    assert json.loads(path.read_text()) == {"a": 1, "bad": None}

    def full(self: Path, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space"):
        files.write_json(path, {"a": 2})
    assert files.read_json(path) == {"a": 1, "bad": None}
    assert [entry.name for entry in tmp_path.iterdir()] == ["state.json"]


def test_what_is_no_object_reads_as_nothing(tmp_path: Path) -> None:
    assert files.read_json(tmp_path / "missing") is None
    for text in ("", "{", "[1]", "\x00"):
        (tmp_path / "x").write_text(text)
        assert files.read_json(tmp_path / "x") is None


@settings(max_examples=50, deadline=None)
@given(
    rows=st.lists(st.dictionaries(st.text(max_size=3), st.integers() | st.text(max_size=5), max_size=3)), data=st.data()
)
def test_lines_arrive_once_however_the_file_grows(
    rows: list[dict[str, object]], data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("lines") / "metrics.jsonl"
    rows = [
        msgspec.json.decode(msgspec.json.encode(row))
        for row in rows
        if all(abs(v) < 2**63 for v in row.values() if isinstance(v, int))
    ]
    whole = b"".join(msgspec.json.encode(row) + b"\n" for row in rows)
    found, offset, written = [], 0, 0
    while written < len(whole):
        more = data.draw(st.integers(1, len(whole) - written))
        with path.open("ab") as file:
            file.write(whole[written : written + more])
        written += more
        new, offset = files.read_lines(path, offset)
        found += new
    assert found == rows
    assert files.read_lines(path, offset) == ([], offset)


def test_a_torn_line_costs_itself_alone(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    files.append_line(path, {"step": 1})
    with path.open("ab") as file:
        file.write(b'{"step": 2, "lo')
    assert files.read_lines(path)[0] == [{"step": 1}]
    files.end_torn_line(path)
    files.end_torn_line(path)
    files.append_line(path, {"step": 3})
    assert files.read_lines(path)[0] == [{"step": 1}, {"step": 3}]
    files.end_torn_line(tmp_path / "missing")


def _append_many(path: Path, who: int) -> None:
    for index in range(300):
        files.append_line(path, {"who": who, "index": index, "text": "x" * 100})


def test_lines_of_several_processes_are_not_mixed(tmp_path: Path) -> None:
    path = tmp_path / "looks.jsonl"
    fork = multiprocessing.get_context("fork")
    processes = [fork.Process(target=_append_many, args=(path, who)) for who in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    rows, end = files.read_lines(path)
    assert end == os.path.getsize(path)  # noqa: PTH202
    assert sorted((row["who"], row["index"]) for row in rows) == [
        (who, index) for who in range(4) for index in range(300)
    ]


def test_folding_leaves_out_what_was_done_again() -> None:
    rows = [
        {"kind": "step", "step": 3},
        {"kind": "epoch", "step": 5},
        {"kind": "step", "step": 7},
        {"kind": "resumed", "step": 5, "epoch": 1},
        {"kind": "step", "step": 6},
    ]
    assert runs.fold(rows) == [rows[0], rows[1], rows[4]]
    assert runs.fold([*rows, {"kind": "resumed", "step": 0, "epoch": 0}]) == []
