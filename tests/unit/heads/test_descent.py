"""Every registered optimiser and schedule, against torch's own."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from workbench.errors import BadInput
from workbench.heads import resolve_settings
from workbench.heads.descent import optimisers, schedules
from workbench.settings import declared
from workbench.training import memory

TORCHS = {"adamw": torch.optim.AdamW, "adam": torch.optim.Adam, "sgd": torch.optim.SGD}


@pytest.mark.parametrize("momentum", [0.9, 0.0])
@pytest.mark.parametrize("name", optimisers.OPTIMISERS)
def test_optimisers_are_torchs(name: str, momentum: float) -> None:
    torch.manual_seed(0)
    mine = nn.Sequential(nn.Linear(5, 8), nn.ReLU(), nn.Linear(8, 3))
    theirs = nn.Sequential(nn.Linear(5, 8), nn.ReLU(), nn.Linear(8, 3))
    theirs.load_state_dict(mine.state_dict())
    settings = resolve_settings("linear", {"optimiser": name, "weight_decay": 0.1, "momentum": momentum})
    one = optimisers.create(settings, mine.parameters())
    options = {"momentum": momentum} if name == "sgd" else {}
    other = TORCHS[name](theirs.parameters(), lr=1.0, weight_decay=0.1, fused=True, **options)
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


@pytest.mark.parametrize("name", optimisers.OPTIMISERS)
def test_the_estimate_of_memory_counts_the_state_there_is(name: str) -> None:
    settings = resolve_settings("linear", {"optimiser": name, "ema": 0.9, "keep": "loss"})
    weight = torch.zeros(7, 5)
    state = optimisers.create(settings, [weight]).tensors().values()
    assert memory.copies(settings) == 4 + sum(tensor.shape == weight.shape for tensor in state)


def test_choices_and_help_come_from_the_registries() -> None:
    settings = declared(type(resolve_settings("linear", {})))
    for key, registry in (("optimiser", optimisers.OPTIMISERS), ("schedule", schedules.SCHEDULES)):
        assert settings[key].choices == tuple(registry)
        for name, entry in registry.items():
            assert f"{name}: {entry.help}" in settings[key].help


def schedule_of(name: str, steps_per_epoch: int, **values: object) -> schedules.Schedule:
    return schedules.create(resolve_settings("linear", {"schedule": name, "lr": 0.3, **values}), steps_per_epoch)


def rates(optimiser: torch.optim.Optimizer, scheduler: object, losses: list[float] | None, steps: int) -> list[float]:
    out = []
    for step in range(steps):
        out.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        scheduler.step(*([] if losses is None else [losses[step]]))  # type: ignore[attr-defined]
    return out


def test_cosine_is_torchs() -> None:
    optimiser = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=0.3)
    expected = rates(optimiser, torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, 40), None, 40)
    schedule = schedule_of("cosine", 4, epochs=10)
    assert [schedule.lr(step) for step in range(40)] == pytest.approx(expected)
    assert schedule.lr(0) == 0.3
    assert schedule.lr(40) == pytest.approx(0.0)


def test_plateau_is_torchs() -> None:
    losses = [1.0, 0.9, 0.95, 0.91, 0.9, 0.89995, 0.8, 0.8, 0.8, 0.8, 0.8, 0.8, 0.8, math.nan, 0.9, 0.1, 0.2]
    optimiser = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=0.3)
    # torch counts the epochs it is patient with, ours the one in which it acts
    theirs = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimiser, factor=0.4, patience=2, threshold=schedules.THRESHOLD
    )
    expected = rates(optimiser, theirs, losses, len(losses))
    schedule = schedule_of("plateau", 1, epochs=100, factor=0.4, patience=3)
    lrs = []
    for loss in losses:
        lrs.append(schedule.lr(0))
        schedule.epoch_done(loss)
        again = schedule_of("plateau", 1, epochs=100, factor=0.4, patience=3)
        again.restore(schedule.state())
        schedule = again
    assert lrs == pytest.approx(expected)


def test_step_is_torchs() -> None:
    optimiser = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=0.3)
    expected = rates(optimiser, torch.optim.lr_scheduler.StepLR(optimiser, step_size=12, gamma=0.1), None, 40)
    schedule = schedule_of("step", 4, epochs=10, factor=0.1, step_epochs=3)
    assert [schedule.lr(step) for step in range(40)] == pytest.approx(expected)


@given(
    name=st.sampled_from(list(schedules.SCHEDULES)),
    warmup=st.floats(0, 12),
    epochs=st.integers(1, 10),
    per_epoch=st.integers(1, 7),
)
def test_warm_up_rises_to_the_rate_and_the_rest_follows(name: str, warmup: float, epochs: int, per_epoch: int) -> None:
    schedule = schedule_of(name, per_epoch, lr=0.2, epochs=epochs, warmup=warmup)
    lrs = [schedule.lr(step) for step in range(epochs * per_epoch)]
    rising = min(round(warmup * per_epoch), epochs * per_epoch)
    assert lrs[:rising] == pytest.approx([0.2 * (step + 1) / rising for step in range(rising)])
    assert max(lrs) <= 0.2 + 1e-12
    plain = schedule_of(name, max(epochs * per_epoch - rising, 1), lr=0.2, epochs=1)
    if name in ("constant", "cosine", "plateau"):
        assert lrs[rising:] == pytest.approx([plain.lr(step) for step in range(len(lrs) - rising)])


def test_constant_and_unknown() -> None:
    assert {schedule_of("constant", 1, epochs=5).lr(step) for step in range(5)} == {0.3}
    settings = resolve_settings("linear", {})
    settings.schedule, settings.optimiser = "cosin", "adamm"
    with pytest.raises(BadInput, match="unknown schedule 'cosin', did you mean 'cosine'"):
        schedules.create(settings, 1)
    with pytest.raises(BadInput, match="unknown optimiser 'adamm', did you mean 'adam"):
        optimisers.create(settings, [])
