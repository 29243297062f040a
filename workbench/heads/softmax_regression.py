"""L2-regularised multinomial logistic regression by preconditioned L-BFGS over all rows.

The objective is `mean cross-entropy + |W|^2 / (2 C n)`, that of scikit-learn divided by C n; the intercept is not
penalised. What makes it fast:

- Features are centred implicitly, which does not change the problem and decouples weights and intercept.
- The Hessian is near `M x S + I / (C n)`, where M [C, C] is the mean of `diag(p) - p p^T` and S [D, D] the covariance
  of the rows. Both are diagonalised, and L-BFGS starts from the inverse.
- Logits are affine in the step, so that a line search of any length costs two matrix products an iteration in all.
- A sample of the rows gives the mean and S, and is solved first for a good starting point.

Matrix products are float32 on the rows' device; sums over rows, weights and directions are float64. Stops when half the
decrement `g^T H g` that L-BFGS expects of a full step, an estimate of the distance to the optimum, is below `tolerance`
times the objective.

References: Liu and Nocedal (1989), On the limited memory BFGS method for large scale optimization, Math. Program. 45,
503-528; Nocedal and Wright (2006), Numerical optimization, 2nd edition.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from workbench.heads.fitting import Rows
from workbench.heads.moments import eigen

MEMORY = 10  # pairs that L-BFGS keeps
SAMPLE = 12_000  # rows of the sample at least
SAMPLE_SHARE = 16  # of larger sets: one row in so many
ELEMENTS = {"cpu": 2**22, "cuda": 2**25}  # logits worked on at a time: what a cache holds, what keeps a GPU busy
SEARCHES = 20  # evaluations of a line search at most


@dataclass
class Sample:
    """Some rows as one piece; see `Rows`."""

    features: Tensor
    labels: Tensor

    @property
    def n(self) -> int:
        return len(self.labels)

    @property
    def device(self) -> torch.device:
        return self.features.device

    def chunks(self) -> Iterator[Tensor]:
        yield self.features


def sample_of(rows: Rows) -> Sample | None:
    """Evenly spaced rows, None when that would be more than half of them."""
    step = max(1, rows.n // max(SAMPLE, rows.n // SAMPLE_SHARE))
    if step < 2:
        return None
    parts, start = [], 0
    for chunk in rows.chunks():
        parts.append(chunk[-start % step :: step])
        start += len(chunk)
    return Sample(torch.cat(parts), rows.labels[::step])


class Objective:
    """Value and gradient at weights `[C, D + 1]` (float64; last column: the intercept for centred features)."""

    def __init__(self, rows: Rows, mean: Tensor, classes: int, penalty: float) -> None:
        self.rows, self.mean, self.classes, self.penalty = rows, mean, classes, penalty
        self.at_once = max(1, ELEMENTS[rows.device.type] // classes)

    def logits(self, weights: Tensor) -> Tensor:
        """float32 [n, C]."""
        weight = weights[:, :-1].float()
        offset = (weights[:, -1] - weights[:, :-1] @ self.mean).float()
        return torch.cat([torch.addmm(offset, chunk, weight.T) for chunk in self.rows.chunks()])

    def value(self, logits: Tensor, weights: Tensor) -> float:
        loss = torch.zeros((), dtype=torch.float64, device=logits.device)
        for part, labels in zip(
            torch.split(logits, self.at_once), torch.split(self.rows.labels, self.at_once), strict=True
        ):
            loss += torch.nn.functional.cross_entropy(part, labels, reduction="none").sum(dtype=torch.float64)
        return float(loss) / self.rows.n + 0.5 * self.penalty * float(weights[:, :-1].square().sum())

    def gradient(self, logits: Tensor, weights: Tensor) -> Tensor:
        """float64 [C, D + 1]."""
        out = torch.zeros_like(weights)
        start = 0
        for chunk in self.rows.chunks():
            labels = self.rows.labels[start : start + len(chunk), None]
            excess = logits[start : start + len(chunk)].softmax(1)
            excess.scatter_add_(1, labels, torch.full_like(labels, -1, dtype=excess.dtype))
            start += len(chunk)
            out[:, :-1] += excess.T @ chunk
            out[:, -1] += excess.sum(0, dtype=torch.float64)
        out[:, :-1] -= out[:, -1:] * self.mean
        out /= self.rows.n
        out[:, :-1] += self.penalty * weights[:, :-1]
        return out

    def search(self, logits: Tensor, direction_logits: Tensor, weights: Tensor, direction: Tensor) -> float:
        """The step along the direction: Newton's method on the slope, within the bracket in which it changes sign."""
        penalised, along = weights[:, :-1], direction[:, :-1]
        fixed = self.penalty * float((penalised * along).sum())
        curved = self.penalty * float(along.square().sum())
        low, high, step, first = 0.0, float("inf"), 1.0, None
        for _ in range(SEARCHES):
            slope, bend = self._slope(logits, direction_logits, step)
            slope, bend = slope + fixed + step * curved, bend + curved
            first = abs(slope) if first is None else first
            if slope < 0:
                low = step
            else:
                high = step
            newton = step - slope / max(bend, 1e-300)
            if abs(newton - step) <= 0.05 * step:
                return newton
            step = newton if low < newton < high else (2 * low if high == float("inf") else (low + high) / 2)
        return step

    def _slope(self, logits: Tensor, along: Tensor, step: float) -> tuple[float, float]:
        """First and second derivative by the step of the mean cross-entropy."""
        sums = torch.zeros(2, dtype=torch.float64, device=logits.device)
        parts = (torch.split(tensor, self.at_once) for tensor in (logits, along, self.rows.labels))
        for z, d, labels in zip(*parts, strict=True):
            p = torch.add(z, d, alpha=step).softmax(1)
            weighted = p.mul_(d)
            mean = weighted.sum(1)
            sums[0] += (mean - d.gather(1, labels[:, None])[:, 0]).sum(dtype=torch.float64)
            sums[1] += (weighted.mul_(d).sum(1) - mean.square()).sum(dtype=torch.float64)
        slope, bend = (sums / self.rows.n).tolist()
        return slope, bend


