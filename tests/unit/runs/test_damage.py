"""Damaged files: a damaged run says which file it is, and the others go on."""

from __future__ import annotations

import contextlib
import io
import json
import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from workbench import runs
from workbench.cli import runs as cli
from workbench.errors import BadInput, Failed
from workbench.files import Record
from workbench.runs import metrics, records, sweep
from workbench.runs.records import (
    FILES,
    Launched,
    Marks,
    RunConfig,
    RunState,
    RunSummary,
    SweepConfig,
    SweepSummary,
)
from workbench.workspace import Workspace

OLD = Path(__file__).parent / "old_runs"
NN1, SWEEP = "20261121-185425-nn1-bf75", "20261121-185514-sweep-linear-057d"
PLACES = sorted(path.relative_to(OLD) for path in OLD.rglob("*") if path.is_file())
RUN_KINDS: dict[str, type[Record]] = {FILES[kind]: kind for kind in (RunConfig, RunState, RunSummary, Marks, Launched)}
SWEEP_KINDS: dict[str, type[Record]] = {FILES[kind]: kind for kind in (SweepConfig, RunState, SweepSummary, Launched)}
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The state folder of a workspace with finished, stopped, failed and queued runs, and a sweep."""
    folder = tmp_path_factory.mktemp("damage")
    for name in ("train", "test1", "test2"):
        (folder / f"{name}.csv").write_text("label,f0\n0,1.0\n1,2.0\n")
    shutil.copytree(OLD, folder / ".workbench")
    return folder / ".workbench"


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path to each value within a JSON value."""
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in inner:
        yield from places(one, (*path, key))


def replaced(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = replaced(value[path[0]], path[1:], new)
    return copy


@st.composite
def damage(draw: st.DrawFn, whole: bytes) -> bytes:
    """Another content of a file: arbitrary bytes, arbitrary JSON, a part of it, or one value replaced."""
    how = draw(st.sampled_from(("bytes", "json", "truncated", "value", "value")))
    if how == "bytes":
        return draw(st.binary(max_size=200))
    if how == "json":
        return json.dumps(draw(VALUES)).encode()
    try:
        lines = [json.loads(line) for line in whole.splitlines()] if whole.count(b"\n{") else [json.loads(whole)]
    except ValueError:  # no JSON in it
        how = "truncated"
    if how == "truncated":
        return whole[: draw(st.integers(0, len(whole) - 1))]
    place = draw(st.integers(0, len(lines) - 1))
    path = draw(st.sampled_from(list(places(lines[place]))))
    lines[place] = replaced(lines[place], path, draw(VALUES))
    return b"".join(json.dumps(line).encode() + b"\n" for line in lines)


def attempt(do: Callable[[], object]) -> None:
    """Only the two errors that users are meant to read may come out."""
    streams = contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO())
    with contextlib.suppress(BadInput, Failed), streams[0], streams[1]:
        do()


def look_at_everything(workspace: Workspace, run_id: str) -> None:
    run = runs.load(workspace, run_id)
    listed = runs.list_runs(workspace)
    runs.differences(listed)
    runs.newest_to_look_at(listed)
    runs.fold(runs.read_metrics(run.folder)[0])
    view = runs.StoredRun(run.view)
    for text in ("val>0.1 gap<1 lr>=0", "starred", "tag:paper", "linear", "test1>0 -state:failed", "hidden=8"):
        attempt(partial(runs.matching, listed, text))
    for name in ("config", "summary", "settings", "tests", "temperature"):
        attempt(partial(getattr, view, name))
    attempt(partial(view.predictions, "test1"))
    attempt(partial(sweep.read_sweep, workspace.state / "sweeps" / SWEEP))
    for verb, one in (("list", None), ("show", run_id), ("show", SWEEP)):
        for as_json in (False, True):
            attempt(partial(cli.command, workspace.root, verb, one, json=as_json))


