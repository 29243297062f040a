"""Linear heads trained together are what each is when it is trained alone."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.unit.training.test_options import StopsAt, settings_of
from workbench.errors import BadInput
from workbench.features.store import Store, TrainingView
from workbench.heads import HEADS
from workbench.heads.trained import TrainedHead
from workbench.training import batched, checkpoint, loop
from workbench.training.recorder import Diverged, Silent, Stopped

GRID = [{"lr": lr, "weight_decay": decay} for lr, decay in product((1e-3, 1e-2, 1e-1), (0.0, 1e-2))]
VARIANTS: dict[str, dict[str, object]] = {
    "plain": {},
    "sgd, plateau": {"optimiser": "sgd", "schedule": "plateau", "patience": 1, "warmup": 1},
    "data options": {"mixup": 0.3, "noise": 0.1, "feature_dropout": 0.1, "label_smoothing": 0.1, "balance": "weights"},
    "weights options": {"ema": 0.9, "clip": 0.1, "keep": "loss"},
    "early stopping": {"early_stopping": 1, "epochs": 12, "schedule": "constant"},
}


def close(one: TrainedHead, other: TrainedHead) -> None:
    for key, value in one.module.state_dict().items():
        torch.testing.assert_close(other.module.state_dict()[key], value, rtol=1e-5, atol=1e-5)
    assert one.chosen == other.chosen
    assert one.settings == other.settings


@pytest.mark.parametrize("name", VARIANTS)
def test_each_head_is_what_it_is_alone(name: str, store: Store) -> None:
    view = TrainingView(store, 0.1, 0)
    settings = [settings_of("linear", {**VARIANTS[name], **point}) for point in GRID]
    told = [Silent() for _ in settings]
    found = batched.train(view, HEADS["linear"], settings, told)
    for one, head, rows in zip(settings, found, told, strict=True):
        alone = Silent()
        assert isinstance(head, TrainedHead)
        close(loop.train(view, HEADS["linear"], one, alone), head)
        for row, expected in zip(rows.epochs, alone.epochs, strict=True):
            assert (row.epoch, row.step, row.lr) == (expected.epoch, expected.step, expected.lr)
            assert (row.val_loss, row.train_loss) == pytest.approx((expected.val_loss, expected.train_loss), rel=1e-4)


def test_stopped_together_each_goes_on_alone_or_together(store: Store, tmp_path: Path) -> None:
    view = TrainingView(store, 0.1, 0)
    settings = [settings_of("linear", {**point, "ema": 0.9, "keep": "loss"}) for point in GRID[:3]]
    whole = batched.train(view, HEADS["linear"], settings, [Silent() for _ in settings])
    recorders = [StopsAt(13) for _ in settings]
    with pytest.raises(Stopped):
        batched.train(view, HEADS["linear"], settings, recorders)
    kept = [recorder.kept[-1] for recorder in recorders]
    kept[0].write(tmp_path)
    assert batched.same_step(kept)
    assert not batched.same_step([*kept, None])
    again = batched.train(view, HEADS["linear"], settings, [Silent() for _ in settings], kept)
    for one, other in zip(whole, again, strict=True):
        assert isinstance(one, TrainedHead)
        assert isinstance(other, TrainedHead)
        assert all(torch.equal(one.module.state_dict()[k], other.module.state_dict()[k]) for k in ("weight", "bias"))
    assert isinstance(whole[0], TrainedHead)
    close(whole[0], loop.train(view, HEADS["linear"], settings[0], Silent(), checkpoint.read(tmp_path)))


def test_a_head_that_diverges_leaves_the_others_alone(store: Store) -> None:
    view: Any = TrainingView(store, 0.1, 0)
    view.features = np.array(view.features) * np.float32(1e18)
    settings = [settings_of("linear", {"transform": "none", "optimiser": "sgd", "lr": lr}) for lr in (1e-30, 50)]
    told = [Silent(), Silent()]
    good, bad = batched.train(view, HEADS["linear"], settings, told)
    assert isinstance(bad, Diverged)
    assert "try a lower learning rate than 50" in str(bad)
    assert isinstance(good, TrainedHead)
    assert len(told[0].epochs) == 4
    assert told[1].epochs == []
    close(loop.train(view, HEADS["linear"], settings[0], Silent()), good)


def test_only_linear_heads_on_the_same_batches_go_together(store: Store) -> None:
    view = TrainingView(store, 0.1, 0)
    for name, values in (("nn1", [{}, {}]), ("linear", [{"seed": 0}, {"seed": 1}]), ("linear", [{}, {"mixup": 0.1}])):
        settings = [settings_of(name, one) for one in values]
        assert not batched.possible(HEADS[name], settings)
        with pytest.raises(BadInput, match="trained together"):
            batched.train(view, HEADS[name], settings, [Silent(), Silent()])
