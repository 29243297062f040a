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
from workbench.runs.metrics import EpochMetrics, Resumed, StepMetrics


def test_json_is_replaced_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "state.json"
    files.write_json(path, {"a": 1, "bad": float("nan")})
    assert json.loads(path.read_text()) == {"a": 1, "bad": None}

    def full(self: Path, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space"):
        files.write_json(path, {"a": 2})
    assert json.loads(path.read_text()) == {"a": 1, "bad": None}
    assert [entry.name for entry in tmp_path.iterdir()] == ["state.json"]


class Example(files.Record, frozen=True, kw_only=True):
    LATEST = 2

    count: int
    share: dict[str, float | None] = {}


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b'{"count": 1', "not JSON"),
        (b"\xff", "not JSON"),
        (b"[1]", "expected an object, got a list"),
        (b"{}", "key count is missing"),
        (b'{"count": "1"}', "key count: expected a whole number, got text"),
        (b'{"count": 1, "share": {"a": true}}', "key share[...]: expected a number or null, got true or false"),
        (b'{"count": 1, "version": "2"}', "key version: expected a whole number, got text"),
        (b'{"count": 1, "x": ' + b"[" * 100_000 + b"}", "nested too deeply"),
    ],
)
def test_a_damaged_record_names_file_key_and_what_was_expected(tmp_path: Path, data: bytes, reason: str) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(data)
    with pytest.raises(files.DamagedFile) as caught:
        files.read_record(path, Example, "remove it")
    assert str(caught.value) == f"{path}: damaged: {reason}; remove it"


def test_a_record_of_another_version(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    assert files.read_record(path, Example) is None
    for text in ('{"count": 1, "more": [1]}', '{"version": 2, "count": 1}'):
        path.write_text(text)
        record = files.read_record(path, Example)
        assert record is not None
        assert record.count == 1
    for text in ('{"version": 3, "count": 1}', '{"version": 3, "count": "one"}'):
        path.write_text(text)
        with pytest.raises(files.NewerFile, match="version 3 of the file, this workbench reads 2"):
            files.read_record(path, Example)


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
        lines = files.read_lines(path, dict, offset)
        offset = lines.end
        found += lines.rows
        assert lines.damage == []
    assert found == rows
    assert files.read_lines(path, dict, offset) == files.Lines([], offset, [])


def test_a_torn_line_costs_itself_alone(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    files.append_line(path, {"step": 1})
    with path.open("ab") as file:
        file.write(b'{"step": 2, "lo')
    assert files.read_lines(path, dict) == files.Lines([{"step": 1}], 11, [])
    files.end_torn_line(path)
    files.end_torn_line(path)
    files.append_line(path, {"step": 3})
    lines = files.read_lines(path, dict)
    assert lines.rows == [{"step": 1}, {"step": 3}]
    assert lines.damage == [f"{path}: the line at byte 11 is damaged: not JSON"]
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
    lines = files.read_lines(path, dict)
    assert lines.end == os.path.getsize(path)  # noqa: PTH202
    assert sorted((row["who"], row["index"]) for row in lines.rows) == [
        (who, index) for who in range(4) for index in range(300)
    ]


def test_folding_leaves_out_what_was_done_again() -> None:
    rows: list[runs.MetricsRow] = [
        StepMetrics(epoch=0.5, step=3, time=1, loss=1),
        EpochMetrics(epoch=1, step=5, time=2),
        StepMetrics(epoch=1.5, step=7, time=3, loss=1),
        Resumed(step=5, epoch=1),
        StepMetrics(epoch=1.2, step=6, time=4, loss=1),
    ]
    assert runs.fold(rows) == [rows[0], rows[1], rows[4]]
    assert runs.fold([*rows, Resumed(step=0, epoch=0)]) == []
