"""Training by gradient descent: AdamW on cross-entropy over shuffled batches.

The order of samples in an epoch follows from the seed and the epoch alone, so that training resumed from a checkpoint
sees the same batches; everything else that the next step depends on is in the checkpoint.
"""

from __future__ import annotations

import math
import time
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from workbench.errors import BadInput
from workbench.features.store import TrainingView
from workbench.heads import HeadSpec, transforms
from workbench.heads.trained import TrainedHead
from workbench.settings import values_of
from workbench.training import devices, schedules
from workbench.training.checkpoint import Checkpoint
from workbench.training.optimisers import AdamW
from workbench.training.recorder import Diverged, EpochRow, Plan, Recorder, StepRow, Stopped
from workbench.training.rows import Rows

BATCH, STEPS = 512, 64  # without a batch size given: this many rows, fewer when an epoch would have fewer steps
NEVER = 2**62


def batch_size(settings: Any, spec: HeadSpec, rows: int) -> int:
    """Rows a step: what the settings say, else 512 or the power of two that gives 64 steps an epoch; at most all rows.

    Raises BadInput when the head cannot be trained on so few.
    """
    chosen = settings.batch_size or max(8, min(BATCH, 1 << max(rows // STEPS, 1).bit_length() - 1))
    size = int(min(chosen, rows))
    if size < spec.min_batch:
        what = f"batch_size = {size}" if settings.batch_size else f"train has {rows} row(s)"
        raise BadInput(f"head {spec.name}: {what}: it needs at least {spec.min_batch} rows a step")
    return size


def train(
    view: TrainingView, spec: HeadSpec, settings: Any, recorder: Recorder, resume: Checkpoint | None = None
) -> TrainedHead:
    """Train a head on the train rows of `view`; val rows are only looked at.

    `settings` is an instance of `spec.Settings`. Raises BadInput for a device that is not there or sizes that cannot be
    trained on, Diverged when the loss is no longer a number, Stopped when the recorder asks to stop (its `stopping` was
    then given the state to go on from).
    """
    return Trainer(view, spec, settings, recorder, resume).run()


class Trainer:
    """One training; `run` does it all, and `snapshot` may be called between steps."""

    def __init__(
        self, view: TrainingView, spec: HeadSpec, settings: Any, recorder: Recorder, resume: Checkpoint | None
    ) -> None:
        self.spec, self.settings, self.recorder = spec, settings, recorder
        self.dim, self.classes = view.dim, len(view.classes)
        self.device = devices.resolve(settings.device)
        rows = len(view.train_rows)
        if rows == 0:
            raise BadInput("train has no rows; lower [validation] fraction in workbench.toml")
        self.batch = batch_size(settings, spec, rows)
        # a last batch of one row is joined to the one before it when the head cannot be trained on one
        self.bounds = _bounds(rows, self.batch, spec.min_batch)
        torch.manual_seed(settings.seed)
        self.module = spec.build(self.dim, self.classes, settings).to(self.device)
        self.optimiser = AdamW(self.module.parameters(), settings.weight_decay)
        self.schedule = schedules.make(settings.schedule, settings.lr, settings.epochs * len(self.bounds))
        self.epoch, self.next_batch, self.step, self.before = 0, 0, 0, 0.0
        # of the epoch: the sum of losses over rows, rows that were right, the first step whose loss was not finite
        self.sums = torch.zeros(2, dtype=torch.float64, device=self.device)
        self.bad = torch.full((), NEVER, dtype=torch.int64, device=self.device)
        if resume is not None:
            self._restore(resume)
        self._load(view)

    def _load(self, view: TrainingView) -> None:
        size = 4 * self.dim * (len(view.train_rows) + len(view.val_rows))
        resident = devices.fits(size, self.device)
        self.train = Rows(view.features, view.labels, view.train_rows, self.device, resident=resident)
        self.val = Rows(view.features, view.labels, view.val_rows, self.device, resident=resident)
        self.transform = transforms.fit(self.settings.transform, self.dim, self.train.chunks, self.device)
        for rows in (self.train, self.val):
            rows.set_transform(self.transform)

    def run(self) -> TrainedHead:
        """All epochs that remain, then the head."""
        self.recorder.began(self._plan())
        self.started = self.told = time.perf_counter()
        while self.epoch < self.settings.epochs:
            self._train_epoch()
            loss, accuracy = (value / self.train.n for value in self.sums.tolist())
            rate = self.train.n / max(time.perf_counter() - self.epoch_started, 1e-9)
            self._check()
            val_loss, val_accuracy = self._validate()
            lr = self.schedule.lr(self.step - 1)
            self.schedule.epoch_done(loss if val_loss is None else val_loss)
            self.epoch, self.next_batch = self.epoch + 1, 0
            row = EpochRow(self.epoch, self.step, self.elapsed, loss, accuracy, val_loss, val_accuracy, lr, rate)
            self.recorder.epoch(row, self.snapshot)
        values = values_of(self.settings)
        return TrainedHead(
            self.spec.name, values, self.dim, self.classes, self.transform, self.module.requires_grad_(False)
        )

    @property
    def elapsed(self) -> float:
        """Seconds of training so far, also before an interruption."""
        return self.before + time.perf_counter() - self.started

    def _plan(self) -> Plan:
        return Plan(
            train_rows=self.train.n,
            val_rows=self.val.n,
            dim=self.dim,
            classes=self.classes,
            epochs=self.settings.epochs,
            steps_per_epoch=len(self.bounds),
            batch_size=self.batch,
            parameters=sum(tensor.numel() for tensor in self.module.parameters()),
            device=str(self.device),
            device_name=devices.title(self.device),
            resident=self.train.resident,
            first_epoch=self.epoch,
        )

    def _train_epoch(self) -> None:
        self.epoch_started = time.perf_counter()
        self.module.train()
        if self.next_batch == 0:
            self.sums.zero_()
        order = self._order()
        for index in range(self.next_batch, len(self.bounds)):
            if self.recorder.stop_requested:
                self.recorder.stopping(self.snapshot)
                raise Stopped
            start, end = self.bounds[index]
            loss = self._step(order[start:end])
            self.step, self.next_batch = self.step + 1, index + 1
            now = time.perf_counter()
            if now - self.told >= self.recorder.step_interval:
                self.told = now
                self._check()
                position = self.epoch + end / self.train.n
                lr = self.schedule.lr(self.step - 1)
                self.recorder.step(StepRow(position, self.step, self.elapsed, loss.item(), lr))

    def _order(self) -> Tensor:
        """The order of train rows in this epoch, int64 [n], from the seed and the epoch alone."""
        seed = int(np.random.SeedSequence([self.settings.seed, self.epoch]).generate_state(1, np.uint64)[0] >> 1)
        generator = torch.Generator(self.device).manual_seed(seed)
        return torch.randperm(self.train.n, generator=generator, device=self.device)

    def _step(self, order: Tensor) -> Tensor:
        x, y = self.train.batch(order)
        logits = self.module(x)
        loss = nn.functional.cross_entropy(logits, y)
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimiser.step(self.schedule.lr(self.step))
        loss = loss.detach()
        # sums stay on the device: reading a number here would make the GPU wait in every step
        self.sums[0] += loss.double() * len(y)
        self.sums[1] += (logits.detach().argmax(1) == y).sum()
        self.bad = torch.minimum(self.bad, torch.where(loss.isfinite(), NEVER, self.step + 1))
        return loss

    def _check(self) -> None:
        """Raise Diverged when some step since the start had a loss that is not finite."""
        bad = int(self.bad)
        if bad < NEVER:
            epoch = (bad - 1) // len(self.bounds) + 1
            raise Diverged(
                f"the loss was not a finite number at step {bad} (epoch {epoch}); "
                f"try a lower learning rate than {self.settings.lr:g}, e.g. lr={self.settings.lr / 10:g}"
                + ("" if self.settings.transform != "none" else ", or transform=standardise")
            )

    def _validate(self) -> tuple[float | None, float | None]:
        """Mean cross-entropy and accuracy over val; None without val rows."""
        if self.val.n == 0:
            return None, None
        self.module.eval()
        sums = torch.zeros(2, dtype=torch.float64, device=self.device)
        start = 0
        with torch.inference_mode():
            for chunk in self.val.chunks():
                y = self.val.labels[start : start + len(chunk)]
                start += len(chunk)
                logits = self.module(chunk)
                sums[0] += nn.functional.cross_entropy(logits, y, reduction="sum").double()
                sums[1] += (logits.argmax(1) == y).sum()
        loss, correct = sums.tolist()
        return loss / self.val.n if math.isfinite(loss) else math.inf, correct / self.val.n

    def snapshot(self) -> Checkpoint:
        """The state between two steps, copied to the CPU's memory."""
        tensors = {f"module.{key}": value for key, value in self.module.state_dict().items()}
        tensors |= {f"optimiser.{key}": value for key, value in self.optimiser.tensors().items()}
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
            "schedule": self.schedule.state(),
        }
        return Checkpoint({key: value.detach().cpu().clone().contiguous() for key, value in tensors.items()}, about)

    def _restore(self, saved: Checkpoint) -> None:
        tensors, about = saved.tensors, saved.about
        if about["head"] != self.spec.name or about["settings"] != values_of(self.settings):
            raise BadInput("the checkpoint belongs to a training with other settings; start a new run")
        self.module.load_state_dict(_under("module.", tensors))
        self.optimiser.restore(_under("optimiser.", tensors))
        self.sums.copy_(tensors["sums"])
        self.bad = tensors["bad"].to(self.device)
        self.epoch, self.next_batch, self.step = about["epoch"], about["next_batch"], about["step"]
        self.before = about["seconds"]
        self.schedule.restore(about["schedule"])
        torch.set_rng_state(tensors["random.cpu"])
        if self.device.type == "cuda" and "random.cuda" in tensors:
            torch.cuda.set_rng_state(tensors["random.cuda"], self.device)


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}


def _bounds(rows: int, batch: int, least: int) -> list[tuple[int, int]]:
    """Where each batch of an epoch starts and ends; a rest of fewer than `least` rows goes with the batch before it."""
    starts = list(range(0, rows, batch))
    if len(starts) > 1 and rows - starts[-1] < least:
        starts.pop()
    return list(zip(starts, [*starts[1:], rows], strict=True))
