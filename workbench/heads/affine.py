"""What closed-form heads share whose scores are affine functions of the features, `x W^T + b`."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from workbench.heads.fitting import Fitting, Rows, Score
from workbench.heads.temperature import best_factor

ABSENT = -1e4  # the score of a class without train rows: never predicted, and still a number
SIZE_ROWS = 4096  # rows from which the size of scores is estimated


def score_of(logits: Tensor, labels: Tensor) -> Score:
    """Mean cross-entropy and accuracy of logits, float [n, C], with labels int64 [n], n > 0.

    Examples
    --------
    >>> score = score_of(torch.tensor([[2.0, 0.0], [0.0, 2.0], [2.0, 0.0]]), torch.tensor([0, 1, 1]))
    >>> round(score.loss, 3), round(score.accuracy, 3)
    (0.794, 0.667)
    """
    loss = nn.functional.cross_entropy(logits, labels, reduction="none").mean(dtype=torch.float64)
    return Score(float(loss), float((logits.argmax(1) == labels).double().mean()))


def logits_of(rows: Rows, module: nn.Module) -> Tensor:
    """The module's logits of all rows, float32 [n, C]."""
    return torch.cat([module(chunk) for chunk in rows.chunks()])


def score_rows(rows: Rows, module: nn.Module) -> Score | None:
    """Mean cross-entropy and accuracy of a module on all rows, chunk by chunk; None without rows."""
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
    """Set the weight [C, D] and bias [C], of any float type, of a linear layer."""
    assert isinstance(linear, nn.Linear)
    linear.weight.copy_(weight)
    linear.bias.copy_(bias)


def temperature(logits: Tensor, labels: Tensor) -> float:
    """The factor s > 0 for which `s * logits` have the lowest mean cross-entropy: 1 / temperature.

    `logits` are float [n, C], `labels` int64 [n]. The factor is searched from a thousandth to a thousand times the
    inverse size of the scores; where the loss has no minimum (all predictions are correct, or they are no better than
    chance) it is one end of that range.

    Examples
    --------
    >>> logits, labels = torch.tensor([[1.0, 0.0], [1.0, 0.0], [1.0, 0.0], [1.0, 0.0]]), torch.tensor([0, 0, 0, 1])
    >>> round(temperature(logits, labels), 3)  # softmax then gives 3/4 to class 0
    1.099
    """
    some = logits[:SIZE_ROWS].double()
    # the median, since absent classes have scores far from all others
    size = float((some - some.median(1, keepdim=True).values).abs().median()) or 1.0
    return best_factor(logits, labels, around=1 / size, decades=3)


def calibration(problem: Fitting, module: nn.Module) -> float:
    """The factor that calibrates the module's logits on val (train without val); 1 where the settings ask for none."""
    if not problem.settings.calibrate:
        return 1.0
    rows = problem.val if problem.val.n else problem.train
    factor = temperature(logits_of(rows, module), rows.labels)
    problem.chosen["temperature"] = 1.0 / factor
    return factor


def finish(problem: Fitting, linear: nn.Linear, module: nn.Module, counts: Tensor) -> None:
    """Calibrate `linear`, the last layer of `module`; classes without train rows (`counts` [C]) are never predicted."""
    absent = counts == 0
    linear.weight.masked_fill_(absent[:, None], 0.0)
    linear.bias.masked_fill_(absent, ABSENT)
    factor = calibration(problem, module)
    linear.weight.mul_(factor)
    linear.bias.mul_(factor).masked_fill_(absent, ABSENT)
