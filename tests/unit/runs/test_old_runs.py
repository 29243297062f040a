"""Runs and a sweep as version 0.1.0 wrote them before records had types: they open, and nothing of them is lost."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from workbench import files, runs
from workbench.cli import runs as cli
from workbench.files import Record
from workbench.runs import looks, metrics, records, sweep
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
STATES = {
    "20261121-185425-nn1-bf75": "finished",
    "20261121-185436-ridge-af9d": "finished",
    "20261121-185453-linear-e7bd": "stopped",
    "20261121-185505-linear-28a1": "failed",
    "20261121-185514-linear-2b35": "finished",
    "20261121-185514-linear-958b": "finished",
    "20261121-185529-nn2-ca8b": "queued",
}
NN1, RIDGE, STOPPED, FAILED = list(STATES)[:4]
SWEEP = "20261121-185514-sweep-linear-057d"
FIRST_SCORES = ("accuracy", "ci", "n", "correct", "top5", "loss")  # all that the very first runs have of a split


@pytest.fixture
def old(make_folder: Callable[..., Path]) -> Workspace:
    """A workspace with those runs."""
    folder = make_folder()
    shutil.copytree(OLD, folder / ".workbench")
    return Workspace.open(folder)


def contained(part: Any, whole: Any) -> bool:
    """Whether all of `part` is in `whole`, which may have more keys; a key that is not there stands for null."""
    if isinstance(part, dict):
        return all(contained(value, whole.get(key)) for key, value in part.items())
    return bool(part == whole)


@pytest.mark.parametrize("file", sorted(OLD.rglob("*.json")), ids=lambda file: f"{file.parent.name}-{file.name}")
def test_every_file_is_read_in_full_and_written_back_the_same(file: Path, tmp_path: Path) -> None:
    own: dict[str, type[Record]] = (
        {"config.json": SweepConfig, "summary.json": SweepSummary} if file.parent.parent.name == "sweeps" else {}
    )
    shared: tuple[type[Record], ...] = (RunConfig, RunState, RunSummary, Marks, Launched)
    kinds = {FILES[kind]: kind for kind in shared} | own
    kind = kinds[file.name]
    raw = json.loads(file.read_text())
    record = records.find(file.parent, kind)
    assert record is not None
    assert record.version == 1
    assert contained(raw, records.plain(record))
    records.write(tmp_path, record)
    assert json.loads((tmp_path / file.name).read_text())["version"] == 1
    assert records.find(tmp_path, kind) == record
    if isinstance(record, RunSummary | SweepSummary):
        assert records.answer(record) == raw


def test_runs_are_listed_as_they_were(old: Workspace) -> None:
    listed = {run.id: run for run in runs.list_runs(old)}
    assert {name: run.state for name, run in listed.items()} == STATES
    nn1, ridge = listed[NN1], listed[RIDGE]
    assert (nn1.starred, nn1.tags, nn1.head, nn1.epoch, nn1.epochs) == (True, ("paper",), "nn1", 3, 3)
    assert nn1.settings["hidden"] == 8
    assert nn1.val_accuracy == pytest.approx(1 / 3)
    assert {name: (scores.correct, scores.n) for name, scores in nn1.tests.items()} == {
        "test1": (9, 30),
        "test2": (5, 20),
    }
    assert nn1.gap is not None
    assert nn1.gap.value == pytest.approx(0.05)
    assert nn1.gap.p == pytest.approx(0.6997, abs=1e-4)
    assert ridge.summary is not None
    assert ridge.summary.chosen["alpha"] == pytest.approx(0.00054, rel=1e-3)
    assert ridge.latest is not None
    assert ridge.latest.setting == "alpha"
    assert "cuda:99" in listed[FAILED].error
    assert listed[FAILED].bad_input
    assert listed[STOPPED].val_accuracy == 0.5
    assert runs.newest_to_look_at(list(runs.list_runs(old))) == "20261121-185514-linear-2b35"
    assert [run.id for run in runs.matching(runs.list_runs(old), "starred head:nn1 hidden=8")] == [NN1]


def test_metrics_are_read_in_full(old: Workspace) -> None:
    for folder in old.runs_dir.iterdir():
        file = folder / "metrics.jsonl"
        raw = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
        lines = metrics.read(folder)
        assert lines.damage == []
        assert lines.end == (file.stat().st_size if file.exists() else 0)
        assert len(lines.rows) == len(raw)
        for row, expected in zip(lines.rows, raw, strict=True):
            values = {key: getattr(row, key) for key in expected}
            assert values == expected
    kinds = [row.kind for row in metrics.read(old.runs_dir / NN1).rows]
    assert (kinds.count("epoch"), kinds.count("test"), kinds.count("step")) == (3, 6, 1)


def test_predictions_and_evaluations_are_read(old: Workspace) -> None:
    frame = runs.load(old, NN1).view.predictions("test1")
    assert int(frame["correct"].sum()) == 9
    assert runs.test_looks(old) == {"test1": 6, "test2": 6}
    assert looks.damage(old) == []


def test_the_sweep_opens(old: Workspace) -> None:
    (found,) = sweep.list_sweeps(old)
    assert (found.id, found.state, found.best) == (SWEEP, "finished", "20261121-185514-linear-2b35")
    assert found.grid == {"lr": [1e-3, 1e-2]}
    assert [run.state for run in found.runs] == ["finished", "finished"]
    assert found.summary is not None
    assert [point.val.accuracy for point in found.summary.runs] == [0.5, pytest.approx(2 / 3)]


def test_a_plugin_reads_config_and_summary_as_before(old: Workspace) -> None:
    view = runs.StoredRun(runs.load(old, NN1).view)
    raw = json.loads((OLD / "runs" / NN1 / "summary.json").read_text())
    assert view.config["settings"]["hidden"] == view.settings["hidden"] == 8
    assert view.summary["tests"]["test1"]["accuracy"] == raw["tests"]["test1"]["accuracy"]
    assert view.tests == ("test1", "test2")
    assert view.temperature == raw["temperature"]["value"]
    with pytest.raises(TypeError):
        view.summary["val"] = {}  # type: ignore[index]


def test_show_prints_what_it_printed(old: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    cli.command(old.root, "show", NN1, json=True)
    answer = json.loads(capsys.readouterr().out)
    folder = OLD / "runs" / NN1
    assert answer["summary"] == json.loads((folder / "summary.json").read_text())
    assert answer["config"] == json.loads((folder / "config.json").read_text())
    assert answer["tests"] == answer["summary"]["tests"]
    cli.command(old.root, "show", SWEEP, json=True)
    summary = OLD / "sweeps" / SWEEP / "summary.json"
    assert json.loads(capsys.readouterr().out) == json.loads(summary.read_text())


def test_a_run_without_the_keys_of_later_versions_opens(old: Workspace) -> None:
    """Runs from before calibration, sweeps and queues have fewer keys."""
    folder = old.runs_dir / NN1
    summary = json.loads((folder / "summary.json").read_text())
    for key in ("temperature", "chosen", "memory_bytes"):
        del summary[key]
    for scores in (summary["train"], summary["val"], *summary["tests"].values()):
        for key in set(scores) - set(FIRST_SCORES):
            del scores[key]
    config = json.loads((folder / "config.json").read_text())
    for key in ("parallel", "sweep"):
        del config[key]
    (folder / "summary.json").write_text(json.dumps(summary))
    (folder / "config.json").write_text(json.dumps(config))
    run = runs.load(old, NN1)
    assert run.state == "finished"
    assert run.sweep == ""
    assert run.summary is not None
    assert records.answer(run.summary)["val"] == summary["val"]
    assert runs.StoredRun(run.view).temperature is None
    cli.command(old.root, "show", NN1)


@pytest.mark.parametrize("kind", [RunConfig, RunState, RunSummary, Marks])
def test_a_run_of_a_newer_workbench_says_so(old: Workspace, kind: type[Record]) -> None:
    file = old.runs_dir / NN1 / FILES[kind]
    file.write_text(json.dumps(json.loads(file.read_text()) | {"version": 2, "head": ["changed"], "epoch": "changed"}))
    run = runs.load(old, NN1)
    assert run.state == "failed"
    assert f"{file.name}: written by a newer workbench (version 2" in run.error
    assert "update the workbench" in run.error
    assert "damaged" not in run.error
    with pytest.raises(files.NewerFile):
        runs.resume(run)
