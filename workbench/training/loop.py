"""Training by gradient descent on cross-entropy over shuffled batches.

The order of samples in an epoch follows from the seed and the epoch alone, so that training resumed from a checkpoint
sees the same batches; everything else that the next step depends on is in the checkpoint.
"""

from __future__ import annotations

import math
import time
from typing import Any

import torch
from torch import Tensor, nn

from workbench.errors import BadInput
from workbench.features.store import TrainingView
from workbench.heads import HeadSpec
from workbench.heads.trained import TrainedHead
from workbench.settings import values_of
from workbench.training import closed_form, devices, loss, memory, orders
from workbench.training.checkpoint import Checkpoint
from workbench.training.choosing import Score
from workbench.training.data import Data
from workbench.training.learner import Learner, under
from workbench.training.orders import Pieces
from workbench.training.recorder import Diverged, EpochRow, Plan, Recorder, StepRow, Stopped
from workbench.training.rows import Rows
from workbench.training.steps import Stepper

NEVER = 2**62


def train(
    view: TrainingView, spec: HeadSpec, settings: Any, recorder: Recorder, resume: Checkpoint | None = None
) -> TrainedHead:
    """Train a head on the train rows of `view`; val rows are only looked at.

    `settings` is an instance of `spec.Settings`. Raises BadInput for a device that is not there or sizes that cannot be
    trained on, Diverged when the loss is no longer a number, Failed when not even the smallest part of a batch fits the
    device, Stopped when the recorder asks to stop (its `stopping` was then given the state to go on from).
    """
    if spec.fit is not None:
        return closed_form.train(view, spec, settings, recorder, resume)
    return Trainer(view, spec, settings, recorder, resume).run()


