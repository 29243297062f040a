"""Every option of gradient descent: that it does what it says, and that training resumes to the bit with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from workbench import heads
from workbench.errors import BadInput, Failed
from workbench.features.store import Store, TrainingView
from workbench.heads import HEADS
from workbench.heads.trained import TrainedHead
from workbench.training import checkpoint, devices, learner, loop, loss, sampling, steps
from workbench.training.checkpoint import Checkpoint
from workbench.training.early_stopping import EarlyStopping, Score
from workbench.training.ema import ExponentialMovingAverage
from workbench.training.loss import Augment, Loss, Targets
from workbench.training.recorder import Diverged, Silent, Stopped
from workbench.training.rows import Rows

QUICK = {"epochs": 4, "batch_size": 32, "lr": 0.01, "device": "cpu"}
OPTIONS: dict[str, dict[str, object]] = {
    "sgd": {"optimiser": "sgd", "lr": 0.05, "momentum": 0.8},
    "adam": {"optimiser": "adam", "weight_decay": 0.01},
    "step": {"schedule": "step", "step_epochs": 2, "factor": 0.1},
    "warm-up and plateau": {"schedule": "plateau", "warmup": 1.5, "patience": 1},
    "label smoothing": {"label_smoothing": 0.1},
    "class weights": {"balance": "weights"},
    "balanced sampling": {"balance": "sampling"},
    "mixup": {"mixup": 0.4},
    "feature dropout and noise": {"feature_dropout": 0.2, "noise": 0.3},
    "average": {"ema": 0.9},
    "clipping": {"clip": 0.05},
    "best epoch": {"keep": "accuracy", "early_stopping": 3},
    "average, best epoch": {"ema": 0.99, "keep": "loss"},
    "bf16": {"precision": "bf16"},
    "all at once": {
        "optimiser": "sgd", "warmup": 1, "label_smoothing": 0.1, "balance": "weights", "mixup": 0.2, "noise": 0.1,
        "feature_dropout": 0.1, "ema": 0.95, "clip": 1, "early_stopping": 2, "keep": "loss",
    },
}  # fmt: skip


class StopsAt(Silent):
    """Asks to stop once `step` steps are done, and keeps the state."""

    step_interval = 0.0

    def __init__(self, step: int) -> None:
        super().__init__()
        self.at, self.kept = step, []  # type: ignore[var-annotated]

    def step(self, row: object) -> None:
        super().step(row)  # type: ignore[arg-type]
        self.stop_requested = len(self.steps) >= self.at

    def stopping(self, snapshot: Callable[[], Checkpoint]) -> None:
        self.kept.append(snapshot())


def settings_of(name: str, values: Mapping[str, object]) -> Any:
    return heads.resolve_settings(name, {**QUICK, **values})


def trained(
    store: Store, name: str, values: dict[str, object], recorder: Silent | None = None, resume: Checkpoint | None = None
) -> TrainedHead:
    return loop.train(TrainingView(store, 0.1, 0), HEADS[name], settings_of(name, values), recorder or Silent(), resume)


def same(one: TrainedHead, other: TrainedHead) -> bool:
    a, b = one.module.state_dict(), other.module.state_dict()
    return a.keys() == b.keys() and all(torch.equal(a[key], b[key]) for key in a)


def resumed(store: Store, tmp_path: Path, values: dict[str, object], step: int) -> tuple[TrainedHead, list[Any]]:
    """Stopped after `step` steps, written to a file, gone on from it."""
    first, second = StopsAt(step), Silent()
    with pytest.raises(Stopped):
        trained(store, "nn2", values, first)
    first.kept[-1].write(tmp_path)
    torch.manual_seed(999)  # what went before in the process must not matter
    again = trained(store, "nn2", values, second, checkpoint.read(tmp_path))
    return again, [*first.epochs, *second.epochs]


def figures(rows: list[Any]) -> list[tuple[object, ...]]:
    return [(row.epoch, row.step, row.train_loss, row.val_loss, row.lr) for row in rows]


@pytest.mark.parametrize("name", OPTIONS)
class TestEveryOption:
    @pytest.mark.parametrize("step", [4, 9, 22])
    def test_resumes_to_the_bit(self, name: str, step: int, store: Store, tmp_path: Path) -> None:
        """In the middle of an epoch and (9 steps an epoch) at its end."""
        recorder = Silent()
        whole = trained(store, "nn2", OPTIONS[name], recorder)
        again, told = resumed(store, tmp_path, OPTIONS[name], step)
        assert same(whole, again)
        assert figures(told) == figures(recorder.epochs)

    def test_still_learns(self, name: str, store: Store) -> None:
        recorder = Silent()
        trained(store, "linear", {**OPTIONS[name], "epochs": 10}, recorder)
        assert max(row.val_accuracy or 0 for row in recorder.epochs) >= 0.85

    def test_changes_the_weights(self, name: str, store: Store) -> None:
        values = {key: value for key, value in OPTIONS[name].items() if key != "keep"}
        head, plain = trained(store, "linear", values), trained(store, "linear", {})
        if name != "class weights":  # the classes are of equal size here
            assert same(head, plain) == (values == {"early_stopping": 3})


@pytest.mark.parametrize("step", [4, 9, 22])
def test_streamed_training_resumes_to_the_bit(
    step: int, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(devices, "fits", lambda size, device: False)
    monkeypatch.setattr(devices, "buffer_batches", lambda row_bytes, batch, device: 2)
    monkeypatch.setattr(sampling, "BLOCK", 4)
    recorder = Silent()
    whole = trained(store, "nn2", {}, recorder)
    assert recorder.plan is not None
    assert not recorder.plan.resident
    again, told = resumed(store, tmp_path, {}, step)
    assert same(whole, again)
    assert figures(told) == figures(recorder.epochs)
    # as much memory as it takes, when it goes on: the rows still come in the order of the stopped training
    first = StopsAt(step)
    with pytest.raises(Stopped):
        trained(store, "nn2", {}, first)
    monkeypatch.setattr(devices, "fits", lambda size, device: True)
    assert same(whole, trained(store, "nn2", {}, None, first.kept[-1]))


@pytest.mark.parametrize(("rows", "batch", "batches", "block"), [(1000, 32, 3, 8), (257, 64, 1, 32), (30, 50, 2, 7)])
def test_a_streamed_epoch_gives_every_row_once_and_mixes_them(rows: int, batch: int, batches: int, block: int) -> None:
    rng = np.random.default_rng(0)
    features = rng.normal(size=(2 * rows, 3)).astype(np.float16)
    labels = np.arange(2 * rows)
    picked = np.sort(rng.permutation(2 * rows)[:rows])
    streamed = Rows(features, labels, picked, torch.device("cpu"), resident=False)
    edges = sampling.bounds(rows, batch, 2)
    cut = sampling.Pieces(block, batches)
    seen = []
    for epoch in range(2):
        order = torch.from_numpy(sampling.by_pieces(cut, edges, 7, epoch))
        found = list(streamed.batches(order, edges, 0, cut))
        assert [len(y) for _, y in found] == [end - start for start, end in edges]
        y = torch.cat([y for _, y in found]).numpy()
        np.testing.assert_array_equal(torch.cat([x for x, _ in found]).numpy(), features[y].astype(np.float32))
        assert sorted(y) == picked.tolist()
        seen.append(y)
        rest = list(streamed.batches(order, edges, 1, cut))
        assert all(torch.equal(a[1], b[1]) for a, b in zip(rest, found[1:], strict=True))
    first, second = seen
    assert not np.array_equal(first, second)
    if rows == 1000:  # the first batch comes from all over the set
        assert np.ptp(np.searchsorted(picked, seen[0][:batch])) > rows / 2


def test_a_reader_that_fails_is_heard(store: Store) -> None:
    streamed = Rows(np.zeros((4, 2), np.float32), np.zeros(4, int), np.arange(4), torch.device("cpu"), resident=False)
    streamed._rows = np.array([0, 1, 2, "x"], object)
    with pytest.raises((TypeError, ValueError)):
        list(streamed.batches(torch.arange(4), [(0, 4)], 0, sampling.Pieces(1, 1)))


def test_balanced_sampling_draws_every_class_equally_often() -> None:
    labels = torch.tensor([0] * 900 + [2] * 90 + [3] * 10)
    drawn = sampling.Balanced(labels).draw(6000, 0, 0)
    counts = torch.bincount(labels[drawn], minlength=4)
    assert counts[1] == 0
    assert (counts[[0, 2, 3]] - 2000).abs().max() < 150
    assert not torch.equal(drawn, sampling.Balanced(labels).draw(6000, 0, 1))


def test_class_weights_are_scikit_learns() -> None:
    from sklearn.utils.class_weight import compute_class_weight

    labels = np.repeat([0, 1, 3], [50, 20, 5])
    made = loss.create(settings_of("linear", {"balance": "weights"}), torch.from_numpy(labels), 4)
    assert made.weight is not None
    expected = compute_class_weight("balanced", classes=np.array([0, 1, 3]), y=labels)
    assert made.weight[[0, 1, 3]].tolist() == pytest.approx(expected.tolist())
    assert made.weight[2] == 0


@pytest.mark.parametrize("weight", [None, torch.tensor([0.5, 1.0, 3.0])])
@pytest.mark.parametrize("mixed", [False, True])
def test_parts_of_a_batch_add_up_to_its_loss(weight: torch.Tensor | None, mixed: bool) -> None:
    torch.manual_seed(0)
    logits, y, other = torch.randn(10, 3), torch.randint(0, 3, (10,)), torch.randint(0, 3, (10,))
    targets = Targets(y, other, 0.3) if mixed else Targets(y)
    made = Loss(0.1, weight)
    parts = sum(made(logits[a:b], targets.part(a, b), targets)[0] for a, b in ((0, 4), (4, 5), (5, 10)))
    torch.testing.assert_close(parts, made(logits, targets)[0])
    assert torch.equal(made(logits, targets)[1], logits.argmax(1))
    expected = nn.functional.cross_entropy(logits, y, weight=weight, label_smoothing=0.1)
    if mixed:
        expected = 0.3 * expected + 0.7 * nn.functional.cross_entropy(logits, other, weight=weight, label_smoothing=0.1)
    torch.testing.assert_close(made(logits, targets)[0], expected)


@pytest.mark.parametrize("scale", [1.0, 1e3])
def test_plain_cross_entropy_and_its_gradient_are_torchs(scale: float) -> None:
    """Also where probabilities are 0 to the last bit."""
    torch.manual_seed(0)
    mine = (torch.randn(20, 7) * scale).requires_grad_()
    theirs = mine.detach().clone().requires_grad_()
    y = torch.randint(0, 7, (20,))
    found, predicted = Loss(0.0, None)(mine * 1.0, Targets(y))
    expected = nn.functional.cross_entropy(theirs, y)
    torch.testing.assert_close(found, expected)
    assert torch.equal(predicted, theirs.argmax(1))
    (3 * found).backward()
    (3 * expected).backward()
    torch.testing.assert_close(mine.grad, theirs.grad)


def test_mixup_mixes_samples_and_labels_alike() -> None:
    torch.manual_seed(0)
    y = torch.arange(6)
    x = torch.eye(6)[y]
    mixed, targets = Augment(settings_of("linear", {"mixup": 0.5}))(x, y)
    assert targets.other is not None
    expected = targets.share * torch.eye(6)[targets.y] + (1 - targets.share) * torch.eye(6)[targets.other]
    torch.testing.assert_close(mixed, expected)
    assert torch.equal(x, torch.eye(6))


def test_the_average_of_weights_is_what_is_evaluated_and_kept() -> None:
    parameter = torch.zeros(2)
    average = ExponentialMovingAverage([parameter], 0.5)
    mean = torch.zeros(2)
    for step in range(1, 8):
        parameter += 1.0
        average.update()
        decay = min(0.5, (1 + step) / (10 + step))
        mean = decay * mean + (1 - decay) * step
    with average.in_place():
        torch.testing.assert_close(parameter, mean)
    assert parameter.tolist() == [7.0, 7.0]
    average.settle()
    torch.testing.assert_close(parameter, mean)


def test_clipping_is_torchs() -> None:
    torch.manual_seed(0)
    for longest in (0.5, 100.0):
        mine = [torch.randn(3, 4), torch.randn(5)]
        theirs = [nn.Parameter(torch.zeros_like(grad)) for grad in mine]
        for parameter, grad in zip(theirs, mine, strict=True):
            parameter.grad = grad.clone()
        expected = nn.utils.clip_grad_norm_(theirs, longest)
        assert float(learner.clip_(mine, longest)) == pytest.approx(float(expected))
        for parameter, grad in zip(theirs, mine, strict=True):
            torch.testing.assert_close(parameter.grad, grad)


def test_the_best_epoch_is_chosen_on_val_and_stopping_waits() -> None:
    early_stopping = EarlyStopping("accuracy", 2)
    scores = [Score(1.0, 0.5), Score(0.9, 0.5), Score(0.8, 0.4), Score(0.95, 0.5)]
    assert [early_stopping.epoch_done(score) for score in scores] == [True, True, False, False]
    assert (early_stopping.best_epoch, early_stopping.stop) == (2, True)
    other = EarlyStopping("loss", None)
    assert [other.epoch_done(score) for score in scores] == [True, True, True, False]
    assert not other.stop
    assert EarlyStopping("accuracy", 1).epoch_done(Score(0.3, None))


def test_the_kept_head_is_that_of_the_best_epoch(store: Store) -> None:
    recorder = Silent()
    values: dict[str, object] = {"lr": 3.0, "schedule": "constant", "optimiser": "sgd", "epochs": 8}
    head = trained(store, "nn1", {**values, "keep": "loss"}, recorder)
    losses = [row.val_loss or 0.0 for row in recorder.epochs]
    best = int(np.argmin(losses)) + 1
    assert best < 8, "choose another rate: the last epoch is the best"
    assert head.chosen == {"kept_epoch": best}
    view = TrainingView(store, 0.1, 0)
    x = torch.from_numpy(np.asarray(view.features)[view.val_rows])
    y = torch.from_numpy(view.labels[view.val_rows])
    assert float(nn.functional.cross_entropy(head.logits(x), y)) == pytest.approx(min(losses), rel=1e-5)


def test_early_stopping_ends_training(store: Store) -> None:
    recorder = Silent()
    head = trained(store, "linear", {"epochs": 500, "early_stopping": 2, "lr": 0.1}, recorder)
    assert len(recorder.epochs) < 500
    assert head.chosen["stopped_after_epoch"] == len(recorder.epochs)
    losses = [row.val_loss for row in recorder.epochs if row.val_loss is not None]
    assert losses.index(min(losses)) == len(losses) - 3


def test_out_of_memory_halves_the_rows_at_a_time_and_says_so(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """The gradients of parts added up are those of the batch, but for rounding."""
    plain = trained(store, "linear", {})
    real, calls = steps.Stepper._backward, []

    def backward(self: Any, x: torch.Tensor, *rest: Any) -> Any:
        calls.append(len(x))
        if len(x) > 10:
            raise torch.OutOfMemoryError("CUDA out of memory (made up)")
        return real(self, x, *rest)

    monkeypatch.setattr(steps.Stepper, "_backward", backward)
    recorder = Silent()
    head = trained(store, "linear", {}, recorder)
    assert calls[:6] == [32, 16, 8, 8, 8, 8]
    assert recorder.notes == [
        "out of memory with 32 rows at a time; continuing with 16, accumulating gradients",
        "out of memory with 16 rows at a time; continuing with 8, accumulating gradients",
    ]
    for key, value in plain.module.state_dict().items():
        torch.testing.assert_close(head.module.state_dict()[key], value, rtol=1e-3, atol=1e-4)


def test_out_of_memory_with_a_single_row_is_told_with_the_sizes(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def backward(*args: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory (made up)")

    monkeypatch.setattr(steps.Stepper, "_backward", backward)
    with pytest.raises(Failed, match=r"out of memory on CPU.* with 2 row\(s\) of 8 features per step"):
        trained(store, "nn2", {})


def test_features_that_no_longer_fit_are_streamed(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    real = Rows.__init__

    def made(self: Rows, *args: Any, resident: bool) -> None:
        if resident:
            raise torch.OutOfMemoryError("CUDA out of memory (made up)")
        real(self, *args, resident=resident)

    monkeypatch.setattr(Rows, "__init__", made)
    recorder = Silent()
    trained(store, "linear", {}, recorder)
    assert recorder.plan is not None
    assert not recorder.plan.resident


def test_weights_that_are_no_numbers_are_noticed_before_they_are_kept(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A step whose loss was fine may leave weights that are not."""
    real = loop.Trainer._end_epoch

    def end(self: loop.Trainer) -> None:
        with torch.no_grad():
            next(self.members[0].module.parameters())[0] = torch.nan
        real(self)

    monkeypatch.setattr(loop.Trainer, "_end_epoch", end)
    with pytest.raises(Diverged, match=r"the weights were not finite at step 9 \(epoch 1\).*lr=0.001"):
        trained(store, "linear", {})


def test_memory_is_told_before_starting(store: Store) -> None:
    recorder = Silent()
    trained(store, "linear", {"epochs": 1}, recorder)
    assert recorder.plan is not None
    assert 300 * 8 * 4 < recorder.plan.memory_bytes < recorder.plan.free_bytes
    assert (recorder.epochs[0].memory or 0) > 0


def test_settings_that_make_no_sense_are_refused() -> None:
    for key, value in (("optimiser", "adamax"), ("mixup", -1), ("ema", 1), ("clip", 0), ("precision", "fp16")):
        with pytest.raises(BadInput, match=f"{key} = "):
            heads.resolve_settings("linear", {key: value})
    assert heads.resolve_settings("linear", {"clip": "none"}).clip is None
