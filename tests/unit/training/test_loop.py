"""Training, for every registered head: it learns, repeats itself to the bit, and resumes to the bit."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from workbench import heads
from workbench.errors import BadInput
from workbench.features.store import Store, TrainingView
from workbench.heads import HEADS
from workbench.heads.trained import TrainedHead
from workbench.settings import declared
from workbench.training import checkpoint, data, devices, loop, sampling
from workbench.training.checkpoint import Checkpoint
from workbench.training.evaluate import predict
from workbench.training.recorder import Diverged, Silent, Stopped

QUICK = {"epochs": 3, "batch_size": 32, "lr": 0.01, "device": "cpu"}
BY_GRADIENT = [name for name, spec in HEADS.items() if spec.fit is None]


class StopsAt(Silent):
    """Asks to stop once `step` steps are done, and keeps the state; also keeps that of each epoch."""

    def __init__(self, step: int) -> None:
        super().__init__()
        self.at = step
        self.trainer_steps = 0
        self.kept: list[Checkpoint] = []
        self.step_interval = 0.0

    def step(self, row: object) -> None:
        super().step(row)  # type: ignore[arg-type]
        self.stop_requested = len(self.steps) >= self.at

    def epoch(self, row: object, snapshot: Callable[[], Checkpoint]) -> None:
        super().epoch(row, snapshot)  # type: ignore[arg-type]
        self.kept.append(snapshot())

    def stopping(self, snapshot: Callable[[], Checkpoint]) -> None:
        self.kept.append(snapshot())


def view_of(store: Store, fraction: float = 0.1) -> TrainingView:
    return TrainingView(store, fraction, 0)


def trained(
    store: Store, name: str, recorder: Silent | None = None, resume: Checkpoint | None = None, **values: object
) -> TrainedHead:
    # closed-form heads have neither epochs nor a rate
    quick = {key: value for key, value in QUICK.items() if key in declared(HEADS[name].Settings)}
    settings = heads.resolve_settings(name, {**quick, **values})
    return loop.train(view_of(store), HEADS[name], settings, recorder or Silent(), resume)


def weights(head: TrainedHead) -> dict[str, torch.Tensor]:
    return {**head.transform.state_dict(), **head.module.state_dict()}


def same(one: TrainedHead, other: TrainedHead) -> bool:
    a, b = weights(one), weights(other)
    return a.keys() == b.keys() and all(torch.equal(a[key], b[key]) for key in a)


@pytest.mark.parametrize("name", HEADS)
class TestEveryHead:
    def test_learns(self, name: str, store: Store) -> None:
        recorder = Silent()
        head = trained(store, name, recorder)
        assert recorder.epochs[-1].val_accuracy is not None
        assert recorder.epochs[-1].val_accuracy >= 0.9
        test = predict(head, store.splits["test1"].features, store.splits["test1"].labels)
        assert test is not None
        assert test.correct.mean() > 0.8

    def test_repeats_itself_to_the_bit(self, name: str, store: Store) -> None:
        first = trained(store, name)
        torch.manual_seed(999)  # what went before in the process must not matter
        assert same(first, trained(store, name))
        if name in BY_GRADIENT:
            assert not same(first, trained(store, name, seed=1))

    def test_never_sees_a_test_set(self, name: str, store: Store) -> None:
        """Arbitrary test features and labels leave the weights as they are."""
        before = trained(store, name)
        for test in store.tests.values():
            path = store.folder / f"{test.name}.npy"
            poison = np.random.default_rng(0).normal(size=np.load(path).shape).astype(np.float32) * 1e6
            np.save(path, poison)
            (store.folder / f"{test.name}.parquet").write_bytes(b"poison")
        assert same(before, trained(Store.open(store.folder), name))


@pytest.mark.parametrize("name", BY_GRADIENT)
class TestEveryHeadTrainedByGradient:
    @pytest.mark.parametrize("step", [1, 5, 9, 13])
    def test_resumes_to_the_bit(self, name: str, step: int, store: Store, tmp_path: Path) -> None:
        """Stopped in the middle of an epoch or (9 steps an epoch) at its end, and from a file."""
        whole_rows, first, second = Silent(), StopsAt(step), Silent()
        whole = trained(store, name, whole_rows, schedule="plateau")
        with pytest.raises(Stopped):
            trained(store, name, first, schedule="plateau")
        first.kept[-1].write(tmp_path)
        torch.manual_seed(999)
        again = trained(store, name, second, checkpoint.read(tmp_path), schedule="plateau")
        assert same(whole, again)
        told = [*first.epochs, *second.epochs]
        assert [(row.epoch, row.step, row.train_loss, row.val_loss) for row in told] == [
            (row.epoch, row.step, row.train_loss, row.val_loss) for row in whole_rows.epochs
        ]


def test_a_loss_that_is_no_number_stops_training_and_says_where(store: Store) -> None:
    view = view_of(store)
    view.features = np.array(view.features) * np.float32(1e37)
    settings = heads.resolve_settings("linear", {**QUICK, "transform": "none", "lr": "50"})
    recorder = StopsAt(10**9)
    with pytest.raises(Diverged, match=r"not finite at step \d+ \(epoch 1\).*lr=5, or transform=standardise"):
        loop.train(view, HEADS["linear"], settings, recorder)
    assert recorder.kept == []


def test_a_checkpoint_of_other_settings_is_refused(store: Store) -> None:
    recorder = StopsAt(3)
    with pytest.raises(Stopped):
        trained(store, "linear", recorder)
    with pytest.raises(BadInput, match="different settings"):
        trained(store, "linear", None, recorder.kept[-1], lr=0.5)


def test_a_head_is_trained_without_val(store: Store) -> None:
    recorder = Silent()
    settings = heads.resolve_settings("linear", {**QUICK, "schedule": "plateau"})
    loop.train(view_of(store, 0.0), HEADS["linear"], settings, recorder)
    assert recorder.epochs[-1].val_accuracy is None
    assert recorder.epochs[-1].val_loss is None


def test_the_rows_of_an_epoch_are_means_over_train(store: Store) -> None:
    """With a rate too small to change anything, the train figures are those of the start weights."""
    recorder = Silent()
    head = trained(store, "linear", recorder, lr=1e-30, weight_decay=0, epochs=1)
    view = view_of(store)
    found = predict(head, np.asarray(view.features)[view.train_rows], view.labels[view.train_rows])
    assert found is not None
    assert recorder.epochs[0].train_accuracy == pytest.approx(found.correct.mean())
    assert recorder.epochs[0].train_loss == pytest.approx(found.loss.mean(), rel=1e-5)


def test_a_gpu_that_is_not_there_is_bad_input() -> None:
    count = torch.cuda.device_count()
    with pytest.raises(BadInput, match="no GPU" if not count else "the GPUs here are"):
        devices.resolve(f"cuda:{count}")


def test_batch_norm_needs_two_rows(store: Store) -> None:
    with pytest.raises(BadInput, match="head nn2: batch_size = 1: it requires at least 2"):
        trained(store, "nn2", batch_size=1)


@given(rows=st.integers(1, 5000), batch=st.integers(1, 700), least=st.integers(1, 2))
def test_batches_cover_all_rows_once(rows: int, batch: int, least: int) -> None:
    bounds = sampling.bounds(rows, batch, least)
    assert [place for start, end in bounds for place in range(start, end)] == list(range(rows))
    sizes = [end - start for start, end in bounds]
    assert max(sizes) <= batch + least - 1
    if rows >= least <= batch:
        assert min(sizes) >= least


@given(rows=st.integers(2, 3_000_000))
def test_the_batch_size_that_nobody_chose(rows: int) -> None:
    settings = heads.resolve_settings("linear", {})
    size = data.batch_size(settings, HEADS["linear"], rows)
    assert min(8, rows) <= size <= min(512, rows)
    assert rows / size >= 64 or size <= 8
    settings.batch_size = 65_536
    assert data.batch_size(settings, HEADS["linear"], rows) == min(65_536, rows)