class Trainer:
    """One training; `run` does it all, and `snapshot` may be called between steps."""

    def __init__(
        self, view: TrainingView, spec: HeadSpec, settings: Any, recorder: Recorder, resume: Checkpoint | None
    ) -> None:
        self.spec, self.settings, self.recorder = spec, settings, recorder
        self.dim, self.classes = view.dim, len(view.classes)
        self.device = devices.resolve(settings.device)
        memory.hold_freed()
        if resume is not None:
            _same_training(resume, spec, settings)
        self.data = Data(view, spec, settings, self.device)
        torch.manual_seed(settings.seed)
        self.module = spec.build(self.data.width, self.classes, settings).to(self.device)
        if spec.begin is not None and resume is None:
            spec.begin(self.module, self.data.train, settings)
        self.learner = Learner(self.module.parameters(), settings, self.data.steps)
        criterion = loss.of(settings, self.data.train.labels, self.classes)
        self.stepper = Stepper(self.module, criterion, settings, self.device, spec.min_batch, recorder.note)
        self.epoch, self.next_batch, self.step, self.before = 0, 0, 0, 0.0
        # of the epoch: the sum of losses over rows, rows that were right, the first step whose loss was not finite
        self.sums = torch.zeros(2, dtype=torch.float64, device=self.device)
        self.bad = torch.full((), NEVER, dtype=torch.int64, device=self.device)
        self.best: dict[str, Tensor] = {}  # the weights of the best epoch, when those are to be kept
        if resume is not None:
            self._restore(resume)

    def run(self) -> TrainedHead:
        """All epochs that remain, then the head."""
        self.recorder.began(self._plan())
        self.started = self.told = time.perf_counter()
        with devices.products(self.settings.precision):
            while self.epoch < self.settings.epochs and not self.learner.chooser.stop:
                self._train_epoch()
                self._end_epoch()
        if self.best:
            self.module.load_state_dict(self.best)
        else:
            self.learner.settle()
        self.module.requires_grad_(False)
        return self.head()

    def head(self) -> TrainedHead:
        """The head as it is now."""
        chooser, chosen = self.learner.chooser, {}
        if chooser.stop:
            chosen["stopped_after_epoch"] = self.epoch
        if self.settings.keep != "last":
            chosen["kept_epoch"] = chooser.best_epoch
        values = values_of(self.settings)
        return TrainedHead(self.spec.name, values, self.dim, self.classes, self.data.transform, self.module, chosen)

    @property
    def elapsed(self) -> float:
        """Seconds of training so far, also before an interruption."""
        return self.before + time.perf_counter() - self.started

    def _plan(self) -> Plan:
        data = self.data
        return Plan(
            train_rows=data.train.n,
            val_rows=data.val.n,
            dim=self.dim,
            classes=self.classes,
            epochs=self.settings.epochs,
            steps_per_epoch=data.steps,
            batch_size=data.batch,
            parameters=sum(tensor.numel() for tensor in self.module.parameters()),
            device=str(self.device),
            device_name=devices.title(self.device),
            resident=data.train.resident,
            first_epoch=self.epoch,
            memory_bytes=memory.needed(data, self.module, self.settings),
            free_bytes=data.free,
        )

    def _train_epoch(self) -> None:
        self.epoch_started = time.perf_counter()
        self.module.train()
        if self.next_batch == 0:
            self.sums.zero_()
        batches = self.data.batches(self.epoch, self.next_batch)
        for index in range(self.next_batch, self.data.steps):
            if self.recorder.stop_requested:
                self._check()
                self.recorder.stopping(self.snapshot)
                raise Stopped
            value = self._step(*next(batches))
            self.step, self.next_batch = self.step + 1, index + 1
            now = time.perf_counter()
            if now - self.told >= self.recorder.step_interval:
                self.told = now
                self._check()
                position = self.epoch + self.data.edges[index][1] / self.data.train.n
                lr = self.learner.schedule.lr(self.step - 1)
                self.recorder.step(StepRow(position, self.step, self.elapsed, value.item(), lr))

    def _step(self, x: Tensor, y: Tensor) -> Tensor:
        value, right = self.stepper(x, y)
        self.learner.step(self.step)
        # sums stay on the device: reading a number here would make the GPU wait in every step
        self.sums[0] += value.double() * len(y)
        self.sums[1] += right
        self.bad = torch.minimum(self.bad, torch.where(value.isfinite(), NEVER, self.step + 1))
        return value

    def _end_epoch(self) -> None:
        """Look at val, choose by it, tell of the epoch."""
        data, learner = self.data, self.learner
        train_loss, train_accuracy = (value / data.train.n for value in self.sums.tolist())
        rate = data.train.n / max(time.perf_counter() - self.epoch_started, 1e-9)
        self._check(weights=True)
        lr = learner.schedule.lr(self.step - 1)
        with learner.averaged():
            val_loss, val_accuracy = self._validate()
            best = learner.epoch_done(Score(train_loss if val_loss is None else val_loss, val_accuracy))
            if best and self.settings.keep != "last":
                self.best = {key: value.detach().clone() for key, value in self.module.state_dict().items()}
        self.epoch, self.next_batch = self.epoch + 1, 0
        row = EpochRow(
            self.epoch, self.step, self.elapsed, train_loss, train_accuracy, val_loss, val_accuracy, lr, rate,
            memory.used(self.device),
        )  # fmt: skip
        self.recorder.epoch(row, self.snapshot)
        with learner.averaged():
            self.recorder.look(self.epoch, self.step, self.head)

    def _check(self, *, weights: bool = False) -> None:
        """Raise Diverged when some step since the start had a loss that is not finite; `weights`: they count too."""
        bad = int(self.bad)
        what = "the loss was not a finite number"
        if bad == NEVER and weights and not bool(self.learner.finite()):
            bad, what = self.step, "the weights were no longer finite numbers"
        if bad < NEVER:
            epoch = (bad - 1) // self.data.steps + 1
            raise Diverged(
                f"{what} at step {bad} (epoch {epoch}); "
                f"try a lower learning rate than {self.settings.lr:g}, e.g. lr={self.settings.lr / 10:g}"
                + ("" if self.settings.transform != "none" else ", or transform=standardise")
            )

    def _validate(self) -> tuple[float | None, float | None]:
        """Mean cross-entropy and accuracy over val; None without val rows."""
        val: Rows = self.data.val
        if val.n == 0:
            return None, None
        self.module.eval()
        sums = torch.zeros(2, dtype=torch.float64, device=self.device)
        start = 0
        with torch.inference_mode():
            for chunk in val.chunks():
                y = val.labels[start : start + len(chunk)]
                start += len(chunk)
                logits = self.module(chunk)
                sums[0] += nn.functional.cross_entropy(logits, y, reduction="sum").double()
                sums[1] += (logits.max(1).indices == y).sum()
        total, correct = sums.tolist()
        return total / val.n if math.isfinite(total) else math.inf, correct / val.n

    def snapshot(self) -> Checkpoint:
        """The state between two steps, copied to the CPU's memory."""
        tensors = {f"module.{key}": value for key, value in self.module.state_dict().items()}
        tensors |= {f"learner.{key}": value for key, value in self.learner.tensors().items()}
        tensors |= {f"best.{key}": value for key, value in self.best.items()}
        tensors |= {"sums": self.sums, "bad": self.bad, "random.cpu": torch.get_rng_state()}
        if self.device.type == "cuda":
            tensors["random.cuda"] = torch.cuda.get_rng_state(self.device)
        about = {
            "head": self.spec.name,
            "settings": values_of(self.settings),
            "epoch": self.epoch,
            "next_batch": self.next_batch,
            "step": self.step,
            "seconds": self.elapsed,
            "learner": self.learner.state(),
            "part": self.stepper.part,
            "cut": orders.plain(self.data.cut),
        }
        return Checkpoint({key: value.detach().cpu().clone().contiguous() for key, value in tensors.items()}, about)

    def _restore(self, saved: Checkpoint) -> None:
        tensors, about = saved.tensors, saved.about
        self.module.load_state_dict(under("module.", tensors))
        self.learner.restore(under("learner.", tensors), about["learner"])
        self.best = {key: value.to(self.device) for key, value in under("best.", tensors).items()}
        self.sums.copy_(tensors["sums"])
        self.bad = tensors["bad"].to(self.device)
        self.epoch, self.next_batch, self.step = about["epoch"], about["next_batch"], about["step"]
        self.before = about["seconds"]
        self.stepper.part = about["part"]
        self.data.cut = None if about["cut"] is None else Pieces(**about["cut"])
        torch.set_rng_state(tensors["random.cpu"])
        if self.device.type == "cuda" and "random.cuda" in tensors:
            torch.cuda.set_rng_state(tensors["random.cuda"], self.device)


def _same_training(saved: Checkpoint, spec: HeadSpec, settings: Any) -> None:
    if saved.about["head"] != spec.name or saved.about["settings"] != values_of(settings):
        raise BadInput("the checkpoint belongs to a training with other settings; start a new run")
