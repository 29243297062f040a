"""Training by gradient descent on cross-entropy over shuffled batches: one head, or several linear heads side by side.

The order of samples in an epoch is a function of the seed and the epoch alone, so that training resumed from a
checkpoint sees the same batches; everything else that the next step depends on is in the checkpoint.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from workbench.errors import BadInput
from workbench.features.store import TrainingView
from workbench.heads import HeadSpec
from workbench.heads.trained import TrainedHead
from workbench.settings import values_of
from workbench.training import closed_form, devices, loss, memory
from workbench.training.checkpoint import Checkpoint
from workbench.training.data import Data
from workbench.training.early_stopping import Score
from workbench.training.member import Member
from workbench.training.recorder import Diverged, EpochRow, Plan, Recorder, StepRow, Stopped
from workbench.training.sampling import Pieces
from workbench.training.steps import Single, Stacked, Stepper

NEVER = 2**62


def train(
    view: TrainingView, spec: HeadSpec, settings: Any, recorder: Recorder, resume: Checkpoint | None = None
) -> TrainedHead:
    """Train a head on the train rows of `view`; val is only evaluated.

    `settings` is an instance of `spec.Settings`. Raises BadInput for a device that does not exist or sizes that cannot
    be trained on, Diverged when the loss is no longer finite, Failed when not even the smallest part of a batch fits
    the device, Stopped when the recorder requests a stop (after its `stopping` has been given the state to resume
    from).
    """
    if spec.fit is not None:
        return closed_form.train(view, spec, settings, recorder, resume)
    (head,) = Trainer(view, spec, [settings], [recorder], [resume]).run()
    if isinstance(head, Diverged):
        raise head
    return head


class Trainer:
    """One training of one or more heads; `run` does all of it, and `snapshot` may be called between steps.

    With several heads, all are linear layers whose settings differ only in how weights are updated (see `batched`).
    """

    def __init__(
        self,
        view: TrainingView,
        spec: HeadSpec,
        settings: Sequence[Any],
        recorders: Sequence[Recorder],
        resume: Sequence[Checkpoint | None],
    ) -> None:
        self.spec, self.common = spec, settings[0]
        self.dim, self.classes = view.dim, len(view.classes)
        self.device = devices.resolve(self.common.device)
        memory.retain_freed()
        for one, saved in zip(settings, resume, strict=True):
            _check_resumable(saved, spec, one)
        self.data = Data(view, spec, self.common, self.device)
        modules = self._modules(len(settings), start=resume[0] is None)
        model = Single(modules[0]) if len(modules) == 1 else Stacked(modules)
        self.members = [Member(*parts, self.data.steps) for parts in zip(modules, settings, recorders, strict=True)]
        criterion = loss.create(self.common, self.data.train.labels, self.classes)
        self.stepper = Stepper(model, criterion, self.common, self.device, spec.min_batch, self._note)
        self.epoch, self.next_batch, self.step, self.before = 0, 0, 0, 0.0
        # of the epoch and of each head: the sum of losses over rows, and the rows that were predicted correctly
        self.sums = torch.zeros(2, len(modules), dtype=torch.float64, device=self.device)
        # of each head: the first step whose loss was not finite
        self.bad = torch.full((len(modules),), NEVER, dtype=torch.int64, device=self.device)
        self._restore(resume)
        self.active = [member for member in self.members if member.active]

    def _modules(self, count: int, *, start: bool) -> list[nn.Module]:
        """`count` modules with the same weights; `start` sets those that depend on train rows."""
        torch.manual_seed(self.common.seed)
        module = self.spec.build(self.data.width, self.classes, self.common).to(self.device)
        if start and self.spec.begin is not None:
            self.spec.begin(module, self.data.train, self.common)
        return [module, *(copy.deepcopy(module) for _ in range(count - 1))]

    def run(self) -> list[TrainedHead | Diverged]:
        """Train for all epochs that remain; for each of the settings the head, or why there is none."""
        plan = self._plan()
        for member in self.members:
            member.recorder.began(plan)
        self.started = self.last_step_row = time.perf_counter()
        with devices.products(self.common.precision):
            while self.epoch < self.common.epochs and self.active:
                self._train_epoch()
                self._end_epoch()
        for member in self.members:
            if member.failure is None:
                member.settle()
        return [member.failure or self.head(member) for member in self.members]

    def head(self, member: Member) -> TrainedHead:
        """The head of one member in its current state."""
        values, transform = values_of(member.settings), self.data.transform
        return TrainedHead(
            self.spec.name, values, self.dim, self.classes, transform, member.module, member.chosen()
        )  # fmt: skip

    @property
    def elapsed(self) -> float:
        """Seconds of training so far, including those before an interruption."""
        return self.before + time.perf_counter() - self.started

    def _note(self, text: str) -> None:
        for member in self.members:
            member.recorder.note(text)

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
            parameters=sum(tensor.numel() for tensor in self.members[0].module.parameters()),
            device=str(self.device),
            device_name=devices.title(self.device),
            resident=data.train.resident,
            first_epoch=self.epoch,
            memory_bytes=memory.needed(data, self.members),
            free_bytes=data.free,
        )

    def _train_epoch(self) -> None:
        """The remaining steps of the epoch; fewer when no head is left to train."""
        self.epoch_started = time.perf_counter()
        for member in self.members:
            member.module.train()
        if self.next_batch == 0:
            self.sums.zero_()
        batches = self.data.batches(self.epoch, self.next_batch)
        interval = min(member.recorder.step_interval for member in self.members)
        for index in range(self.next_batch, self.data.steps):
            if any(member.recorder.stop_requested for member in self.members):
                self._stop()
            if not self.active:
                return
            losses = self._step(*next(batches))
            self.step, self.next_batch = self.step + 1, index + 1
            now = time.perf_counter()
            if now - self.last_step_row >= interval:
                self.last_step_row = now
                self._check()
                self._record_step(self.epoch + self.data.edges[index][1] / self.data.train.n, losses)

    def _step(self, x: Tensor, y: Tensor) -> Tensor:
        losses, correct = self.stepper(x, y)
        for member in self.active:
            member.learner.step(self.step)
        # sums stay on the device: reading a number here would make the GPU wait in every step
        self.sums[0] += losses.double() * len(y)
        self.sums[1] += correct
        self.bad = torch.minimum(self.bad, torch.where(losses.isfinite(), NEVER, self.step + 1))
        return losses

    def _record_step(self, position: float, losses: Tensor) -> None:
        values = losses.tolist()
        for member in self.active:
            value, lr = values[self.members.index(member)], member.learner.schedule.lr(self.step - 1)
            member.recorder.step(StepRow(position, self.step, self.elapsed, value, lr))

    def _stop(self) -> None:
        """Hand the state to the recorders and raise Stopped; return when every head has failed."""
        self._check()
        trained = [member for member in self.members if member.failure is None]
        for member in trained:
            member.recorder.stopping(partial(self.snapshot, member))
        if trained:
            raise Stopped

    def _end_epoch(self) -> None:
        """Evaluate on val, adapt to the result, record the epoch."""
        data = self.data
        train = (self.sums / data.train.n).T.tolist()  # also waits for the device, before the clock is read
        rate = data.train.n / max(time.perf_counter() - self.epoch_started, 1e-9)
        self._check(weights=True)
        active, rows = self.active, []
        with ExitStack() as averaged:
            for member in active:
                averaged.enter_context(member.learner.averaged())
            for member, (val_loss, val_accuracy) in zip(active, self._validate(active), strict=True):
                train_loss, train_accuracy = train[self.members.index(member)]
                lr = member.learner.schedule.lr(self.step - 1)
                member.epoch_done(Score(train_loss if val_loss is None else val_loss, val_accuracy))
                row = EpochRow(
                    self.epoch + 1, self.step, self.elapsed, train_loss, train_accuracy, val_loss, val_accuracy, lr,
                    rate, memory.used(self.device),
                )  # fmt: skip
                rows.append(row)
        self.epoch, self.next_batch = self.epoch + 1, 0
        self.active = [member for member in active if member.active]
        for member, row in zip(active, rows, strict=True):
            member.recorder.epoch(row, partial(self.snapshot, member))
            with member.learner.averaged():
                member.recorder.look(self.epoch, self.step, partial(self.head, member))

    def _check(self, *, weights: bool = False) -> None:
        """Fail the heads of which a loss since the start was not finite, or with `weights` a weight is not."""
        finite = torch.stack([member.learner.finite() for member in self.members]).tolist() if weights else []
        for index, (member, bad) in enumerate(zip(self.members, self.bad.tolist(), strict=True)):
            if member not in self.active:
                continue
            if bad < NEVER:
                member.fail("the loss was not finite", bad, (bad - 1) // self.data.steps + 1)
            elif weights and not finite[index]:
                epoch = (self.step - 1) // self.data.steps + 1
                member.fail("the weights were not finite", self.step, epoch)
        self.active = [member for member in self.active if member.active]

    def _validate(self, members: Sequence[Member]) -> list[tuple[float | None, float | None]]:
        """Mean cross-entropy and accuracy over val of each head; None without val rows."""
        val = self.data.val
        if val.n == 0:
            return [(None, None)] * len(members)
        for member in members:
            member.module.eval()
        sums = torch.zeros(2, len(members), dtype=torch.float64, device=self.device)
        start = 0
        with torch.inference_mode():
            for chunk in val.chunks():
                y = val.labels[start : start + len(chunk)]
                start += len(chunk)
                for index, member in enumerate(members):
                    logits = member.module(chunk)
                    sums[0, index] += nn.functional.cross_entropy(logits, y, reduction="sum").double()
                    sums[1, index] += (logits.max(1).indices == y).sum()
        return [
            (total / val.n if math.isfinite(total) else math.inf, correct / val.n) for total, correct in sums.T.tolist()
        ]

    def snapshot(self, member: Member) -> Checkpoint:
        """The state of one head between two steps, copied to the CPU's memory."""
        index = self.members.index(member)
        tensors = {**member.tensors(), "sums": self.sums[:, index], "bad": self.bad[index]}
        tensors["random.cpu"] = torch.get_rng_state()
        if self.device.type == "cuda":
            tensors["random.cuda"] = torch.cuda.get_rng_state(self.device)
        about = {
            "head": self.spec.name,
            **member.state(),
            "epoch": self.epoch,
            "next_batch": self.next_batch,
            "step": self.step,
            "seconds": self.elapsed,
            "part": self.stepper.part,
            "cut": None if self.data.cut is None else asdict(self.data.cut),
        }
        return Checkpoint({key: value.detach().cpu().clone().contiguous() for key, value in tensors.items()}, about)

    def _restore(self, resume: Sequence[Checkpoint | None]) -> None:
        saved = [one for one in resume if one is not None]
        if not saved:
            return
        for index, (member, one) in enumerate(zip(self.members, saved, strict=True)):
            member.restore(one, self.device)
            self.sums[:, index] = one.tensors["sums"].to(self.device)
            self.bad[index] = one.tensors["bad"].to(self.device)
        about, tensors = saved[0].about, saved[0].tensors
        self.epoch, self.next_batch, self.step = about["epoch"], about["next_batch"], about["step"]
        self.before = about["seconds"]
        self.stepper.part = about["part"]
        self.data.cut = None if about["cut"] is None else Pieces(**about["cut"])
        torch.set_rng_state(tensors["random.cpu"])
        if self.device.type == "cuda" and "random.cuda" in tensors:
            torch.cuda.set_rng_state(tensors["random.cuda"], self.device)


def _check_resumable(saved: Checkpoint | None, spec: HeadSpec, settings: Any) -> None:
    """Raise BadInput when the checkpoint is that of another training."""
    if saved is not None and (saved.about["head"], saved.about["settings"]) != (spec.name, values_of(settings)):
        raise BadInput("the checkpoint was written with different settings; start a new run")
