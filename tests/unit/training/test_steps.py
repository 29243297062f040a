"""Optimiser and schedules against torch's own."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from workbench.errors import BadInput
from workbench.training import schedules
from workbench.training.optimisers import AdamW


def test_adamw_is_torchs() -> None:
    torch.manual_seed(0)
    mine = nn.Sequential(nn.Linear(5, 8), nn.ReLU(), nn.Linear(8, 3))
    theirs = nn.Sequential(nn.Linear(5, 8), nn.ReLU(), nn.Linear(8, 3))
    theirs.load_state_dict(mine.state_dict())
    one = AdamW(mine.parameters(), 0.1)
    other = torch.optim.AdamW(theirs.parameters(), lr=1.0, weight_decay=0.1, fused=True)
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
            assert torch.equal(a, b)
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
    schedule = schedules.make("cosine", 0.3, 40)
    assert [schedule.lr(step) for step in range(40)] == pytest.approx(expected)
    assert schedule.lr(0) == 0.3
    assert schedule.lr(40) == pytest.approx(0.0)


def test_plateau_is_torchs() -> None:
    losses = [1.0, 0.9, 0.95, 0.91, 0.9, 0.89995, 0.8, 0.8, 0.8, 0.8, 0.8, 0.8, 0.8, math.nan, 0.9, 0.1, 0.2]
    optimiser = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=0.3)
    # torch counts the epochs it is patient with, ours the one in which it acts
    theirs = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimiser, factor=schedules.FACTOR, patience=schedules.PATIENCE - 1, threshold=schedules.BETTER
    )
    expected = rates(optimiser, theirs, losses, len(losses))
    schedule = schedules.make("plateau", 0.3, 100)
    found = []
    for loss in losses:
        found.append(schedule.lr(0))
        schedule.epoch_done(loss)
        again = schedules.make("plateau", 0.3, 100)
        again.restore(schedule.state())
        schedule = again
    assert found == pytest.approx(expected)


def test_constant_and_unknown() -> None:
    assert {schedules.make("constant", 0.3, 5).lr(step) for step in range(5)} == {0.3}
    with pytest.raises(BadInput, match="unknown schedule 'cosin', did you mean 'cosine'"):
        schedules.make("cosin", 0.3, 5)
