"""Many linear heads trained in one pass over the data: one product of features with all their weights a step.

Each head has a learning rate, weight decay and whatever else moves weights of its own; what concerns the data (seed,
batch size, transform, augmentation) is common. Heads do not touch each other: each is what training it alone with the
same seed gives, but for the rounding of a wider matrix product.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

import torch
from torch import Tensor, nn

from workbench.errors import BadInput
from workbench.features.store import TrainingView
from workbench.heads import HeadSpec
from workbench.heads.trained import TrainedHead
from workbench.settings import values_of
from workbench.training import devices, loss, memory, orders
from workbench.training.checkpoint import Checkpoint
from workbench.training.choosing import Score
from workbench.training.data import Data
from workbench.training.learner import Learner, under
from workbench.training.loop import NEVER
from workbench.training.loss import Augment, Targets
from workbench.training.orders import Pieces
from workbench.training.recorder import Diverged, EpochRow, Plan, Recorder, StepRow, Stopped
from workbench.training.steps import clip_

OWN = ("lr", "weight_decay", "schedule", "warmup", "factor", "step_epochs", "patience", "optimiser", "momentum", "clip",
       "ema", "early_stopping", "keep")  # fmt: skip


def possible(spec: HeadSpec, settings: Sequence[Any]) -> bool:
    """Whether heads of these settings can be trained together: plain linear layers that see the same batches."""
    if spec.name != "linear" or any(getattr(one, "decay_to_start", False) for one in settings):
        return False
    common = [{key: value for key, value in values_of(one).items() if key not in OWN} for one in settings]
    return all(values == common[0] for values in common)


class Member:
    """One of the heads: its weights are a slice of those of all."""

    def __init__(self, index: int, weight: Tensor, bias: Tensor, settings: Any, recorder: Recorder, steps: int) -> None:
        self.index, self.settings, self.recorder = index, settings, recorder
        self.weight, self.bias = weight, bias
        self.learner = Learner((weight, bias), settings, steps)
        self.best: dict[str, Tensor] = {}
        self.failure: Diverged | None = None

    @property
    def active(self) -> bool:
        return self.failure is None and not self.learner.chooser.stop

    def tensors(self) -> dict[str, Tensor]:
        return {"weight": self.weight, "bias": self.bias}


def train(
    view: TrainingView,
    spec: HeadSpec,
    settings: Sequence[Any],
    recorders: Sequence[Recorder],
    resume: Sequence[Checkpoint | None] | None = None,
) -> list[TrainedHead | Diverged]:
    """Train a head for each of `settings`, each told of to its recorder; in their order a head, or why there is none.

    `resume`: a checkpoint of each, all after the same step, or None for all. Raises like `loop.train`; Stopped when any
    recorder asks to stop, after each was given its state, which `loop.train` can go on from too.
    """
    return Together(view, spec, settings, recorders, resume).run()


class Together:
    """One training of several linear heads."""

    def __init__(
        self,
        view: TrainingView,
        spec: HeadSpec,
        settings: Sequence[Any],
        recorders: Sequence[Recorder],
        resume: Sequence[Checkpoint | None] | None,
    ) -> None:
        if not possible(spec, settings):
            raise BadInput("only linear heads that differ in " + ", ".join(OWN) + " can be trained together")
        self.spec, self.common = spec, settings[0]
        self.dim, self.classes = view.dim, len(view.classes)
        self.device = devices.resolve(self.common.device)
        memory.hold_freed()
        self.data = Data(view, spec, self.common, self.device)
        torch.manual_seed(self.common.seed)
        first = spec.build(self.data.width, self.classes, self.common).to(self.device)
        if spec.begin is not None:
            spec.begin(first, self.data.train, self.common)
        count = len(settings)
        self.weight = first.weight.detach().repeat(count, 1, 1).requires_grad_()  # type: ignore[operator]
        self.bias = first.bias.detach().repeat(count, 1).requires_grad_()  # type: ignore[operator]
        parts = zip(self.weight.detach(), self.bias.detach(), settings, recorders, strict=True)
        self.members = [Member(index, *part, self.data.steps) for index, part in enumerate(parts)]
        self.loss = loss.of(self.common, self.data.train.labels, self.classes)
        self.augment = Augment(self.common)
        self.epoch, self.next_batch, self.step, self.before = 0, 0, 0, 0.0
        self.sums = torch.zeros(2, count, dtype=torch.float64, device=self.device)
        self.bad = torch.full((count,), NEVER, dtype=torch.int64, device=self.device)
        self._restore(resume)

    def run(self) -> list[TrainedHead | Diverged]:
        """All epochs that remain, then the heads."""
        for member in self.members:
            member.recorder.began(self._plan())
        self.started = self.told = time.perf_counter()
        with devices.products(self.common.precision):
            while self.epoch < self.common.epochs and any(member.active for member in self.members):
                self._train_epoch()
                self._end_epoch()
        return [member.failure or self._settled(member) for member in self.members]

    @property
    def elapsed(self) -> float:
        """Seconds of training so far."""
        return self.before + time.perf_counter() - self.started

    def _plan(self) -> Plan:
        data = self.data
        return Plan(
            train_rows=data.train.n,
            val_rows=data.val.n,
            dim=self.dim,
            classes=self.classes,
            epochs=self.common.epochs,
            steps_per_epoch=data.steps,
            batch_size=data.batch,
            parameters=self.weight[0].numel() + self.bias[0].numel(),
            device=str(self.device),
            device_name=devices.title(self.device),
            resident=data.train.resident,
            first_epoch=self.epoch,
            memory_bytes=memory.needed(data, nn.ParameterList([self.weight, self.bias]), self.common),
            free_bytes=data.free,
        )

    def _logits(self, x: Tensor) -> Tensor:
        """[n, D] -> [n, heads, C]."""
        with devices.autocast(self.device, enabled=self.common.precision == "bf16" and torch.is_grad_enabled()):
            flat = torch.addmm(self.bias.flatten(), x, self.weight.flatten(0, 1).T)
        logits: Tensor = flat.float().view(len(x), len(self.members), self.classes)
        return logits

    def _losses(self, logits: Tensor, targets: Targets) -> Tensor:
        """The mean loss of each head: [heads]."""
        part = self._mean(logits, targets.y)
        if targets.other is None:
            return part
        return targets.share * part + (1 - targets.share) * self._mean(logits, targets.other)

    def _mean(self, logits: Tensor, y: Tensor) -> Tensor:
        # a softmax over few classes is several times as fast on a CPU when the heads lie side by side
        rows = nn.functional.cross_entropy(
            logits.transpose(1, 2).contiguous(),
            y[:, None].expand(-1, len(self.members)),
            weight=self.loss.weight,
            label_smoothing=self.loss.smoothing,
            reduction="none",
        )
        return rows.sum(0) / (len(y) if self.loss.weight is None else self.loss.weight[y].sum())

    def _train_epoch(self) -> None:
        self.epoch_started = time.perf_counter()
        if self.next_batch == 0:
            self.sums.zero_()
        batches = self.data.batches(self.epoch, self.next_batch)
        for index in range(self.next_batch, self.data.steps):
            if any(member.recorder.stop_requested for member in self.members):
                self._check()
                for member in self.members:
                    if member.failure is None:
                        member.recorder.stopping(lambda member=member: self.snapshot(member))  # type: ignore[misc]
                raise Stopped
            values = self._step(*next(batches))
            self.step, self.next_batch = self.step + 1, index + 1
            now = time.perf_counter()
            if now - self.told >= min(member.recorder.step_interval for member in self.members):
                self.told = now
                self._check()
                self._tell_step(self.epoch + self.data.edges[index][1] / self.data.train.n, values.tolist())

    def _tell_step(self, position: float, values: list[float]) -> None:
        for member in self.members:
            if member.active:
                lr = member.learner.schedule.lr(self.step - 1)
                member.recorder.step(StepRow(position, self.step, self.elapsed, values[member.index], lr))

    def _step(self, x: Tensor, y: Tensor) -> Tensor:
        x, targets = self.augment(x, y)
        logits = self._logits(x)
        losses = self._losses(logits, targets)
        losses.sum().backward()  # type: ignore[no-untyped-call]
        weight_grad, bias_grad = self.weight.grad, self.bias.grad
        assert weight_grad is not None
        assert bias_grad is not None
        for member in self.members:
            if member.active:
                grads = [weight_grad[member.index], bias_grad[member.index]]
                if member.settings.clip is not None:
                    clip_(grads, member.settings.clip)
                member.weight.grad, member.bias.grad = grads
                member.learner.step(self.step)
        self.weight.grad = self.bias.grad = None
        values = losses.detach()
        self.sums[0] += values.double() * len(y)
        self.sums[1] += (logits.detach().max(2).indices == y[:, None]).sum(0)
        self.bad = torch.minimum(self.bad, torch.where(values.isfinite(), NEVER, self.step + 1))
        return values

    def _check(self) -> None:
        """Heads whose loss was not finite go no further; the others do not notice."""
        for member, bad in zip(self.members, self.bad.tolist(), strict=True):
            if bad < NEVER and member.failure is None:
                member.failure = Diverged(
                    f"the loss was not a finite number at step {bad} (epoch {(bad - 1) // self.data.steps + 1}); "
                    f"try a lower learning rate than {member.settings.lr:g}"
                )

    def _end_epoch(self) -> None:
        data = self.data
        rate = data.train.n / max(time.perf_counter() - self.epoch_started, 1e-9)
        active = [member for member in self.members if member.active]
        self._check()
        losses, right = (self.sums / data.train.n).tolist()
        with ExitStack() as stack:
            for member in active:
                stack.enter_context(member.learner.averaged())
            val = self._validate()
            for member in active:
                i = member.index
                score = Score(losses[i], None) if val is None else Score(val[0][i], val[1][i])
                if member.learner.epoch_done(score) and member.settings.keep != "last":
                    member.best = {key: value.clone() for key, value in member.tensors().items()}
        self.epoch, self.next_batch = self.epoch + 1, 0
        for member in active:
            if member.failure is not None:
                continue
            i, lr = member.index, member.learner.schedule.lr(self.step - 1)
            val_loss, val_accuracy = (None, None) if val is None else (val[0][i], val[1][i])
            row = EpochRow(
                self.epoch, self.step, self.elapsed, losses[i], right[i], val_loss, val_accuracy, lr, rate,
                memory.used(self.device),
            )  # fmt: skip
            member.recorder.epoch(row, lambda member=member: self.snapshot(member))  # type: ignore[misc]

    @torch.no_grad()
    def _validate(self) -> tuple[list[float], list[float]] | None:
        """Mean cross-entropy and accuracy of each head over val; None without val rows."""
        val = self.data.val
        if val.n == 0:
            return None
        sums = torch.zeros(2, len(self.members), dtype=torch.float64, device=self.device)
        start = 0
        for chunk in val.chunks():
            y = val.labels[start : start + len(chunk)]
            start += len(chunk)
            for member in self.members:
                logits = torch.addmm(member.bias, chunk, member.weight.T)
                sums[0, member.index] += nn.functional.cross_entropy(logits, y, reduction="sum").double()
                sums[1, member.index] += (logits.max(1).indices == y).sum()
        totals, correct = (sums / val.n).tolist()
        return [value if math.isfinite(value) else math.inf for value in totals], correct

    def _settled(self, member: Member) -> TrainedHead:
        """The head that is kept of one member."""
        learner, chosen = member.learner, {}
        if not member.best:
            learner.settle()
        if learner.chooser.stop:
            chosen["stopped_after_epoch"] = learner.chooser.epoch
        if member.settings.keep != "last":
            chosen["kept_epoch"] = learner.chooser.best_epoch
        module = self.spec.build(self.data.width, self.classes, member.settings).to(self.device)
        module.load_state_dict(member.best or member.tensors())
        module.requires_grad_(False)
        values = values_of(member.settings)
        return TrainedHead(self.spec.name, values, self.dim, self.classes, self.data.transform, module, chosen)

    def snapshot(self, member: Member) -> Checkpoint:
        """The state of one head between two steps, as `loop.Trainer` would have it."""
        tensors = {f"module.{key}": value for key, value in member.tensors().items()}
        tensors |= {f"learner.{key}": value for key, value in member.learner.tensors().items()}
        tensors |= {f"best.{key}": value for key, value in member.best.items()}
        tensors |= {"sums": self.sums[:, member.index], "bad": self.bad[member.index]}
        tensors["random.cpu"] = torch.get_rng_state()
        if self.device.type == "cuda":
            tensors["random.cuda"] = torch.cuda.get_rng_state(self.device)
        about = {
            "head": self.spec.name,
            "settings": values_of(member.settings),
            "epoch": self.epoch,
            "next_batch": self.next_batch,
            "step": self.step,
            "seconds": self.elapsed,
            "learner": member.learner.state(),
            "part": None,
            "cut": orders.plain(self.data.cut),
        }
        return Checkpoint({key: value.detach().cpu().clone().contiguous() for key, value in tensors.items()}, about)

    def _restore(self, saved: Sequence[Checkpoint | None] | None) -> None:
        if not saved or saved[0] is None:
            return
        for member, one in zip(self.members, saved, strict=True):
            assert one is not None
            with torch.no_grad():
                for key, value in under("module.", one.tensors).items():
                    member.tensors()[key].copy_(value)
            member.learner.restore(under("learner.", one.tensors), one.about["learner"])
            member.best = {key: value.to(self.device) for key, value in under("best.", one.tensors).items()}
            self.sums[:, member.index] = one.tensors["sums"].to(self.device)
            self.bad[member.index] = one.tensors["bad"].to(self.device)
        about, tensors = saved[0].about, saved[0].tensors
        self.epoch, self.next_batch, self.step = about["epoch"], about["next_batch"], about["step"]
        self.before = about["seconds"]
        self.data.cut = None if about["cut"] is None else Pieces(**about["cut"])
        torch.set_rng_state(tensors["random.cpu"])
        if self.device.type == "cuda" and "random.cuda" in tensors:
            torch.cuda.set_rng_state(tensors["random.cuda"], self.device)


def same_step(saved: Sequence[Checkpoint | None]) -> bool:
    """Whether training together can go on from these: all after the same step, or none begun."""
    if any(one is None for one in saved):
        return all(one is None for one in saved)
    return len({(one.about["step"], one.about["epoch"], one.about["next_batch"]) for one in saved if one}) == 1