def is_readable(file: Path) -> bool:
    kind = (SWEEP_KINDS if file.parent.parent.name == "sweeps" else RUN_KINDS)[file.name]
    try:
        return records.find(file.parent, kind) is not None
    except BadInput:
        return False


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_no_damage_raises_anything_but_a_clear_message(state: Path, data: st.DataObject) -> None:
    workspace = Workspace.open(state.parent)
    before = {run.id: run for run in runs.list_runs(workspace)}
    place = data.draw(st.sampled_from(PLACES))
    file = state / place
    whole = file.read_bytes()
    try:
        file.write_bytes(data.draw(damage(whole)))
        run_id = place.parts[1] if place.parts[0] == "runs" else NN1
        listed = {run.id: run for run in runs.list_runs(workspace)}
        assert listed.keys() == before.keys()
        assert all(listed[name] == before[name] for name in before if name != run_id or place.parts[0] != "runs")
        if place.parts[0] == "runs" and file.name in RUN_KINDS and not is_readable(file):
            unused = file.name == "launched.json" and before[run_id].state != "queued"
            unused |= file.name == "summary.json" and before[run_id].state != "finished"
            if not unused and not (file.name == "marks.json" and before[run_id].active):
                assert listed[run_id].state == "failed"
                assert str(file) in listed[run_id].error
        (found,) = sweep.list_sweeps(workspace) or (None,)
        if place.parts[0] == "sweeps" and not is_readable(file) and file.name != "launched.json":
            assert found is not None
            assert found.state == "failed"
            assert str(file) in found.error
        look_at_everything(workspace, run_id)
    finally:
        file.write_bytes(whole)


@pytest.fixture
def old(make_folder: Callable[..., Path]) -> Workspace:
    folder = make_folder()
    shutil.copytree(OLD, folder / ".workbench")
    return Workspace.open(folder)


def test_a_damaged_run_is_listed_shown_and_removed(old: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    file = old.runs_dir / NN1 / "summary.json"
    file.write_text(file.read_text().replace('"n": 30', '"n": "thirty"'))
    message = f"{file}: damaged: key tests[...].n: expected a whole number, got text; restore the file from a copy, or "
    cli.command(old.root, "list")
    out, err = capsys.readouterr()
    assert out.count("finished") == 3
    assert f"{NN1}: {message}" in err
    cli.command(old.root, "show", NN1, json=True)
    shown = json.loads(capsys.readouterr().out)
    assert shown["state"] == "failed"
    assert shown["error"].startswith(message)
    assert shown["settings"]["hidden"] == 8
    cli.command(old.root, "remove", NN1)
    assert not (old.runs_dir / NN1).exists()
    assert len(runs.list_runs(old)) == 6


def test_a_damaged_state_is_written_anew_when_the_run_is_resumed(old: Workspace) -> None:
    folder = old.runs_dir / "20261121-185453-linear-e7bd"
    (folder / "state.json").write_text('{"state": "stopped", "epoch": ')
    run = runs.resume(runs.read(folder))
    assert (run.state, run.epochs, run.error) == ("queued", 30_000, "")


def test_damaged_marks_are_not_trained_away(old: Workspace) -> None:
    file = old.runs_dir / NN1 / "marks.json"
    file.write_text('{"starred": "yes"}')
    run = runs.load(old, NN1)
    assert run.state == "failed"
    for action in (runs.star, runs.resume):
        with pytest.raises(BadInput, match=r"marks\.json: damaged: key starred: expected true or false, got text"):
            action(run)
    file.unlink()
    assert runs.load(old, NN1).state == "finished"


def test_damaged_lines_are_told_and_cost_themselves_alone(old: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    folder = old.runs_dir / NN1
    with (folder / "metrics.jsonl").open("a") as file:
        file.write('{"kind": "epoch", "epoch": "four"}\nnothing\n{"kind": "note", "text": "end", "step": 0}\n')
    lines = metrics.read(folder)
    assert len(lines.rows) == 11
    assert len(lines.damage) == 2
    with old.looks_file.open("a") as file:
        file.write('{"time": 1.0, "run": "r", "test_set": ["test1"], "n": 1, "what": "w"}\n')
    cli.command(old.root, "show", NN1)
    assert "metrics.jsonl: the line at byte" in capsys.readouterr().err
    cli.command(old.root, "list")
    out, err = capsys.readouterr()
    assert "test1 6, test2 6" in out
    assert "test-looks.jsonl: the line at byte" in err


def test_damaged_predictions_name_their_file(old: Workspace) -> None:
    view = runs.load(old, NN1).view
    file = view.predictions_file("test1")
    for data in (b"", b"PAR1", file.read_bytes()[:-200], file.read_bytes()[200:]):
        file.write_bytes(data)
        with pytest.raises(BadInput, match=r"test1\.parquet: damaged"):
            view.predictions("test1")
