"""One of the heads that are trained side by side: its weights, how they are updated, and its recorder."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from workbench.settings import values_of
from workbench.training.checkpoint import Checkpoint
from workbench.training.early_stopping import Score
from workbench.training.learner import Learner, under
from workbench.training.recorder import Diverged, Recorder


class Member:
    """A head in training. `failure` is set when its loss or its weights are no longer finite numbers."""

    def __init__(self, module: nn.Module, settings: Any, recorder: Recorder, steps_per_epoch: int) -> None:
        self.module, self.settings, self.recorder = module, settings, recorder
        self.learner = Learner(module.parameters(), settings, steps_per_epoch)
        self.best: dict[str, Tensor] = {}  # the weights of the best epoch, when those are to be kept
        self.failure: Diverged | None = None

    @property
    def active(self) -> bool:
        """Whether its weights are still updated."""
        return self.failure is None and not self.learner.early_stopping.stop

    def fail(self, reason: str, step: int, epoch: int) -> None:
        """End its training; the message says where it happened and what to try."""
        lr = self.settings.lr
        self.failure = Diverged(
            f"{reason} at step {step} (epoch {epoch}); try a lower learning rate than {lr:g}, e.g. lr={lr / 10:g}"
            + ("" if self.settings.transform != "none" else ", or transform=standardise")
        )

    def epoch_done(self, score: Score) -> None:
        """Adapt to the result of an epoch and keep the weights when they are the best so far."""
        if self.learner.epoch_done(score) and self.settings.keep != "last":
            self.best = {key: value.detach().clone() for key, value in self.module.state_dict().items()}

    def settle(self) -> None:
        """Set the weights to those that are kept, for good."""
        if self.best:
            self.module.load_state_dict(self.best)
        else:
            self.learner.settle()
        self.module.requires_grad_(False)

    def chosen(self) -> dict[str, Any]:
        """What val decided, for the summary of the run."""
        early_stopping, out = self.learner.early_stopping, {}
        if early_stopping.stop:
            out["stopped_after_epoch"] = early_stopping.epoch
        if self.settings.keep != "last":
            out["kept_epoch"] = early_stopping.best_epoch
        return out

    def tensors(self) -> dict[str, Tensor]:
        """The state for a checkpoint, to which `state()` belongs too."""
        out = {f"module.{key}": value for key, value in self.module.state_dict().items()}
        out |= {f"learner.{key}": value for key, value in self.learner.tensors().items()}
        return out | {f"best.{key}": value for key, value in self.best.items()}

    def state(self) -> dict[str, Any]:
        """Plain values for a checkpoint."""
        return {"settings": values_of(self.settings), "learner": self.learner.state()}

    def restore(self, saved: Checkpoint, device: torch.device) -> None:
        """Continue from a checkpoint."""
        self.module.load_state_dict(under("module.", saved.tensors))
        self.learner.restore(under("learner.", saved.tensors), saved.about["learner"])
        self.best = {key: value.to(device) for key, value in under("best.", saved.tensors).items()}
