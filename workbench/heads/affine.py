"""What closed-form heads share whose scores are affine in the features: `x W^T + b`."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from workbench.heads.fitting import Fitting, Rows, Score
from workbench.heads.temperature import best_factor

ABSENT = -1e4  # the score of a class without train rows: never predicted, and still a number
SIZED = 4096  # rows that tell the size of scores


def score_of(logits: Tensor, labels: Tensor) -> Score:
    """Of logits [n, C] and labels int64 [n], n > 0."""
    loss = nn.functional.cross_entropy(logits, labels, reduction="none").mean(dtype=torch.float64)
    return Score(float(loss), float((logits.argmax(1) == labels).double().mean()))


def logits_of(rows: Rows, module: nn.Module) -> Tensor:
    """The module's logits of all rows, float32 [n, C]."""
    return torch.cat([module(chunk) for chunk in rows.chunks()])


def score_rows(rows: Rows, module: nn.Module) -> Score | None:
    """Of a module on all rows, without keeping their logits; None without rows."""
    if rows.n == 0:
        return None
    sums = torch.zeros(2, dtype=torch.float64, device=rows.device)
    start = 0
    for chunk in rows.chunks():
        labels, logits = rows.labels[start : start + len(chunk)], module(chunk)
        start += len(chunk)
        sums[0] += nn.functional.cross_entropy(logits, labels, reduction="none").sum(dtype=torch.float64)
        sums[1] += (logits.argmax(1) == labels).sum()
    loss, correct = sums.tolist()
    return Score(loss / rows.n, correct / rows.n)


def fill(linear: nn.Module, weight: Tensor, bias: Tensor) -> None:
    """Give a linear layer its weight [C, D] and bias [C], of any float type."""
    assert isinstance(linear, nn.Linear)
    linear.weight.copy_(weight)
    linear.bias.copy_(bias)


def temperature(logits: Tensor, labels: Tensor) -> float:
    """The factor s > 0 for which `s * logits` have the lowest mean cross-entropy (1 / temperature).

    It is searched from a thousandth to a thousand times the size of the scores; where the loss has no minimum (all
    right, or no better than chance) it is that end.
    """
    some = logits[:SIZED].double()
    # the median, since classes that are ruled out have scores far from all others
    spread = float((some - some.median(1, keepdim=True).values).abs().median()) or 1.0
    return best_factor(logits, labels, around=1 / spread, decades=3)


def calibration(problem: Fitting, module: nn.Module) -> float:
    """The factor for the module's logits that val asks for, or train without val; 1 when the settings want none."""
    if not problem.settings.calibrate:
        return 1.0
    rows = problem.val if problem.val.n else problem.train
    factor = temperature(logits_of(rows, module), rows.labels)
    problem.chosen["temperature"] = 1.0 / factor
    return factor


def finish(problem: Fitting, linear: nn.Linear, module: nn.Module, counts: Tensor) -> None:
    """Calibrate `linear`, the last layer of `module`, and rule out the classes without train rows (`counts` [C])."""
    absent = counts == 0
    linear.weight.masked_fill_(absent[:, None], 0.0)
    linear.bias.masked_fill_(absent, ABSENT)
    factor = calibration(problem, module)
    linear.weight.mul_(factor)
    linear.bias.mul_(factor).masked_fill_(absent, ABSENT)
