"""Closed-form heads as runs see them: what they tell, how they stop, and how they go on."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
import torch

from workbench import heads, runs
from workbench.errors import BadInput
from workbench.features.store import Store, TrainingView
from workbench.heads import HEADS, trained
from workbench.heads.trained import TrainedHead
from workbench.runs.metrics import EpochMetrics
from workbench.training import checkpoint, devices, loop
from workbench.training.checkpoint import Checkpoint
from workbench.training.recorder import CandidateRow, Silent, Stopped
from workbench.workspace import Workspace

CLOSED = [name for name, spec in HEADS.items() if spec.fit is not None]


class StopsAfter(Silent):
    """Asks to stop when `candidates` are done and, after that, `iterations` more were told."""

    def __init__(self, candidates: int, iterations: int = 0) -> None:
        super().__init__()
        self.candidates, self.iterations, self.seen = candidates, iterations, 0
        self.kept: Checkpoint | None = None
        self.step_interval = 0.0
        self._look()

    def _look(self) -> None:
        self.stop_requested = len(self.epochs) >= self.candidates and self.seen >= self.iterations

    def step(self, row: object) -> None:
        self.seen += len(self.epochs) >= self.candidates
        self._look()

    def epoch(self, row: object, snapshot: Callable[[], Checkpoint]) -> None:
        super().epoch(row, snapshot)  # type: ignore[arg-type]
        self._look()

    def stopping(self, snapshot: Callable[[], Checkpoint]) -> None:
        self.kept = snapshot()


def fit(
    store: Store, name: str, recorder: Silent | None = None, resume: Checkpoint | None = None, **values: object
) -> TrainedHead:
    settings = heads.resolve_settings(name, {"device": "cpu", **values})
    return loop.train(TrainingView(store, 0.2, 0), HEADS[name], settings, recorder or Silent(), resume)


def same(one: TrainedHead, other: TrainedHead) -> bool:
    a, b = one.module.state_dict(), other.module.state_dict()
    return a.keys() == b.keys() and all(torch.equal(a[key], b[key]) for key in a)


@pytest.mark.parametrize("name", CLOSED)
def test_every_candidate_is_told_like_an_epoch(name: str, store: Store) -> None:
    recorder = Silent()
    head = fit(store, name, recorder)
    rows = cast(list[CandidateRow], recorder.epochs)
    assert recorder.plan is not None
    assert [row.epoch for row in rows] == list(range(1, len(rows) + 1))
    assert len(rows) <= recorder.plan.epochs == HEADS[name].rounds(heads.resolve_settings(name, {}))
    assert len({(row.setting, row.value) for row in rows}) == len(rows)
    setting = rows[0].setting
    if setting in head.chosen:
        assert head.chosen[setting] in [row.value for row in rows]
        best = max(rows, key=lambda row: (row.val_accuracy or 0.0, -(row.val_loss or 0.0)))
        assert head.chosen[setting] == best.value


@pytest.mark.parametrize("name", CLOSED)
def test_asked_to_stop_it_stops_and_goes_on_to_the_same_head(name: str, store: Store, tmp_path: Path) -> None:
    whole = fit(store, name)
    for index, recorder in enumerate((StopsAfter(0), StopsAfter(1))):
        with pytest.raises(Stopped):
            fit(store, name, recorder)
        assert recorder.kept is not None
        (tmp_path / str(index)).mkdir()
        recorder.kept.write(tmp_path / str(index))
        again = fit(store, name, None, checkpoint.read(tmp_path / str(index)))
        assert same(whole, again)
        assert whole.chosen == again.chosen


def test_a_path_stopped_anywhere_goes_on_to_the_same_bits(store: Store, tmp_path: Path) -> None:
    rows = Silent()
    whole = fit(store, "logistic", rows)
    for candidates, iterations in ((1, 0), (2, 1), (len(rows.epochs) - 1, 2)):
        first, second = StopsAfter(candidates, iterations), Silent()
        with pytest.raises(Stopped):
            fit(store, "logistic", first)
        assert first.kept is not None
        first.kept.write(tmp_path)
        again = fit(store, "logistic", second, checkpoint.read(tmp_path))
        assert same(whole, again)
        assert whole.chosen == again.chosen
        told = [(row.epoch, row.step, row.train_loss) for row in [*first.epochs, *second.epochs]]
        assert told == [(row.epoch, row.step, row.train_loss) for row in rows.epochs]


@pytest.mark.parametrize("name", CLOSED)
@pytest.mark.parametrize("transform", ["standardise", "whiten"])
def test_rows_that_do_not_fit_give_the_same_head(
    name: str, transform: str, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    values: dict[str, Any] = {"transform": transform, "components": 5}
    resident = fit(store, name, **values)
    monkeypatch.setattr(devices, "fits", lambda size, device: False)
    streamed = fit(store, name, **values)
    x = torch.from_numpy(store.train.features[:50].copy())
    torch.testing.assert_close(resident.logits(x), streamed.logits(x), rtol=1e-4, atol=1e-4)


def test_knn_can_refer_to_the_store(workspace: Workspace, store: Store) -> None:
    """The file of the head then holds rows, not features, and says so when the store is gone."""
    folder = workspace.runs_dir / "some-run"
    folder.mkdir(parents=True)
    heads_made = {keep: fit(store, "knn", keep=keep, transform="standardise+l2") for keep in ("copy", "reference")}
    for keep, head in heads_made.items():
        head.save(folder / f"{keep}.safetensors")
    x = torch.from_numpy(store.splits["test1"].features.copy())
    expected = heads_made["copy"].logits(x)
    for keep in heads_made:
        torch.testing.assert_close(trained.load(folder / f"{keep}.safetensors").logits(x), expected)
    assert heads_made["copy"].chosen["features"] == "copied"
    assert not len(cast(Any, heads_made["reference"].module).copied)
    store.folder.rename(store.folder.with_name("elsewhere"))
    assert trained.load(folder / "copy.safetensors")
    with pytest.raises(BadInput, match="its train features are in the store"):
        trained.load(folder / "reference.safetensors")


@pytest.mark.parametrize("name", CLOSED)
def test_as_a_run(name: str, workspace: Workspace, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    run = runs.start_sync(runs.create(workspace, store, name, {"device": "cpu"}))
    deadline = time.monotonic() + 60
    while run.active and time.monotonic() < deadline:
        time.sleep(0.05)
        run = runs.read(run.folder)
    assert run.state == "finished", runs.read_log(run.folder)
    assert run.summary is not None
    assert run.summary.chosen
    assert (run.tests["test1"].accuracy or 0.0) > 0.8
    rows, _ = runs.read_metrics(run.folder)
    assert {row.kind for row in rows} >= {"epoch"}
    assert all(row.setting for row in rows if isinstance(row, EpochMetrics))
    again = trained.load(run.view.head_file)
    split = store.splits["test1"]
    predicted = again.logits(torch.from_numpy(split.features.copy())).argmax(1)
    assert predicted.tolist() == run.view.predictions("test1")["predicted"].to_list()