class Preconditioner:
    """The inverse of `M x S + penalty I`, in the bases in which M and S are diagonal."""

    def __init__(self, rows: Rows, mean: Tensor, classes: int) -> None:
        """S from `rows`; M as for weights of 0 until `set_classes`."""
        total = torch.zeros(len(mean), len(mean), device=rows.device)
        for chunk in rows.chunks():
            centred = chunk - mean.float()
            total.addmm_(centred.T, centred)
        self.values, self.vectors = eigen(total.double() / rows.n)
        self.set_classes(torch.zeros(1, classes, device=rows.device))

    def set_classes(self, logits: Tensor) -> None:
        """M from probabilities."""
        p = logits.softmax(1)
        m = (p.sum(0, dtype=torch.float64).diag() - (p.T @ p).double()) / len(p)
        self.class_values, self.class_vectors = eigen(m)

    def apply(self, gradient: Tensor, penalty: float) -> Tensor:
        """[C, D + 1] -> [C, D + 1]."""
        # along the same score for all classes only the penalty curves; it must not blow the step up
        floor = 1e-3 * float(self.class_values[-1])
        class_values = self.class_values.clamp(min=floor)[:, None]
        turned = self.class_vectors.T @ gradient
        weight = (turned[:, :-1] @ self.vectors) / (class_values * self.values + penalty)
        out = torch.cat([weight @ self.vectors.T, turned[:, -1:] / class_values], 1)
        return self.class_vectors @ out


