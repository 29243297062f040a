"""Heads that are solved for rather than trained by gradient descent, recorded like any other training.

A candidate (one value of the setting that val decides on) counts as an epoch, an iteration as a step. A stopped fit
resumes from the state after its last candidate, so that the resumed fit gives the bit-identical head.
"""

from __future__ import annotations

import time
from typing import Any

import torch
from torch import nn

from workbench.errors import BadInput
from workbench.features.store import TrainingView
from workbench.heads import HeadSpec, transforms
from workbench.heads.fitting import Progress, Score, Source
from workbench.heads.trained import TrainedHead
from workbench.settings import values_of
from workbench.training import devices, memory
from workbench.training.checkpoint import Checkpoint
from workbench.training.recorder import CandidateRow, Diverged, Plan, Recorder, StepRow, Stopped
from workbench.training.rows import Rows


def train(
    view: TrainingView, spec: HeadSpec, settings: Any, recorder: Recorder, resume: Checkpoint | None = None
) -> TrainedHead:
    """Fit a closed-form head on the train rows of `view`; val decides among candidates. Raises like `loop.train`."""
    return Fit(view, spec, settings, recorder, resume).run()


class Fit:
    """One fit; implements `heads.fitting.Fitting`."""

    def __init__(
        self, view: TrainingView, spec: HeadSpec, settings: Any, recorder: Recorder, resume: Checkpoint | None
    ) -> None:
        self.spec, self.settings, self.recorder = spec, settings, recorder
        self.raw_dim, self.classes = view.dim, len(view.classes)
        self.dim = transforms.width(settings, view.dim)
        self.device = devices.resolve(settings.device)
        memory.retain_freed()
        if len(view.train_rows) == 0:
            raise BadInput("train has no rows; lower [validation] fraction in workbench.toml")
        self.source = Source(view.fingerprint, view.features, view.train_rows)
        self.chosen: dict[str, Any] = {}
        self.progress, self.before = Progress(), 0.0
        self.step = self.candidate_step = 0
        if resume is not None:
            self._restore(resume)
        size = 4 * view.dim * (len(view.train_rows) + len(view.val_rows))
        resident = devices.fits(size, self.device)
        self.train = Rows(view.features, view.labels, view.train_rows, self.device, resident=resident)
        self.val = Rows(view.features, view.labels, view.val_rows, self.device, resident=resident)

    def run(self) -> TrainedHead:
        """Fit the transform, then the head."""
        transform = transforms.fit(self.settings, self.raw_dim, self.train.chunks, self.device)
        for rows in (self.train, self.val):
            rows.set_transform(transform)
        torch.manual_seed(self.settings.seed)
        module = self.spec.build(self.dim, self.classes, self.settings).to(self.device).requires_grad_(False)
        self.started = self.last_step_row = time.perf_counter()
        self.recorder.began(self._plan(module))
        self._stop_if_requested()
        assert self.spec.fit is not None
        with torch.no_grad():
            self.spec.fit(module, self)
        values = values_of(self.settings)
        return TrainedHead(self.spec.name, values, self.raw_dim, self.classes, transform, module, self.chosen)

    def iteration(self, loss: float) -> None:
        """See `Fitting`; raises Stopped when the recorder requests a stop, Diverged when `loss` is NaN."""
        self.step += 1
        if loss != loss:
            raise Diverged(f"the loss was not finite at iteration {self.step}; try transform=standardise")
        now = time.perf_counter()
        if now - self.last_step_row >= self.recorder.step_interval:
            self.last_step_row = now
            self.recorder.step(StepRow(self.progress.done + 0.5, self.step, self.elapsed, loss, None))
        self._stop_if_requested()

    def candidate(
        self, setting: str, value: float, train: Score | None, val: Score | None, progress: Progress | None = None
    ) -> None:
        """See `Fitting`; raises Stopped when the recorder requests a stop."""
        done = self.progress.done + 1
        self.progress = progress or Progress()
        self.progress.done = done
        self.candidate_step = self.step
        row = CandidateRow(
            epoch=done,
            step=self.step,
            time=self.elapsed,
            train_loss=train.loss if train else None,
            train_accuracy=train.accuracy if train else None,
            val_loss=val.loss if val else None,
            val_accuracy=val.accuracy if val else None,
            lr=None,
            rows_per_second=self.train.n * done / max(self.elapsed, 1e-9),
            setting=setting,
            value=value,
        )
        self.recorder.epoch(row, self.snapshot)
        self._stop_if_requested()

    def _stop_if_requested(self) -> None:
        if self.recorder.stop_requested:
            self.recorder.stopping(self.snapshot)
            raise Stopped

    @property
    def elapsed(self) -> float:
        """Seconds of fitting so far, including those before an interruption."""
        return self.before + time.perf_counter() - self.started

    def _plan(self, module: nn.Module) -> Plan:
        return Plan(
            train_rows=self.train.n,
            val_rows=self.val.n,
            dim=self.raw_dim,
            classes=self.classes,
            epochs=self.spec.fits(self.settings),
            steps_per_epoch=1,
            batch_size=self.train.n,
            parameters=sum(tensor.numel() for tensor in module.parameters()),
            device=str(self.device),
            device_name=devices.title(self.device),
            resident=self.train.resident,
            first_epoch=self.progress.done,
        )

    def snapshot(self) -> Checkpoint:
        """The state after the last candidate; that of the beginning for a fit that cannot resume from a candidate."""
        progress = self.progress if self.progress.tensors or not self.progress.done else Progress()
        about = {
            "head": self.spec.name,
            "settings": values_of(self.settings),
            "epoch": progress.done,
            "next_batch": 0,
            "step": self.candidate_step if progress.done else 0,
            "seconds": self.elapsed,
            "values": progress.values,
        }
        tensors = {key: value.detach().cpu().clone().contiguous() for key, value in progress.tensors.items()}
        return Checkpoint(tensors, about)

    def _restore(self, saved: Checkpoint) -> None:
        about = saved.about
        if about["head"] != self.spec.name or about["settings"] != values_of(self.settings):
            raise BadInput("the checkpoint was written with different settings; start a new run")
        tensors = {key: value.to(self.device) for key, value in saved.tensors.items()}
        self.progress = Progress(about["epoch"], tensors, about["values"])
        self.step = self.candidate_step = about["step"]
        self.before = about["seconds"]
