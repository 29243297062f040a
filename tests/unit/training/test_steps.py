"""Optimiser and schedules against torch's own."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from workbench.errors import BadInput
from workbench.training import optimisers, schedules

TORCHS = {"adamw": torch.optim.AdamW, "adam": torch.optim.Adam, "sgd": torch.optim.SGD}


@pytest.mark.parametrize("momentum", [0.9, 0.0])
@pytest.mark.parametrize("name", optimisers.OPTIMISERS)
def test_optimisers_are_torchs(name: str, momentum: float) -> None:
    torch.manual_seed(0)
    mine = nn.Sequential(nn.Linear(5, 8), nn.ReLU(), nn.Linear(8, 3))
    theirs = nn.Sequential(nn.Linear(5, 8), nn.ReLU(), nn.Linear(8, 3))
    theirs.load_state_dict(mine.state_dict())
    one = optimisers.make(name, mine.parameters(), 0.1, momentum=momentum)
    options = {"momentum": momentum} if name == "sgd" else {}
    other = TORCHS[name](theirs.parameters(), lr=1.0, weight_decay=0.1, fused=True, **options)  # type: ignore[operator]
    for step in range(20):
        lr = 0.01 / (step + 1)
        x, y = torch.randn(16, 5), torch.randint(0, 3, (16,))
        nn.functional.cross_entropy(mine(x), y).backward()
        nn.functional.cross_entropy(theirs(x), y).backward()
        one.step(lr)
        other.param_groups[0]["lr"] = lr
        other.step()
        other.zero_grad()
        for a, b in zip(mine.parameters(), theirs.parameters(), strict=True):
            torch.testing.assert_close(a, b, rtol=1e-6, atol=1e-8)
            assert a.grad is None


def rates(optimiser: torch.optim.Optimizer, scheduler: object, losses: list[float] | None, steps: int) -> list[float]:
    found = []
    for step in range(steps):
        found.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        scheduler.step(*([] if losses is None else [losses[step]]))  # type: ignore[attr-defined]
    return found


def test_cosine_is_torchs() -> None:
    optimiser = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=0.3)
    expected = rates(optimiser, torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, 40), None, 40)
    schedule = schedules.make("cosine", 0.3, 10, 4)
    assert [schedule.lr(step) for step in range(40)] == pytest.approx(expected)
    assert schedule.lr(0) == 0.3
    assert schedule.lr(40) == pytest.approx(0.0)


def test_plateau_is_torchs() -> None:
    losses = [1.0, 0.9, 0.95, 0.91, 0.9, 0.89995, 0.8, 0.8, 0.8, 0.8, 0.8, 0.8, 0.8, math.nan, 0.9, 0.1, 0.2]
    optimiser = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=0.3)
    # torch counts the epochs it is patient with, ours the one in which it acts
    theirs = torch.optim.lr_scheduler.ReduceLROnPlateau(optimiser, factor=0.4, patience=2, threshold=schedules.BETTER)
    expected = rates(optimiser, theirs, losses, len(losses))
    schedule = schedules.make("plateau", 0.3, 100, 1, factor=0.4, patience=3)
    found = []
    for loss in losses:
        found.append(schedule.lr(0))
        schedule.epoch_done(loss)
        again = schedules.make("plateau", 0.3, 100, 1, factor=0.4, patience=3)
        again.restore(schedule.state())
        schedule = again
    assert found == pytest.approx(expected)


def test_step_is_torchs() -> None:
    optimiser = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=0.3)
    expected = rates(optimiser, torch.optim.lr_scheduler.StepLR(optimiser, step_size=12, gamma=0.1), None, 40)
    schedule = schedules.make("step", 0.3, 10, 4, factor=0.1, step_epochs=3)
    assert [schedule.lr(step) for step in range(40)] == pytest.approx(expected)


@given(
    name=st.sampled_from(list(schedules.SCHEDULES)),
    warmup=st.floats(0, 12),
    epochs=st.integers(1, 10),
    per_epoch=st.integers(1, 7),
)
def test_warm_up_rises_to_the_rate_and_the_rest_follows(name: str, warmup: float, epochs: int, per_epoch: int) -> None:
    schedule = schedules.make(name, 0.2, epochs, per_epoch, warmup=warmup)
    found = [schedule.lr(step) for step in range(epochs * per_epoch)]
    rising = min(round(warmup * per_epoch), epochs * per_epoch)
    assert found[:rising] == pytest.approx([0.2 * (step + 1) / rising for step in range(rising)])
    assert max(found) <= 0.2 + 1e-12
    plain = schedules.make(name, 0.2, 1, max(epochs * per_epoch - rising, 1))
    if name in ("constant", "cosine", "plateau"):
        assert found[rising:] == pytest.approx([plain.lr(step) for step in range(len(found) - rising)])


def test_constant_and_unknown() -> None:
    assert {schedules.make("constant", 0.3, 5, 1).lr(step) for step in range(5)} == {0.3}
    with pytest.raises(BadInput, match="unknown schedule 'cosin', did you mean 'cosine'"):
        schedules.make("cosin", 0.3, 5, 1)