def minimise(
    objective: Objective,
    start: Tensor,
    preconditioner: Preconditioner,
    tolerance: float,
    max_iterations: int,
    callback: Callable[[float], None],
) -> tuple[Tensor, float, bool]:
    """Weights [C, D + 1], objective and whether the tolerance was reached.

    `callback` is called with the objective after each iteration.
    """
    weights = start.clone()
    logits = objective.logits(weights)
    gradient = objective.gradient(logits, weights)
    pairs: deque[tuple[Tensor, Tensor, float]] = deque(maxlen=MEMORY)
    value = objective.value(logits, weights)
    for iteration in range(max_iterations):
        if iteration in (0, 2, 5, 10, 20, 50):
            preconditioner.set_classes(logits)
        direction = -_two_loops(gradient, pairs, lambda g: preconditioner.apply(g, objective.penalty))
        slope = float((direction * gradient).sum())
        if -slope / 2 <= tolerance * value:
            return weights, value, True
        direction_logits = objective.logits(direction)
        step = objective.search(logits, direction_logits, weights, direction)
        logits.add_(direction_logits, alpha=step)
        weights = weights + step * direction
        value = objective.value(logits, weights)
        callback(value)
        before, gradient = gradient, objective.gradient(logits, weights)
        change = gradient - before
        curvature = step * float((direction * change).sum())
        if curvature > 0:
            pairs.append((step * direction, change, curvature))
    return weights, value, False


def _two_loops(
    gradient: Tensor, pairs: deque[tuple[Tensor, Tensor, float]], inverse: Callable[[Tensor], Tensor]
) -> Tensor:
    """L-BFGS' inverse Hessian times the gradient (Nocedal and Wright, algorithm 7.4); `inverse` is the initial one."""
    out = gradient.clone()
    shares = []
    for step, change, curvature in reversed(pairs):
        shares.append(float((step * out).sum()) / curvature)
        out -= shares[-1] * change
    out = inverse(out)
    for (step, change, curvature), share in zip(pairs, reversed(shares), strict=True):
        out += (share - float((change * out).sum()) / curvature) * step
    return out


class Solver:
    """Solves the problem of one set of rows for several C in turn.

    Examples
    --------
    >>> x, y = torch.tensor([[-2.0], [-1.0], [1.0], [2.0]]), torch.tensor([0, 1, 0, 1])
    >>> solver = Solver(Sample(x, y), classes=2, tolerance=1e-9, max_iterations=100)
    >>> weights, converged = solver.solve(1.0, None, lambda value: None)
    >>> weights.shape, converged
    (torch.Size([2, 2]), True)
    """

    def __init__(self, rows: Rows, classes: int, tolerance: float, max_iterations: int) -> None:
        self.rows, self.classes = rows, classes
        self.tolerance, self.max_iterations = tolerance, max_iterations
        self.sample = sample_of(rows)
        about = self.sample or rows
        # any point near the middle will do: it affects the number of iterations, not the solution
        total = sum(chunk.sum(0).double() for chunk in about.chunks())
        assert isinstance(total, Tensor)
        self.mean = total / about.n
        self.preconditioner = Preconditioner(about, self.mean, classes)

    def solve(self, strength: float, start: Tensor | None, callback: Callable[[float], None]) -> tuple[Tensor, bool]:
        """Weights [C, D + 1] for C = `strength`, and whether the tolerance was reached; from `start`, or a sample's."""
        penalty = 1 / (strength * self.rows.n)
        if start is None:
            start = torch.zeros(self.classes, len(self.mean) + 1, dtype=torch.float64, device=self.rows.device)
            if self.sample is not None:
                # an iteration costs a fraction of one over all rows, and is not reported
                objective = Objective(self.sample, self.mean, self.classes, penalty)
                start, _, _ = minimise(objective, start, self.preconditioner, 1e-4, 50, lambda value: None)
        objective = Objective(self.rows, self.mean, self.classes, penalty)
        weights, _, converged = minimise(
            objective, start, self.preconditioner, self.tolerance, self.max_iterations, callback
        )
        return weights, converged

    def intercept(self, weights: Tensor) -> Tensor:
        """The intercept [C] for the original features, of weights whose last column is that for centred ones."""
        return weights[:, -1] - weights[:, :-1] @ self.mean
